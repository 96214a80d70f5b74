package manager

import (
	"context"
	"runtime"
	"slices"
	"sync"
)

// links is a pool of connections. A call takes one and puts it back.
//
// A Send and a Recv of CPython's protocol are one call, strictly in turn, so that calls
// beside each other need connections beside each other.
type links struct {
	maxCalls, maxIdle, maxFast int

	mu      sync.Mutex
	closed  bool
	resting bool // no connections are kept
	all     map[*link]struct{}
	active  int          // calls that have a connection, or are opening one
	waiting []chan *link // calls beyond maxCalls; who is sent to has the sender's place, and perhaps its connection
	fast    int          // connections that wait in threads of their own
	// Idle ones, the last used last. Fast ones are preferred.
	idle, idleFast []*link
}

func (p *links) init(o DialOptions) {
	p.maxCalls, p.maxIdle = o.MaxCalls, o.MaxIdle
	p.maxFast = 2 * runtime.GOMAXPROCS(0)
	p.all = make(map[*link]struct{})
}

// take returns a connection for one call, which has to put it back.
func (p *links) take(ctx context.Context, s *session) (*link, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	if p.active >= p.maxCalls {
		l, err := p.waitLocked(ctx) // unlocks
		if l != nil || err != nil {
			return l, err
		}
		p.mu.Lock()
		if p.closed {
			p.passLocked(nil)
			p.mu.Unlock()
			return nil, ErrClosed
		}
	} else {
		p.active++
	}
	if l := p.popLocked(); l != nil {
		p.mu.Unlock()
		return l, nil
	}
	fast := p.fast < p.maxFast
	if fast {
		p.fast++
	}
	p.mu.Unlock()
	l, err := p.dial(ctx, s, fast)
	if err != nil {
		p.mu.Lock()
		if fast {
			p.fast--
		}
		p.passLocked(nil)
		p.mu.Unlock()
	}
	return l, err
}

// waitLocked waits for the place of another call, which may come with its connection. It unlocks mu.
func (p *links) waitLocked(ctx context.Context) (*link, error) {
	turn := make(chan *link, 1)
	p.waiting = append(p.waiting, turn)
	p.mu.Unlock()
	select {
	case l := <-turn:
		return l, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiting, turn); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	} else if l := <-turn; l == nil { // it has come meanwhile
		p.passLocked(nil)
	} else {
		p.putLocked(l)
	}
	return nil, ctx.Err()
}

// passLocked gives the caller's place to the next call that waits, with a connection or without. It reports whether
// there was one to take it.
func (p *links) passLocked(l *link) bool {
	if len(p.waiting) == 0 {
		p.active--
		return false
	}
	p.waiting[0] <- l
	p.waiting = slices.Delete(p.waiting, 0, 1)
	return true
}

func (p *links) popLocked() *link {
	for _, stack := range []*[]*link{&p.idleFast, &p.idle} {
		if n := len(*stack); n > 0 {
			l := (*stack)[n-1]
			(*stack)[n-1] = nil
			*stack = (*stack)[:n-1]
			return l
		}
	}
	return nil
}

func (p *links) dial(ctx context.Context, s *session, fast bool) (*link, error) {
	f, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	l := &link{f: f, fast: fast}
	if !p.lend(l) {
		l.close()
		return nil, ErrClosed
	}
	err = l.enter(ctx, s)
	if err == nil && fast && f.Block() != nil {
		// It works as well without, only slower.
		p.mu.Lock()
		p.fast--
		p.mu.Unlock()
		l.fast = false
	}
	if err != nil {
		p.forget(l)
		l.close()
		return nil, err
	}
	return l, nil
}

// lend notes a connection for close, and reports whether the pool is open.
func (p *links) lend(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.all[l] = struct{}{}
	return true
}

func (p *links) forget(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.all, l)
}

// put gives a connection back, whose state is in order or not.
func (p *links) put(l *link, good bool) {
	l.result = nil // may be large, and what is in it lives as long
	p.mu.Lock()
	defer p.mu.Unlock()
	if !good || p.closed {
		p.dropLocked(l)
		p.passLocked(nil)
		return
	}
	p.putLocked(l)
}

func (p *links) putLocked(l *link) {
	switch {
	case p.passLocked(l):
	case p.resting || len(p.idle)+len(p.idleFast) >= p.maxIdle:
		p.dropLocked(l)
	case l.fast:
		p.idleFast = append(p.idleFast, l)
	default:
		p.idle = append(p.idle, l)
	}
}

func (p *links) dropLocked(l *link) {
	if l.fast {
		p.fast--
	}
	delete(p.all, l)
	l.close()
}

// drain closes the idle connections.
func (p *links) drain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drainLocked()
}

// rest says whether connections are not to be kept from now on.
func (p *links) rest(resting bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.resting = resting; resting {
		p.drainLocked()
	}
}

func (p *links) drainLocked() {
	for l := p.popLocked(); l != nil; l = p.popLocked() {
		p.dropLocked(l)
	}
}

func (p *links) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// close closes all connections, under calls too.
func (p *links) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for l := range p.all {
		l.close()
	}
	clear(p.all)
	p.idle, p.idleFast = nil, nil
}
