package manager

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
)

// What is locked belongs to a connection, which the server gives up with it. So a guard keeps its connection until it
// is given back, and the death of the process shows in the server whatever network it is.

// pinned is what a guard has.
type pinned struct {
	b         *base
	l         *link
	take      string     // the method that took it
	release   string     // the method that gives it back
	again     *recursion // of a ReentrantMutex, or nil
	abandoned atomic.Bool
	over      atomic.Bool
	forget    func() // that the end of a goroutine that stands for a process gives it up; nil in a process
}

// pin calls a method that takes something, and keeps the connection. It is nil, without an error, if there was
// nothing to be had: the result is 0 or false. A result of 2 is that what was taken is abandoned.
func (b *base) pin(ctx context.Context, method, release string, args ...any) (*pinned, error) {
	s, err := b.session()
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(b.h)
	for again := true; ; again = false {
		l, err := s.links.take(ctx, s)
		if err != nil {
			return nil, s.failed(ctx, b.h.r.typeid, method, unsent(err))
		}
		if err := l.call(ctx, s, b.h.r.ident, method, args, nil); err != nil {
			s.links.put(l, isHarmless(err))
			if errors.Is(err, errUnsent) && !isHarmless(err) && l.calls > 0 && again && ctx.Err() == nil {
				s.links.drain() // as in session.call
				continue
			}
			return nil, s.failed(ctx, b.h.r.typeid, method, err)
		}
		if l.kind == wire.KindReturn && (l.result == true || l.result == int64(1) || l.result == int64(2)) {
			p := &pinned{b: b, l: l, take: method, release: release}
			p.abandoned.Store(l.result == int64(2))
			if m := family.FromContext(ctx); m != nil {
				p.forget, _ = m.AtDeath(p.giveUp)
			}
			return p, nil
		}
		kind, result := l.kind, l.result
		s.links.put(l, true)
		_, err = s.settle(ctx, b.h.r, method, kind, result, nil)
		return nil, err
	}
}

// giveUp is the death of who holds it, in goroutine mode: the connection ends, as that of a process would.
func (p *pinned) giveUp() {
	if p.again != nil {
		p.again.owner.mu.Lock()
		defer p.again.owner.mu.Unlock()
		p.again.forget(p)
	}
	if !p.over.Swap(true) {
		p.b.h.s.links.put(p.l, false)
	}
}

// isOver takes the guard off the list of what a death gives up.
func (p *pinned) isOver() {
	if p.forget != nil {
		p.forget()
	}
}

// pinnedTimeout bounds a call that gives something back. After it the connection is closed, which gives it
// back too.
const pinnedTimeout = 10 * time.Second

// call calls a method of the object on the guard's connection. If that fails on its way the guard is over.
func (p *pinned) call(ctx context.Context, method string, args ...any) (any, error) {
	if p.again != nil {
		p.again.owner.mu.Lock()
		defer p.again.owner.mu.Unlock()
	}
	return p.callLocked(ctx, method, args...)
}

// callLocked is call with the owner's mu held, if there is an owner.
func (p *pinned) callLocked(ctx context.Context, method string, args ...any) (any, error) {
	s := p.b.h.s
	if err := p.l.call(ctx, s, p.b.h.r.ident, method, args, nil); err != nil {
		if !isHarmless(err) && !p.over.Swap(true) {
			if p.again != nil {
				p.again.forget(p)
			}
			p.isOver()
			s.links.put(p.l, false)
		}
		return nil, s.failed(ctx, p.b.h.r.typeid, method, err)
	}
	return s.settle(ctx, p.b.h.r, method, p.l.kind, p.l.result, p.l.fresh)
}

// end gives back what was taken. It cannot fail: what cannot be told to the server, the end of the
// connection tells.
func (p *pinned) end() {
	if p.again != nil {
		p.again.end(p)
		return
	}
	if p.over.Swap(true) {
		return
	}
	p.isOver()
	ctx, cancel := context.WithTimeout(context.Background(), pinnedTimeout)
	defer cancel()
	s := p.b.h.s
	err := p.l.call(ctx, s, p.b.h.r.ident, p.release, nil, nil)
	s.links.put(p.l, err == nil)
	runtime.KeepAlive(p.b.h)
}

// abandon says that what the lock protects may be half-written. If that cannot be said, the end of the connection says it.
func (p *pinned) abandon() {
	if !p.b.h.s.kind().ours || p.over.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), pinnedTimeout)
	defer cancel()
	if _, err := p.call(ctx, "#abandon"); err == nil {
		p.abandoned.Store(true)
	}
}

// A GuardError is the value of the panic when a guard is used that was given back, or that never was one.
type GuardError struct {
	Op string // "Unlock", "Repaired", "Release", …
}

func (e *GuardError) Error() string { return "manager: " + e.Op + " of a guard that holds nothing" }

// guard is what the guards have in common.
type guard struct {
	p    *pinned
	used *atomic.Bool
}

func newGuard(p *pinned) guard { return guard{p, new(atomic.Bool)} }

// held panics unless the guard holds something, as far as this process knows.
func (g guard) held(op string) {
	if g.p == nil || g.used.Load() {
		panic(&GuardError{op})
	}
}

func (g guard) finish(op string) {
	if g.p == nil || g.used.Swap(true) {
		panic(&GuardError{op})
	}
	g.p.end()
}

// supported refuses what only our server has.
func (b *base) supported(ctx context.Context, method string) error {
	s, err := b.session()
	if err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	if !s.kind().ours {
		return b.failed(method, false, ErrUnsupported)
	}
	return nil
}

// newBase creates an object for a typed proxy.
func newBase(ctx context.Context, c *Client, typeid string, args ...any) (base, error) {
	h, err := c.s.create(ctx, typeid, args, nil)
	return base{h}, err
}

// wantInt makes an int of a result.
func wantInt(b *base, method string, v any, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	n, ok := v.(int64)
	if !ok {
		return 0, b.failed(method, true, fmt.Errorf("the result is a %T", v))
	}
	return int(n), nil
}
