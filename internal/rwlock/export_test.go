package rwlock

import (
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
)

// What is known of the slots of a hold whose word is given.
var (
	Vacant  = vacant
	TakenOf = taken
)

// The steps of a writer, and of a newcomer that inherits a hold.
func (l *Lock) ShutAll()               { l.shutAll() }
func (l *Lock) Watch(me lease.ID) bool { return l.watch(me) }
func (l *Lock) Reset(h *layout.Hold)   { l.reset(h) }

// Leave is what a guard's Unlock does in a process that may store.
func (l *Lock) Leave(r Reading) (stored, overtaken bool) {
	if !l.Quiet(r.Hold) {
		l.RUnlock(r)
		return false, false
	}
	lock.StoreRelease(r.Counter(), r.Ticket+1)
	return true, !l.Quiet(r.Hold)
}
