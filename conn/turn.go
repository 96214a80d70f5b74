package conn

import (
	"context"
	"runtime"
	"sync/atomic"
)

// A turn is held by who sends, or by who receives; those that wait get it in the order in which they came. It is not a mutex because one
// may wait long for it, and contexts end; and no channel, which would be much of the cost of a message that is in the buffer already.
//
//	0      free
//	1      held, or on its way through hand to who will hold it
//	1 + n  the same, and n others wait
type turn struct {
	n    atomic.Int64
	hand chan struct{} // of room for one, as the turn is one
}

func (t *turn) try() bool { return t.n.CompareAndSwap(0, 1) }

func (t *turn) take(ctx context.Context) error {
	if t.try() || t.n.Add(1) == 1 {
		return nil
	}
	select {
	case <-t.hand:
		return nil
	case <-ctx.Done():
	}
	for {
		n := t.n.Load()
		if n > 1 && t.n.CompareAndSwap(n, n-1) {
			return ctx.Err() // whoever is to have it, we are not
		}
		if n > 1 {
			continue
		}
		select { // nobody holds it and nobody else waits, so it is on its way to us
		case <-t.hand:
			t.pass()
			return ctx.Err()
		default:
			runtime.Gosched()
		}
	}
}

// wait takes the turn however long that lasts.
func (t *turn) wait() { _ = t.take(context.Background()) }

func (t *turn) pass() {
	if t.n.CompareAndSwap(1, 0) || t.n.Add(-1) == 0 {
		return
	}
	t.hand <- struct{}{}
}
