package wait

import (
	"context"
	"sync/atomic"

	"github.com/multiproc-go/multiproc/internal/sys"
)

// canceling is a word that a sleeper watches beside its own: it becomes 1 and is woken when a context ends.
//
// To register with a context and to end that is a sixth of what two processes need, in their own code, to wake each other, and the end of
// it comes after the wake and before the sleeper goes on. So the last one that was used is kept, for the next
// sleep under the same context: of processes that wait for each other again and again, most are.
type canceling struct {
	done <-chan struct{}
	word atomic.Uint32
	stop func() bool
}

// canceled returns the word for ctx, which can be canceled.
func (h *Hub) canceled(ctx context.Context) *canceling {
	done := ctx.Done()
	c := h.kept.Swap(nil)
	if c != nil {
		if c.done == done {
			return c // if it has become 1 meanwhile, so has ctx ended
		}
		c.stop()
	}
	c = &canceling{done: done}
	c.stop = context.AfterFunc(ctx, func() {
		c.word.Store(1)
		sys.FutexWake(&c.word, 1, true)
	})
	return c
}

// keep is called by a sleeper that needs c no more.
func (h *Hub) keep(c *canceling) {
	if c = h.kept.Swap(c); c != nil {
		c.stop()
	}
}
