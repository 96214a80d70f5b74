package manager

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

// refs are the references that this process has counted in a server. However many proxies
// name an object, the server is told of the first and of the last.
type refs struct {
	s *session

	mu      sync.Mutex
	byIdent map[string]*ref
}

// A ref is an object as this process knows it.
//
// Whoever wants a count first adds itself to users and then, holding turn, makes sure that
// the server has counted. Who gives one back does the reverse, and only the one who finds no users
// while holding turn tells the server. So a proxy that comes while the last one goes either finds
// the count still there, or counts anew after it was given back.
type ref struct {
	ident, typeid string

	users int           // refs.mu
	turn  chan struct{} // holds a token while somebody talks to the server about this object
	count int           // how often the server has counted us; who has turn
}

func (rs *refs) init(s *session) {
	rs.s = s
	rs.byIdent = make(map[string]*ref)
}

// use returns the ref of an object, with one user more.
func (rs *refs) use(typeid, ident string) *ref {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r := rs.byIdent[ident]
	if r == nil {
		r = &ref{ident: ident, typeid: typeid, turn: make(chan struct{}, 1)}
		rs.byIdent[ident] = r
	}
	r.users++
	return r
}

// count makes sure that the server has counted r, which has a user.
func (rs *refs) count(ctx context.Context, r *ref) error {
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-r.turn }()
	if r.count > 0 {
		return nil
	}
	if _, err := rs.s.serve(ctx, wire.FuncIncref, r.ident); err != nil {
		return err
	}
	r.count++
	return nil
}

// counted notes that the server has counted r already.
func (rs *refs) counted(r *ref) {
	r.turn <- struct{}{}
	r.count++
	<-r.turn
}

// leave takes a user away, and tells the server if it was the last.
func (rs *refs) leave(ctx context.Context, r *ref) error {
	rs.mu.Lock()
	r.users--
	last := r.users == 0
	rs.mu.Unlock()
	if !last {
		return nil
	}
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-r.turn }()
	return rs.giveBack(ctx, r)
}

// giveBack returns the counts of r, unless it has users again. The caller has r's turn.
func (rs *refs) giveBack(ctx context.Context, r *ref) error {
	rs.mu.Lock()
	if r.users > 0 || rs.byIdent[r.ident] != r {
		rs.mu.Unlock()
		return nil
	}
	rs.mu.Unlock()
	var err error
	for ; r.count > 0 && err == nil; r.count-- {
		_, err = rs.s.serve(ctx, wire.FuncDecref, r.ident)
	}
	r.count = 0
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if r.users == 0 && rs.byIdent[r.ident] == r {
		delete(rs.byIdent, r.ident)
	}
	return err
}

// releaseAll gives all references back, until something fails. Proxies cannot be used afterwards.
func (rs *refs) releaseAll(ctx context.Context) {
	rs.mu.Lock()
	all := make([]*ref, 0, len(rs.byIdent))
	for _, r := range rs.byIdent {
		r.users = 0
		all = append(all, r)
	}
	rs.mu.Unlock()
	for _, r := range all {
		select {
		case r.turn <- struct{}{}:
		case <-ctx.Done():
			return
		}
		err := rs.giveBack(ctx, r)
		<-r.turn
		if err != nil && isGone(err) {
			return
		}
	}
}

// A hold is what the copies of one proxy have in common: one reference to an object.
//
//	found    decoded from a reply, and not counted: claim
//	held     may be used; ends by release, or when nobody has a copy any more
//	released ErrClosed
type hold struct {
	s       *session
	r       *ref // nil while found
	class   pickle.Global
	exposed []string
	token   wire.Token

	released atomic.Bool
	forget   runtime.Cleanup
}

// found makes the hold of a proxy that has come in a message. It may name another server, to
// which then the same secret leads.
func (s *session) found(w wire.Proxy) *hold {
	return &hold{s: s.at(w.Token.Address), class: w.Class, exposed: w.Exposed, token: w.Token}
}

// claim counts a hold that was found.
func (h *hold) claim(ctx context.Context) error {
	r := h.s.refs.use(h.token.Type, h.token.Ident)
	if err := h.s.refs.count(ctx, r); err != nil {
		h.s.dropUser(r)
		return err
	}
	h.begin(r)
	return nil
}

// dropUser takes a user away whom the server has not counted.
func (s *session) dropUser(r *ref) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = s.refs.leave(ctx, r) // a count that is left ends with this process
}

// adopt makes the hold of an object that the server has counted for this process already.
func (s *session) adopt(typeid, ident string, class pickle.Global, exposed []string) *hold {
	h := &hold{s: s, class: class, exposed: exposed, token: wire.Token{Type: typeid, Ident: ident}}
	r := s.refs.use(typeid, ident)
	s.refs.counted(r)
	h.begin(r)
	return h
}

// begin makes h held. A proxy that is dropped without Close gives its reference back when
// the garbage collector finds out: nested proxies come with every look into a container.
func (h *hold) begin(r *ref) {
	h.r = r
	h.s.retain()
	h.forget = runtime.AddCleanup(h, (*dropped).collect, &dropped{h.s, r})
}

// dropped is what a hold leaves behind.
type dropped struct {
	s *session
	r *ref
}

// garbage is what holds that nobody has any more have left behind. One goroutine at a time gives it back: a container
// with thousands of proxies may become garbage at once.
type garbage struct {
	mu      sync.Mutex
	left    []*dropped
	running bool
}

// collect notes d, and does not wait: the garbage collector calls it.
func (d *dropped) collect() {
	g := &d.s.garbage
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left = append(g.left, d)
	if !g.running {
		g.running = true
		go g.giveBack()
	}
}

func (g *garbage) giveBack() {
	for {
		g.mu.Lock()
		left := g.left
		g.left, g.running = nil, len(left) > 0
		g.mu.Unlock()
		if len(left) == 0 {
			return
		}
		for _, d := range left {
			_ = d.release() // nobody waits for it; a count that is left ends with this process
		}
	}
}

func (d *dropped) release() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := d.s.refs.leave(ctx, d.r)
	d.s.leave()
	return err
}

// release gives the reference back, once.
func (h *hold) release() error {
	if h.released.Swap(true) || h.r == nil {
		return nil
	}
	h.forget.Stop()
	err := (&dropped{h.s, h.r}).release()
	if isGone(err) {
		return nil // and the reference with it
	}
	return err
}
