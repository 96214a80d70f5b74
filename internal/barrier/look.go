package barrier

import (
	"iter"

	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
)

// Members is who has a seat, each process once, and how many it has.
func (b *Barrier) Members() iter.Seq2[lease.ID, int] {
	return func(yield func(lease.ID, int) bool) {
		count := make(map[lease.ID]int)
		var order []lease.ID
		for i := range b.seats {
			seat := b.seats[i].Load()
			if seat&^layout.LockOwner != 0 || seat == 0 || !b.Place.Live() {
				continue // open or lost, or another's memory
			}
			id := lease.ID(seat)
			if count[id] == 0 {
				order = append(order, id)
			}
			count[id]++
		}
		for _, id := range order {
			if !yield(id, count[id]) {
				return
			}
		}
	}
}
