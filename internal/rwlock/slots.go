package rwlock

import (
	"math/bits"
	"sync/atomic"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/race"
)

// A Reading is what a reader has: the hold, the slot of it, and the slot's ticket.
type Reading struct {
	Hold   *layout.Hold
	Slot   uint32
	Ticket uint32
}

// Counter is the word by which the reading ends: it becomes Ticket + 1.
func (r *Reading) Counter() *atomic.Uint32 { return &r.Hold.Tickets[r.Slot] }

// Free reports whether the slot of a hold is free that has this ticket, if w is the hold's word.
func Free(w uint64, slot, ticket uint32) bool { return (w>>slot^uint64(ticket))&1 == 0 }

// Taken is the word w after the slot was taken, which is free.
func Taken(w uint64, slot uint32) uint64 {
	const one = 1 << layout.HoldSlots // of ReadTurn
	return (w&^layout.ReadTurn | (w+one)&layout.ReadTurn) ^ 1<<slot
}

// vacant finds a slot that is free, if w is the word of h. It stays free as long as that is its word.
func vacant(h *layout.Hold, w uint64) (slot, ticket uint32, ok bool) {
	for i := range h.Tickets {
		if t := h.Tickets[i].Load(); Free(w, uint32(i), t) {
			return uint32(i), t, true
		}
	}
	return 0, 0, false
}

// taken is the slots of h in which somebody reads, a bit each, if w is its word. A slot that is given back meanwhile may be
// one of them; while the hold is shut none is taken.
func taken(h *layout.Hold, w uint64) uint64 {
	for i := range h.Tickets {
		w ^= uint64(h.Tickets[i].Load()&1) << i
	}
	return w & layout.HoldSlotBits
}

// count is how many that are.
func count(h *layout.Hold, w uint64) int { return bits.OnesCount64(taken(h, w)) }

// set takes a slot of h, if h is open or is opened by it.
func (l *Lock) set(h *layout.Hold, open uint64) (Reading, bool) {
	race.Disable() // readers do not synchronize with each other
	defer race.Enable()
	for {
		w := h.Word.Load()
		slot, ticket, ok := vacant(h, w)
		if !ok || (w|open)&(layout.HoldTag|layout.HoldOpen) != l.Opened() {
			return Reading{}, false
		}
		if h.Word.CompareAndSwap(w, Taken(w, slot)|open) {
			return Reading{h, slot, ticket}, true
		}
	}
}

// Enter is RLock in a hold that is open, of the calling process.
func (l *Lock) Enter(h *layout.Hold) (Reading, bool) {
	if !l.Holds.Live() {
		return Reading{}, false
	}
	r, in := l.set(h, 0)
	if in {
		crashpoint.At("rwlock.set")
		race.Acquire(l.raceWriters())
	}
	return r, in
}

// Quiet reports whether a reader need not tell anybody that it leaves h: no writer wants the lock and none
// has slept of late.
func (l *Lock) Quiet(h *layout.Hold) bool {
	return h.Word.Load()&(layout.HoldTag|layout.HoldOpen|layout.ReadWatched) == l.Opened()
}

// RUnlock ends a reading. It returns false if it has ended before.
func (l *Lock) RUnlock(r Reading) bool {
	race.Release(l.raceReaders())
	if !l.giveBack(r) {
		return false
	}
	l.Holds.Env.Quiet.Consider(r.Ticket)
	w := r.Hold.Word.Load()
	if w&(layout.HoldTag|layout.HoldOpen|layout.ReadWatched) == l.Opened()|layout.ReadWatched && l.Holds.Env.Quiet.Calm(r.Ticket) {
		// It is open, so nobody relies on it. Whoever shuts it after this has to watch again.
		r.Hold.Word.CompareAndSwap(w, w&^layout.ReadWatched)
	}
	if w&(layout.HoldTag|layout.HoldOpen) != l.Opened() {
		crashpoint.At("rwlock.unset")
		l.tellWriter()
	}
	return true
}

func (l *Lock) giveBack(r Reading) bool {
	race.Disable()
	defer race.Enable()
	return r.Counter().CompareAndSwap(r.Ticket, r.Ticket+1)
}

// Overtaken is called by a reader who has given its slot back by a store and sees after it that the
// hold is not quiet any more.
func (l *Lock) Overtaken() {
	// A fence: the store is seen before the gate is looked at. It may be that of another lock by now, as in tellWriter.
	l.X.Drained.Add(0)
	crashpoint.At("rwlock.unset")
	l.tellWriter()
}

// tellWriter makes the writer look that waits for readers, if there is one.
func (l *Lock) tellWriter() {
	if l.X.Gate.Load()&layout.GateDraining != 0 {
		l.X.Drained.Add(1)
		l.Holds.Env.Hub.Wake(&l.X.Drained, 1)
	}
}
