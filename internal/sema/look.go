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
