package multiproc

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/handoff/mark"
)

// Main is a program's main function: in the root process it calls run, in a
// child the child's entry. It does not return but exits, in the root as follows.
//
// The context that run gets ends at the first SIGINT (Ctrl-C) or SIGTERM, with
// an [*InterruptError] as its cause. When run has returned, Main waits for the
// children that are not daemons and then ends the daemons; if a signal has come,
// it ends all of them, giving each its grace time. Then it runs the functions of
// [AtExit]. It prints the error of run and exits with code 1, or 0 without one.
// After a signal the code is 130 (143 for SIGTERM), and an error that only tells
// of the cancelling is not printed. A second signal kills all children and ends
// the program at once.
//
// Everything before Main, package initialization included, runs in each child
// too. The arguments of the program are the same there.
func Main(run func(context.Context) error) { Config{}.Main(run) }

// Init is for programs with a main function of their own, and for TestMain: in a
// child it runs the entry and does not return, in the root it does nothing but
// allow Start. Call it first. It leaves signals alone, and when such a program
// ends, its children are orphans and end within their grace time; it may wait
// for them before.
func Init() { Config{}.Init() }

// Main is the function Main with this configuration.
func (c Config) Main(run func(context.Context) error) {
	c.Init()
	if _, err := family.DefaultMode(); err != nil && c.Mode == Auto {
		complain(err) // before run has done half of its work
		os.Exit(exitError)
	}
	os.Exit(lead(run))
}

// Init is the function Init with this configuration. Only the first call of
// Init or Main counts; a configuration that comes too late panics.
func (c Config) Init() {
	first := closeRegistry()
	if !first {
		if c != (Config{}) {
			panic(errConfigured)
		}
		return
	}
	config = c
	if c.Logger != nil {
		family.SetLogger(c.Logger)
	}
	provide()
	marked := mark.IsMarked()
	beChild() // returns only in the root
	if marked {
		checkEntries()
	}
	c.configureFamily()
}

var errConfigured = errors.New("multiproc: configured after Main or Init")

// lead runs a root process and returns its exit code.
func lead(run func(context.Context) error) int {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 8)
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		// One that was ignored when the program was started, as by nohup, stays so.
		if !signal.Ignored(sig) {
			signal.Notify(signals, sig)
		}
	}
	go func() {
		cancel(&InterruptError{<-signals})
		sig := <-signals
		killAll()
		os.Exit(signalCode(sig))
	}()

	err := run(ctx)
	code := 0
	if err != nil {
		code = exitError
		if !(interrupt(ctx) != nil && errors.Is(err, context.Canceled)) {
			complain(err)
		}
	}
	code = here.finish(ctx, code)
	if sig := interrupt(ctx); sig != nil {
		code = signalCode(sig)
	}
	return code
}

// interrupt is the signal that ended Main's context.
func interrupt(ctx context.Context) os.Signal {
	if e, ok := context.Cause(ctx).(*InterruptError); ok {
		return e.Signal
	}
	return nil
}

func signalCode(sig os.Signal) int {
	if s, ok := sig.(syscall.Signal); ok {
		return exitSignal + int(s)
	}
	return exitError
}

// killAll leaves the children's own children to their leases: they are orphans
// at once.
func killAll() {
	for _, p := range here.list() {
		p.body.kill()
	}
}
