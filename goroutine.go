package multiproc

import (
	"context"
	"fmt"
	"os"
	"syscall"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/handoff"
)

// routine is the body of a child in goroutine mode.
type routine struct {
	end context.CancelCauseFunc
}

func (r *routine) cancel(cause error) { r.end(&cancelError{handoff.EncodeError(cause)}) }

func (r *routine) signal(sig os.Signal) error {
	if sig == syscall.SIGTERM {
		r.end(ErrTerminated)
		return nil
	}
	return fmt.Errorf("%w: signals in goroutine mode", ErrUnsupported)
}

func (r *routine) kill() error {
	r.end(&cancelError{errKilled})
	return fmt.Errorf("%w: killing in goroutine mode; its context has ended", ErrUnsupported)
}

var errKilled = handoff.Because("multiproc: killed", context.Canceled)

// startGoroutine runs a child as a goroutine of this process, with nothing else
// shared than with a real one: the argument and the result are encoded and
// decoded, and its death is one for whatever it holds.
func startGoroutine(ctx context.Context, p *Process, t Task, m *family.Member, arg handoff.Payload) error {
	if option := t.options.needsProcess(); option != "" {
		return fmt.Errorf("%w: option %s in goroutine mode", ErrUnsupported, option)
	}
	parent := Self(ctx)
	child, err := m.Spawn()
	if err != nil {
		return err
	}
	child.Describe(p.name, p.entry)
	p.pid, p.id = os.Getpid(), child.ID()
	s := &self{
		joined: child,
		parent: &parent,
		info:   Info{Name: p.name, Entry: p.entry, Pid: p.pid, ID: uint32(p.id), Daemon: p.daemon},
	}
	own, end := context.WithCancelCause(context.Background())
	own = family.NewContext(context.WithValue(own, selfKey{}, s), child)
	p.body = &routine{end}
	p.watch(ctx)

	go func() {
		ended, watched := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(watched)
			select {
			case <-child.Orphaned():
				end(ErrParentDied)
			case <-ended:
			}
		}()
		o := t.entry.run(own, arg, child)
		code := s.finish(own, o.code())
		child.Die()
		close(ended)
		<-watched
		p.end(p.conclude(o, code), code, o)
		end(nil)
	}()
	return nil
}
