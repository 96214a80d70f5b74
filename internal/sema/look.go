package sema

import (
	"iter"
	"math/bits"

	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
)

// held is how many permits are held in h, whose word is w.
func held(h *layout.Hold, w uint64) uint64 {
	n := uint64(bits.OnesCount64(w & layout.PermitSlotBits))
	for i := range h.Weights {
		if w>>(layout.PermitSlots+i)&1 != 0 {
			n += uint64(h.Weights[i].Load())
		}
	}
	return n
}

// Holders is who holds permits, each process once, and how many.
func (s *Sema) Holders() iter.Seq2[lease.ID, int] {
	return s.Holds.Parts(func(h *layout.Hold, w uint64) int { return int(held(h, w)) })
}

// Keeper is the one living process that holds all permits, if there is one and none is free, or in the hands of the dead or of nobody; as far as
// can be seen without Books. The ticket is another one when it has given one back.
func (s *Sema) Keeper() (id lease.ID, ticket uint32, ok bool) {
	w := s.X.Pool.Word.Load()
	ok = w&layout.HoldTag == s.Holds.Tag && free(w) == 0 && w&layout.HoldSlotBits == 0
	s.each(func(x word) bool {
		if x.n == 0 {
			return ok
		}
		o, w := lease.ID(x.Owner.Load()), x.Word.Load()
		if w&layout.HoldTag != s.Holds.Tag {
			return true // of no use yet
		}
		if free(w) != 0 {
			ok = false
		} else if w&layout.HoldSlotBits != 0 {
			ok = (id == 0 || id == o) && s.Holds.Env.Table.State(o) == lease.Alive
			id = o
			for i := range x.Tickets {
				ticket += x.Tickets[i].Load()
			}
		}
		return ok
	})
	return id, ticket, ok && id != 0 && s.Holds.Live()
}
