package queue

import (
	"context"
	"errors"

	"github.com/multiproc-go/multiproc/internal/ring"
)

// A Reservation is an item that is being written where its receiver will read it. It belongs to the process that made it.
type Reservation struct {
	d *ring.Draft
	q *Queue[[]byte]
}

// Reserve waits for room and returns n bytes of shared memory to be filled. They are not zeros. Nothing is in the queue, and nothing is
// locked, before [Reservation.Commit]; if the process dies before that, nothing was put. It pays for items of some KiB and more: the
// memory is used again, and nobody copies. The errors are those of [Queue.Put].
func Reserve(ctx context.Context, q *Queue[[]byte], n int) (*Reservation, error) {
	if n < 0 {
		panic("queue: Reserve of a negative number of bytes")
	}
	r := q.r
	if r == nil {
		return nil, ErrClosed
	}
	d, err := r.Reserve(ctx, r.Me(ctx), uint64(n), true)
	if errors.Is(err, ring.ErrTooLarge) {
		return nil, &SizeError{int64(n), r.Budget()}
	}
	if err != nil {
		return nil, fail("Reserve", err)
	}
	return &Reservation{d, q}, nil
}

// Bytes is the memory to be filled. It must not be used after Commit or Abort, or after the queue's Close; nothing can detect that.
func (r *Reservation) Bytes() []byte { return r.d.Data }

// Truncate makes the item shorter. It panics if n is more than there is.
func (r *Reservation) Truncate(n int) { r.d.Data = r.d.Data[:n] }

// Commit puts the item; it may wait for one of the queue's places. After an error that is not [ErrNotHeld] it can be tried again, or aborted.
func (r *Reservation) Commit(ctx context.Context) error {
	return settle("Commit", func() error { return r.d.Commit(ctx, true) })
}

// Abort gives the memory back; nothing was put.
func (r *Reservation) Abort() error { return settle("Abort", r.d.Abort) }

// GetAppend is Get of an item that is appended to buf: with enough room there, nothing is allocated. It returns buf with an error too.
// A nil item appends nothing.
func GetAppend(ctx context.Context, q *Queue[[]byte], buf []byte) ([]byte, error) {
	r := q.r
	if r == nil {
		return buf, ErrClosed
	}
	n := len(buf)
	b, _, err := r.GetBytes(ctx, r.Me(ctx), buf, true)
	if err != nil {
		return b[:n], fail("GetAppend", err)
	}
	return b, nil
}

// A View is an item that is read where it lies. It is held as a [Lease] is.
type View struct {
	Deliveries int // how often the item was handed out, this time included

	h *ring.Held
}

// Peek waits until there is an item and takes the oldest, without copying it. The errors are those of [Queue.GetLease].
func Peek(ctx context.Context, q *Queue[[]byte]) (*View, error) {
	r := q.r
	if r == nil {
		return nil, ErrClosed
	}
	h, err := r.Lease(ctx, r.Me(ctx), true)
	if err != nil {
		return nil, fail("Peek", err)
	}
	return &View{h.Deliveries, h}, nil
}

// Bytes is the item. It must not be used after Release or Return, or after the queue's Close; nothing can detect that.
func (v *View) Bytes() []byte {
	if v.h.Nil {
		return nil
	}
	return v.h.Data
}

// Release says that the item was dealt with, as [Lease.Ack] does; its memory is used again.
func (v *View) Release() error { return settle("Release", v.h.Ack) }

// Return gives the item back, as [Lease.Nack] does.
func (v *View) Return() error { return settle("Return", v.h.Nack) }
