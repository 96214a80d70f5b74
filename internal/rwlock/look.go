package rwlock

import (
	"iter"
	"math/bits"

	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
)

// Writer is who writes, false if nobody does. One that still waits for readers does not.
func (l *Lock) Writer() (lease.ID, bool) {
	g := l.X.Gate.Load()
	id := lease.ID(g & layout.GateOwner)
	return id, id != 0 && g&layout.GateDraining == 0 && l.Place.Live()
}

// Readers is who reads, each process once, and how often it does.
func (l *Lock) Readers() iter.Seq2[lease.ID, int] {
	return func(yield func(lease.ID, int) bool) {
		count := make(map[lease.ID]int)
		var order []lease.ID
		l.Holds.Each(func(h *layout.Hold) bool {
			id := lease.ID(h.Owner.Load() & layout.LockOwner)
			w := h.Word.Load()
			n := bits.OnesCount64(w & layout.HoldSlotBits)
			if n == 0 || w&layout.HoldTag != l.Holds.Tag || l.Holds.Env.Table.State(id) != lease.Alive || !l.Place.Live() {
				return true
			}
			if count[id] == 0 {
				order = append(order, id)
			}
			count[id] += n
			return true
		})
		for _, id := range order {
			if !yield(id, count[id]) {
				return
			}
		}
	}
}
