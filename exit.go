package multiproc

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
)

// Exit codes. A child's are 0, 1 and 2 for an entry that returned, returned an
// error, or panicked.
const (
	exitError  = 1
	exitPanic  = 2
	exitOrphan = 3 // the parent died and the grace time is over
	exitSignal = 128
)

// AtExit makes fn run when this process ends by itself: in the root when Main
// ends, in a child when its entry has. Functions run last in, first out, after
// the children have ended. They do not run in a process that was killed, called
// [os.Exit], or lost its parent and its grace time with it. In goroutine mode
// ctx tells which child is meant.
//
// A panic in fn is printed and makes an exit code of 0 a 2; the others still run.
func AtExit(ctx context.Context, fn func()) {
	if fn == nil {
		panic("multiproc: AtExit of a nil function")
	}
	s := selfOf(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exits = append(s.exits, fn)
}

// finish does all that stands between the end of an entry, or of Main's
// function, and the end of the process. It returns the exit code.
func (s *self) finish(ctx context.Context, code int) int {
	s.leave(ctx)
	for {
		fn := s.popExit()
		if fn == nil {
			break
		}
		if !runExit(fn) && code == 0 {
			code = exitPanic
		}
	}
	s.leave(ctx) // what exit functions may have started
	return code
}

func (s *self) popExit() func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.exits)
	if n == 0 {
		return nil
	}
	fn := s.exits[n-1]
	s.exits = s.exits[:n-1]
	return fn
}

// runExit reports whether fn returned. It has a goroutine of its own, as entries
// have, so that a Goexit ends nothing else.
func runExit(fn func()) bool {
	returned := make(chan bool, 1)
	go func() {
		ok := false
		defer func() {
			if v := recover(); v != nil {
				complain(fmt.Sprintf("panic in an exit function: %v\n\n%s", v, debug.Stack()))
			}
			returned <- ok
		}()
		fn()
		ok = true
	}()
	return <-returned
}

// complain prints to standard error, as the program.
func complain(v any) {
	fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(os.Args[0]), v)
}
