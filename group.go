package multiproc

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// A Group starts children and waits for all of them. The first one that fails
// cancels the others. The zero Group does not cancel.
type Group struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	wait   sync.WaitGroup

	mu   sync.Mutex
	errs []error // the first is the one that cancelled
}

// NewGroup returns a group and its context, which is derived from ctx. It ends
// when a child of the group fails, with that error as its cause, or when Wait
// returns.
func NewGroup(ctx context.Context) (*Group, context.Context) {
	ctx, cancel := context.WithCancelCause(ctx)
	return &Group{ctx: ctx, cancel: cancel}, ctx
}

// Start starts a child under the group's context. If that fails, so does the
// group: the error is Wait's.
func (g *Group) Start(t Task) {
	ctx := g.ctx
	if ctx == nil {
		ctx = context.Background()
	}
	p, err := Start(ctx, t)
	if err != nil {
		g.fail(err)
		return
	}
	g.wait.Go(func() {
		<-p.gone // with done, or before it where nobody shall wait any longer
		switch {
		case p.Alive():
			g.fail(&ProcessError{Op: "end", Name: p.name, Pid: p.pid, Err: errOutlasts()})
		case p.err != nil:
			g.fail(p.err)
		}
	})
}

// errOutlasts is a goroutine's that does not heed the end of its context.
func errOutlasts() error {
	return fmt.Errorf("%w: a goroutine that outlasts its grace time", ErrUnsupported)
}

// Wait waits for all children, but in goroutine mode not for one that outlasts its
// grace time, which nothing can end. It returns the first error, or if others are
// more than the echo of the group's own cancelling, all of them joined, the first
// one first.
func (g *Group) Wait() error {
	g.wait.Wait()
	if g.cancel != nil {
		g.cancel(nil)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.errs) == 1 {
		return g.errs[0]
	}
	return errors.Join(g.errs...)
}

func (g *Group) fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	// What fails after the context has ended, and for that reason, is no news.
	if len(g.errs) > 0 && g.cancel != nil && errors.Is(err, context.Canceled) {
		return
	}
	g.errs = append(g.errs, err)
	if g.cancel != nil {
		g.cancel(err) // only the first counts
	}
}
