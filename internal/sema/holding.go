package sema

import (
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lock"
)

// A Holding is what a holder has: a slot of a hold, and of that the ticket, which goes stale when it is given back. It is small, so
// that it travels in registers.
type Holding struct {
	Hold *layout.Hold
	what uint64 // ticket, count and slot
}

// The parts of Holding.what; the ticket is above them.
const (
	slotBits  = 5
	countBits = 27
)

// Held is the holding of count permits in a slot of h that the caller has set.
func Held(h *layout.Hold, slot, count uint32) Holding {
	return Holding{h, uint64(h.Tickets[slot].Load())<<(slotBits+countBits) | uint64(count)<<slotBits | uint64(slot)}
}

func (h Holding) slot() uint64   { return h.what & (1<<slotBits - 1) }
func (h Holding) bit() uint64    { return 1 << h.slot() }
func (h Holding) ticket() uint32 { return uint32(h.what >> (slotBits + countBits)) }

// Count is how many permits it is.
func (h Holding) Count() uint64 { return h.what >> slotBits & (1<<countBits - 1) }

// Valid reports whether the holding, whose word is w, has not been given back.
func (h Holding) Valid(w uint64) bool {
	return w&h.bit() != 0 && h.Hold.Tickets[h.slot()].Load() == h.ticket()
}

// Spend makes every copy of a valid holding stale, while the slot is its owner's still.
func (h Holding) Spend() { lock.StoreRelease(&h.Hold.Tickets[h.slot()], h.ticket()+1) }

// Returned is the word w when the permits are free.
func (h Holding) Returned(w uint64) uint64 { return w&^h.bit() + h.Count()<<layout.PermitShift }
