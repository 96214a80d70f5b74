package queue

import (
	"context"

	"github.com/multiproc-go/multiproc/internal/ring"
)

// A Lease is an item that its taker holds: it is not in the queue, and is not gone before [Lease.Ack]. When the process
// that holds it dies, the item is delivered again, before those that are in the queue.
//
// The lease is the process's, in goroutine mode the entry's: one that is forgotten while its process lives stays out.
type Lease[T any] struct {
	Value      T
	Deliveries int // how often the item was handed out, this time included

	h *ring.Held
}

// GetLease waits until there is an item, and takes the oldest to hold it. While as many items are held as Options.Leases
// says, it waits for an Ack. The errors are those of [Queue.Get].
func (q *Queue[T]) GetLease(ctx context.Context) (*Lease[T], error) { return q.lease(ctx, true) }

// TryGetLease is GetLease where there is an item that can be had at once, and else [ErrEmpty].
func (q *Queue[T]) TryGetLease() (*Lease[T], error) { return q.lease(context.Background(), false) }

func (q *Queue[T]) lease(ctx context.Context, block bool) (*Lease[T], error) {
	r := q.r
	if r == nil {
		return nil, ErrClosed
	}
	h, err := r.Lease(ctx, r.Me(ctx), block)
	if err != nil {
		return nil, fail("GetLease", err)
	}
	v, err := q.decode(h.Data, h.Nil)
	if err != nil {
		_ = h.Ack() // nobody else could decode it either
		return nil, err
	}
	return &Lease[T]{v, h.Deliveries, h}, nil
}

// Ack says that the item was dealt with: it will not be delivered again. In a [JoinableQueue] it counts as TaskDone, in one with the
// end of the lease, unless all items are counted as done already. The second Ack or Nack is [ErrNotHeld].
func (l *Lease[T]) Ack() error { return settle("Ack", l.h.Ack) }

// Nack gives the item back: it is delivered again, before those that are in the queue.
func (l *Lease[T]) Nack() error { return settle("Nack", l.h.Nack) }

func settle(op string, f func() error) error {
	if err := f(); err != nil {
		return fail(op, err)
	}
	return nil
}
