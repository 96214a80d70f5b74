package multiproc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/multiproc-go/multiproc/internal/handoff"
	"github.com/multiproc-go/multiproc/internal/lease"
)

// A Process is a child that was started. Its methods may be called by any number
// of goroutines, and after its end too.
//
// It is known to the kernel by a pidfd: no method can ever reach another process
// that was given the same pid later.
type Process struct {
	name   string
	entry  string
	pid    int
	id     lease.ID
	daemon bool
	grace  time.Duration
	owner  *self
	body   body
	asked  bool // there is a Call, by which the result can be had

	// done is closed by the goroutine that owns the child, as its last act: the
	// process has been waited for and its slot collected. gone is closed with
	// it, or before it where a goroutine outlasts its grace time.
	done chan struct{}
	gone chan struct{}

	// The states: running → stopping (stop) → ended (end); or running → ended.
	mu      sync.Mutex
	release func() bool // stops watching the context of Start
	cause   error       // set by stop: why the child was told to end
	killer  *time.Timer // started by stop
	ended   bool
	side    sync.WaitGroup // goroutines of stop

	// Written before done is closed.
	err    error
	code   int
	result *handoff.Payload // nil without a result, or nobody who could have it
	lost   error            // of a result: why it cannot be had
}

// body is what differs between a process and a goroutine.
type body interface {
	// cancel ends the child's context. It may block while the child reads
	// nothing, but not beyond the child's end.
	cancel(cause error)
	signal(os.Signal) error
	// kill ends the child, or where that cannot be done cancels it and says so.
	kill() error
}

// Pid is the process id; in goroutine mode that of this process.
func (p *Process) Pid() int { return p.pid }

// Name is the one that its options gave it, or its entry's name, numbered.
func (p *Process) Name() string { return p.name }

// Entry is the name of its entry.
func (p *Process) Entry() string { return p.entry }

// Daemon tells whether this process waits for it when it ends itself.
func (p *Process) Daemon() bool { return p.daemon }

// Done is closed when the process has ended and has been collected: it holds no
// lock any more that others could wait for without being told.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for the end of the process and returns nil if its entry returned
// nil and the process then exited with code 0. Otherwise it returns
//
//   - a [*ChildError]: the entry returned an error, or called Goexit;
//   - a [*PanicError]: the entry panicked;
//   - an [*ExitError]: the process exited before its entry returned;
//   - a [*SignalError]: a signal killed it;
//   - a [*StartError]: it could not be set up, and the entry has not run;
//   - a [*ProcessError]: the kernel does not tell, as when SIGCHLD is ignored;
//
// every time the same, and to every caller. If ctx ends first, Wait returns
// ctx.Err() and nothing has changed.
func (p *Process) Wait(ctx context.Context) error {
	if isClosed(p.done) {
		return p.err // even if ctx has ended too
	}
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// WaitReady waits for the end of the process, for conn.Select: it returns nil however that was, and ctx's error if ctx ends first.
func (p *Process) WaitReady(ctx context.Context) error {
	if err := p.Wait(ctx); p.Alive() {
		return err
	}
	return nil
}

// ExitCode is the code that the process exited with, or -N if signal N killed
// it. ok is false while it runs. In goroutine mode it is what a process's would be.
func (p *Process) ExitCode() (code int, ok bool) {
	if p.Alive() {
		return 0, false
	}
	return p.code, true
}

// Alive tells whether the process has not ended, or not been collected, yet.
func (p *Process) Alive() bool {
	return !isClosed(p.done)
}

// Signal sends a signal. A child drops SIGINT unless its entry asks for it with
// [os/signal.Notify], for a terminal sends it to the whole family and the root
// sees to it. After the end of the process the error is [os.ErrProcessDone].
// In goroutine mode SIGTERM and SIGKILL are Terminate and Kill, and any other
// signal is ErrUnsupported.
func (p *Process) Signal(sig os.Signal) error { return p.send("signal", sig) }

// Terminate sends SIGTERM: the child's context ends, with the cause
// ErrTerminated. Nothing else happens to a child that does not heed it. One that
// was started so recently that it does not listen yet is killed by it.
func (p *Process) Terminate() error { return p.send("terminate", syscall.SIGTERM) }

// Kill sends SIGKILL. In goroutine mode, where nothing can be killed, it ends the
// child's context, as cancelling does, and returns ErrUnsupported.
func (p *Process) Kill() error { return p.send("kill", os.Kill) }

func (p *Process) send(op string, sig os.Signal) error {
	err := os.ErrProcessDone
	switch {
	case !p.Alive():
	case sig == os.Kill:
		note("kill", "process", p.name, "pid", p.pid)
		err = p.body.kill()
	default:
		err = p.body.signal(sig)
	}
	if err == nil {
		return nil
	}
	return &ProcessError{Op: op, Name: p.name, Pid: p.pid, Err: err}
}

// String is for people.
func (p *Process) String() string {
	code, ok := p.ExitCode()
	switch {
	case !ok:
		return fmt.Sprintf("%s, running", who(p.name, p.pid))
	case code < 0:
		return fmt.Sprintf("%s, killed by signal: %v", who(p.name, p.pid), syscall.Signal(-code))
	}
	return fmt.Sprintf("%s, exited with code %d", who(p.name, p.pid), code)
}

// newProcess makes what both modes have in common. Its id, pid and body are not
// known yet.
func newProcess(s *self, t Task) *Process {
	name := t.options.Name
	if name == "" {
		name = s.name(t.entry.name)
	}
	return &Process{
		name:   name,
		entry:  t.entry.name,
		daemon: t.options.Daemon,
		grace:  t.options.grace(),
		owner:  s,
		done:   make(chan struct{}),
		gone:   make(chan struct{}),
	}
}

// watch makes the end of ctx stop the child. From now on end must be called.
func (p *Process) watch(ctx context.Context) {
	p.owner.add(p)
	note("start", "process", p.name, "entry", p.entry, "pid", p.pid)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.release = context.AfterFunc(ctx, func() { p.stop(context.Cause(ctx)) })
}

// stop ends the child's context and, after its grace time, the child. Only the
// first call counts.
func (p *Process) stop(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || p.cause != nil {
		return
	}
	p.cause = cause
	p.side.Go(func() { p.body.cancel(cause) })
	p.killer = time.AfterFunc(p.grace, func() {
		note("kill after grace time", "process", p.name, "pid", p.pid, "cause", cause)
		if err := p.body.kill(); errors.Is(err, ErrUnsupported) {
			p.leaveGone() // nothing more can be done; nobody shall wait for it
		}
	})
}

// stopped is why the child was told to end, nil if it was not.
func (p *Process) stopped() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cause
}

// end publishes how the child ended. Its owner calls it once, last.
func (p *Process) end(err error, code int, o outcome) {
	p.mu.Lock()
	p.ended = true
	p.release()
	if p.killer != nil {
		p.killer.Stop()
	}
	p.mu.Unlock()
	p.side.Wait()
	p.err, p.code = err, code
	if o.kind == kindResult && p.asked {
		p.result, p.lost = &o.result, o.lost
	} else {
		o.result.Close()
	}
	note("exit", "process", p.name, "pid", p.pid, "code", code, "error", err)
	p.owner.remove(p)
	close(p.done)
	p.leaveGone()
}

// leaveGone closes gone, which may be closed already.
func (p *Process) leaveGone() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !isClosed(p.gone) {
		close(p.gone)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
