package holds

import (
	"iter"

	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
)

// Parts is which living processes hold the object, each once, and how much: the sum of what n says of their holds, whose words are w.
func (l *List) Parts(n func(h *layout.Hold, w uint64) int) iter.Seq2[lease.ID, int] {
	return func(yield func(lease.ID, int) bool) {
		count := make(map[lease.ID]int)
		var order []lease.ID
		l.Each(func(h *layout.Hold) bool {
			id := lease.ID(h.Owner.Load() & layout.LockOwner)
			w := h.Word.Load()
			part := n(h, w) // once: it may be less at a second look
			if w&layout.HoldTag != l.Tag || part == 0 || l.Env.Table.State(id) != lease.Alive || !l.Live() {
				return true
			}
			if _, ok := count[id]; !ok {
				order = append(order, id)
			}
			count[id] += part
			return true
		})
		for _, id := range order {
			if !yield(id, count[id]) {
				return
			}
		}
	}
}
