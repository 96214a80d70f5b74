package rwlock

import (
	"context"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
)

// claim finds a hold of me that has room, or makes one of a hold that is nobody's or a dead
// process's. It returns nil if there is none.
//
// Goroutines of one process take turns: so a hold that names me is one of which all is known.
func (l *Lock) claim(me lease.ID) *layout.Hold {
	hub, turn := l.Holds.Env.Hub, &l.Holds.Block.Generation // nobody waits for it, but its address is the object's own
	if hub.Enter(context.Background(), turn) != nil {
		return nil // it has no end
	}
	defer hub.Leave(turn)
	var found *layout.Hold
	l.Holds.Each(func(h *layout.Hold) bool {
		if h.Owner.Load() == uint32(me) {
			if h.Word.Load()&layout.HoldTag != l.Holds.Tag {
				l.reset(h) // claimed for another object, too late
			}
			if _, _, ok := vacant(h, h.Word.Load()); ok {
				found = h
			}
		}
		return found == nil
	})
	if found != nil || !l.Holds.Live() {
		return found
	}
	l.Holds.Each(func(h *layout.Hold) bool {
		if o := h.Owner.Load(); (o == 0 || l.Holds.Gone(lease.ID(o&layout.LockOwner), me)) && l.inherit(h, o, me) {
			found = h
		}
		return found == nil
	})
	return found
}

// inherit makes h me's if it is o's. All steps are compare-and-swaps, for the object may have been
// closed in between and be another one.
func (l *Lock) inherit(h *layout.Hold, o uint32, me lease.ID) bool {
	if !h.Owner.CompareAndSwap(o, uint32(me)|layout.HoldClaiming) {
		return false
	}
	crashpoint.At("holds.claiming")
	l.reset(h)
	return h.Owner.CompareAndSwap(uint32(me)|layout.HoldClaiming, uint32(me))
}

// reset frees all slots and shuts the hold.
func (l *Lock) reset(h *layout.Hold) {
	for !l.tryReset(h) {
	}
}

// tryReset is reset, unless the hold changes meanwhile. What was
// read while the object was open is not what stands there if it is another one by now.
func (l *Lock) tryReset(h *layout.Hold) bool {
	w := h.Word.Load()
	if !l.Holds.Live() {
		return true
	}
	empty := l.Holds.Tag | Taken(w, 0)&layout.ReadTurn
	for i := range h.Tickets {
		t := h.Tickets[i].Load()
		// In goroutine mode the dead may go on for a while, and give back what is not theirs any more. So that is used up
		// before the bit becomes what it is in a free slot.
		if w&layout.HoldTag == l.Holds.Tag && !Free(w, uint32(i), t) && !h.Tickets[i].CompareAndSwap(t, t+2) {
			return false
		}
		empty |= uint64(t&1) << i
	}
	return h.Word.CompareAndSwap(w, empty)
}
