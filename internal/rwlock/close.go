package rwlock

import (
	"math"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/holds"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
)

// BeginClose closes the lock for all who come from now on. It returns false if somebody has done so before.
func (l *Lock) BeginClose() bool {
	if !l.Place.Live() || !l.Holds.Env.BeginClose(&l.Place) {
		return false
	}
	l.closeGate()
	crashpoint.At("rwlock.closing")
	l.shutAll()
	return true
}

// closeGate closes the gate for good, unless the lock is another one already.
func (l *Lock) closeGate() {
	for {
		g := l.X.Gate.Load()
		if g&layout.HoldTag != l.Holds.Tag || g&layout.GateClosed != 0 || l.X.Gate.CompareAndSwap(g, g|layout.GateClosed) {
			return
		}
	}
}

// WakeAll wakes all who wait, to find it closed.
func (l *Lock) WakeAll() {
	l.Holds.Env.WakeAll(&l.Place)
	l.Holds.Env.Hub.Wake(&l.X.Drained, math.MaxInt32)
}

// Finish frees a lock that was closed, if nobody holds it any more. Everybody who leaves a closed lock
// calls it, so that the last one finds nobody. free frees the object's block and calls what it is given before.
func (l *Lock) Finish(me lease.ID, free func(last func()) error) {
	env := l.Holds.Env
	for l.Place.Live() && l.Place.Closing() {
		l.closeGate() // whoever closed it may have died before that
		if !lock.Closed(l.Place.Lock) && !env.TryAcquire(&l.Place, me) {
			return
		}
		l.shutAll() // nobody opens one any more
		if !l.Holds.AnyHeld(me) {
			crashpoint.At("rwlock.finish")
			l.Holds.Free(me)
			// An error says that another has done it.
			_ = free(func() {
				holds.Void(l.X.Holds[:])
				l.X.Gate.Store(0)
				env.Close(l.Place.Lock)
			})
			return
		}
		env.Quiet.Fence() // who leaves by a store sees that the lock is shut, or is seen to have left
		env.Release(&l.Place, me)
		if l.Holds.AnyHeld(me) {
			return // who leaves from now on finds the lock free
		}
	}
}
