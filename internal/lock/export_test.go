package lock

import "github.com/multiproc-go/multiproc/internal/lease"

// Store is what a quiet release does between its looks.
var Store = store

// Watch is what a goroutine does that is going to sleep.
func (e *Env) Watch(p *Place) bool { return e.watch(p) }

// ReleaseQuietly is what an Unlock does where nobody sleeps. It returns false, and has done nothing,
// where somebody does.
func (e *Env) ReleaseQuietly(p *Place, me lease.ID, ticket uint32) bool {
	if !e.Quiet.On() || !p.Quiet(me, ticket) {
		return false
	}
	p.StoreFree(ticket)
	return true
}
