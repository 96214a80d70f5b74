package lock

import "github.com/multiproc-go/multiproc/internal/lease"

// Store is what a quiet release does between its looks.
var Store = store

// Watch is what a goroutine does that is going to sleep.
func (e *Env) Watch(p *Place) bool { return e.watch(p) }

// ReleaseQuietly is what an Unlock does where nobody sleeps: it tells whether it did, and whether
// somebody had come meanwhile.
func (e *Env) ReleaseQuietly(p *Place, me lease.ID, ticket uint32) (released, overtaken bool) {
	seen, ok := p.Quiet(me, ticket)
	if !e.Quiet.On() || !ok {
		return false, false
	}
	p.StoreFree(ticket)
	return true, p.Overtaken(seen)
}
