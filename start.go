package multiproc

import (
	"context"
	"fmt"
	"runtime"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/handoff"
)

// Start starts a child in the task's entry and returns when it exists; the child
// then sets itself up and gets its argument, of whatever size, in the background.
// The error is a [*StartError], and then nothing was started.
//
// The child's own context is not derived from ctx and has none of its values.
// But when ctx ends, the child's ends too, and if the child then outlasts its
// grace time it is killed. If ctx has ended already, Start fails.
//
// ctx must be the one that Main or the entry was given, or be derived from it,
// for the parent to be known in goroutine mode.
func Start(ctx context.Context, t Task) (*Process, error) { return start(ctx, t, false) }

func start(ctx context.Context, t Task, asked bool) (*Process, error) {
	if t.entry == nil {
		panic("multiproc: Start of a zero Task")
	}
	s := selfOf(ctx)
	name := t.options.Name
	if name == "" {
		name = t.entry.name
	}
	fail := func(err error) (*Process, error) { return nil, &StartError{Name: name, Err: err} }
	switch {
	case !initialized():
		return fail(ErrNotInitialized)
	case t.entry.call == nil:
		return fail(ErrNoHandler)
	case config.Mode == Processes && !haveProcesses:
		return fail(errNoProcesses())
	case ctx.Err() != nil:
		return fail(ctx.Err())
	}
	arg, err := handoff.Encode(t.arg)
	if err != nil {
		return fail(fmt.Errorf("the argument: %w", err))
	}
	m, err := s.member()
	if err != nil {
		arg.Close()
		arg.Settle(false)
		return fail(err)
	}
	p := newProcess(s, t)
	p.asked = asked
	startBody := startProcess
	if m.Mode() == family.Goroutines {
		startBody = startGoroutine
	}
	if err := startBody(ctx, p, t, m, arg); err != nil {
		arg.Close()
		arg.Settle(false)
		return fail(err)
	}
	arg.Settle(true)
	return p, nil
}

func errNoProcesses() error {
	return fmt.Errorf("%w: child processes on %s", ErrUnsupported, runtime.GOOS)
}

// conclude makes Wait's error of what the child sent and what became of it.
func (p *Process) conclude(o outcome, code int) error {
	if err := o.err(p); err != nil {
		return err
	}
	if o.kind == kindResult && code == 0 {
		return nil
	}
	return &ExitError{Name: p.name, Pid: p.pid, Code: code, Err: p.stopped()}
}
