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

// reset frees all slots and shuts the hold. What was
// read while the object was open is not what stands there if it is another one by now.
func (l *Lock) reset(h *layout.Hold) {
	for {
		w := h.Word.Load()
		var tickets [layout.HoldSlots]uint32
		empty := l.Holds.Tag | w&layout.ReadTurn
		for i := range tickets {
			tickets[i] = h.Tickets[i].Load()
			empty |= uint64(tickets[i]&1) << i
		}
		if !l.Holds.Live() {
			return
		}
		if w != empty && !h.Word.CompareAndSwap(w, empty) {
			continue
		}
		// In goroutine mode the dead may go on for a while, and give back what is not theirs any more.
		for i, t := range tickets {
			if w&layout.HoldTag == l.Holds.Tag && (w^empty)>>i&1 != 0 {
				h.Tickets[i].CompareAndSwap(t, t+2)
			}
		}
		return
	}
}
