package manager

import (
	"context"
	"runtime"
	"sync"

	"github.com/multiproc-go/multiproc/internal/family"
)

// A ReentrantMutex is a lock in the server that its holder can take again: Python's RLock. Goroutines have no identity, so who holds it is
// said by an [Owner].
//
// What a death does, and what it costs, is as for a [Mutex]. Servers of CPython keep an RLock whose client is gone locked for ever.
type ReentrantMutex struct{ base }

// NewReentrantMutex makes an RLock in the server.
func NewReentrantMutex(ctx context.Context, c *Client) (*ReentrantMutex, error) {
	b, err := newBase(ctx, c, "RLock")
	if err != nil {
		return nil, err
	}
	return &ReentrantMutex{b}, nil
}

// An Owner is one who takes a [ReentrantMutex], perhaps several times: what a thread is in Python. It is used by one goroutine at a time: a second Lock of one
// owner, while the first one waits, is a Lock of somebody else.
type Owner struct {
	// mu protects held, and the connections of what is held.
	mu   sync.Mutex
	held map[ownerKey]*pinned
}

type ownerKey struct {
	session sessionKey
	ident   string
}

// NewOwner makes an Owner, who holds nothing.
func NewOwner() *Owner { return &Owner{held: make(map[ownerKey]*pinned)} }

// recursion is what a pinned has of a ReentrantMutex.
type recursion struct {
	owner *Owner
	key   ownerKey
	depth int // owner.mu
}

// Lock waits until o holds m, once more if it does already. Each guard has to be unlocked; m is free after the last. An error means that this
// Lock has not happened.
func (m *ReentrantMutex) Lock(ctx context.Context, o *Owner) (Guard, error) {
	g, _, err := m.take(ctx, o, nil)
	return g, err
}

// TryLock takes m if it is free, or held by o; otherwise ok is false.
func (m *ReentrantMutex) TryLock(ctx context.Context, o *Owner) (g Guard, ok bool, err error) {
	return m.take(ctx, o, int64(0))
}

func (m *ReentrantMutex) take(ctx context.Context, o *Owner, patience any) (g Guard, ok bool, err error) {
	s, err := m.session()
	if err != nil {
		return Guard{}, false, err
	}
	key := ownerKey{s.key(), m.h.r.ident}
	if g, ok, err := o.again(ctx, key); ok || err != nil {
		return g, ok, err
	}
	p, err := m.lock(ctx, patience)
	if p == nil || err != nil {
		return Guard{}, false, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	p.again = &recursion{owner: o, key: key, depth: 1}
	o.held[key] = p
	return Guard{newGuard(p)}, true, nil
}

// again takes what o holds already once more, which is not waited for.
func (o *Owner) again(ctx context.Context, key ownerKey) (Guard, bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.held[key]
	if p == nil {
		return Guard{}, false, nil
	}
	if _, err := p.callLocked(ctx, p.take); err != nil {
		return Guard{}, false, err
	}
	p.again.depth++
	return Guard{newGuard(p)}, true, nil
}

// forget notes that p is over, with its owner's mu held.
func (r *recursion) forget(p *pinned) {
	if r.owner.held[r.key] == p {
		delete(r.owner.held, r.key)
	}
}

// Do is to m what [Mutex.Do] is to a Mutex. After a panic m is abandoned for its owner too, if it has locked m before.
func (m *ReentrantMutex) Do(ctx context.Context, o *Owner, fn func() error) error {
	g, err := m.Lock(ctx, o)
	if err != nil {
		return err
	}
	return g.do(fn)
}

// Repair is to m what [Mutex.Repair] is to a Mutex.
func (m *ReentrantMutex) Repair(ctx context.Context, o *Owner, fn func() error) error {
	g, err := m.Lock(ctx, o)
	if err != nil {
		return err
	}
	return g.repair(ctx, fn)
}

// end is pinned.end of one of several guards.
func (r *recursion) end(p *pinned) {
	r.owner.mu.Lock()
	defer r.owner.mu.Unlock()
	if p.over.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), pinnedTimeout)
	defer cancel()
	s := p.b.h.s
	err := p.l.call(ctx, s, p.b.h.r.ident, p.release, nil, nil)
	if r.depth--; r.depth == 0 || err != nil {
		p.over.Store(true)
		p.isOver()
		r.forget(p)
		s.links.put(p.l, err == nil)
	}
	runtime.KeepAlive(p.b.h)
}

// AsReentrantMutex returns a typed view of a proxy, which shares its reference. The error wraps [ErrHandle] if the object is not a lock, as far as
// its proxy tells: it cannot tell whether it is an RLock.
func AsReentrantMutex(p *Proxy) (*ReentrantMutex, error) {
	m := new(ReentrantMutex)
	return m, m.UnmarshalPickle(p)
}

// UnmarshalPickle makes m the proxy that a graph has; package pickle calls it.
func (m *ReentrantMutex) UnmarshalPickle(graph any) error {
	return m.wants(graph, "AcquirerProxy", "acquire", "release")
}

// MarshalBinary is that of [Proxy].
func (m *ReentrantMutex) MarshalBinary() ([]byte, error) { return m.marshal() }

// UnmarshalBinary is that of [Proxy]. Other proxies than those of a lock are [ErrHandle].
func (m *ReentrantMutex) UnmarshalBinary(data []byte) error {
	return m.unmarshalAs(data, "AcquirerProxy", "acquire", "release")
}

// BindMember marks a handle; multiproc calls it where an argument arrives in goroutine mode.
func (m *ReentrantMutex) BindMember(*family.Member) {}
