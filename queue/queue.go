package queue

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/ring"
)

// A Queue is a bounded queue of items that many processes put and many get. It is a handle.
type Queue[T any] struct {
	r      *ring.Ring // nil in the zero Queue
	inSlot bool       // an item is a slot
	e      element
	kind   uint32
}

// New makes a queue in the family's shared memory. The error is a [*TypeError] or a [*FullError], or says what is wrong with the
// options, or that this process cannot be a member of a family.
func New[T any](o Options) (*Queue[T], error) {
	q := new(Queue[T])
	return q, q.make(o, layout.KindQueue)
}

func (q *Queue[T]) make(o Options, kind uint32) error {
	e, err := elementOf[T]()
	if err != nil {
		return err
	}
	if o, err = o.settle(); err != nil {
		return err
	}
	q.e, q.kind = e, kind
	c := q.config()
	c.Capacity, c.Budget, c.Leases, c.Bigs, c.Spin = o.Capacity, o.Bytes, o.Leases, bigs, o.Spin
	r, err := ring.New(c)
	if err != nil {
		return fmt.Errorf("queue: New: %w", err)
	}
	q.r, q.inSlot = r, e.form == slots
	return nil
}

// config is what a handle says of the queue.
func (q *Queue[T]) config() ring.Config {
	return ring.Config{Kind: q.kind, Type: q.e.sig, Size: q.e.size}
}

// Put waits until there is room and puts v behind all that was put before, by whatever process. An error means that v
// was not put: ctx's, [ErrClosed], a [*ValueError] or [*SizeError], or a [*FullError]. If there is room, v is put even if ctx has ended.
func (q *Queue[T]) Put(ctx context.Context, v T) error { return q.put(ctx, v, true) }

// TryPut is Put where there is room, and else [ErrFull]. It waits for those who are just copying an item. In goroutine mode
// it acts for the entry that the handle was passed to.
func (q *Queue[T]) TryPut(v T) error { return q.put(context.Background(), v, false) }

func (q *Queue[T]) put(ctx context.Context, v T, block bool) error {
	r := q.r
	if r == nil {
		return ErrClosed
	}
	me := r.Me(ctx)
	if !q.inSlot {
		return q.putVarying(ctx, me, v, block)
	}
	pos, _, err := r.BeginPut(ctx, me, block)
	if err != nil {
		return fail("Put", err)
	}
	store(r, pos, 0, v)
	r.EndPut(me, pos, 1)
	return nil
}

// PutBatch puts items in their order, waits for room as it is needed, and returns how many it put; fewer only with an error. Items of a fixed
// size become visible as many at once as there is room for, with nothing of others in between; items whose size varies one by one. The errors are those of [Queue.Put].
func (q *Queue[T]) PutBatch(ctx context.Context, items []T) (n int, err error) {
	r := q.r
	if r == nil {
		return 0, ErrClosed
	}
	for n < len(items) && !q.inSlot {
		if err := q.put(ctx, items[n], true); err != nil {
			return n, err
		}
		n++
	}
	me := r.Me(ctx)
	for n < len(items) {
		pos, room, err := r.BeginPut(ctx, me, true)
		if err != nil {
			return n, fail("PutBatch", err)
		}
		if int(room) < len(items)-n {
			room = r.MoreRoom(pos, room)
		}
		k := min(int(room), len(items)-n)
		for i, v := range items[n : n+k] {
			store(r, pos, uint32(i), v)
		}
		r.EndPut(me, pos, uint32(k))
		n += k
	}
	return n, nil
}

// Get waits until there is an item and takes the oldest. An error means that nothing was taken: ctx's, or [ErrClosed];
// but for a [*DecodeError]: the item cannot be decoded here or anywhere, and is gone. If there is an item, it is taken even if ctx has ended.
//
// An item of which its taker dies before Get has returned is not lost, unless that is in the very last steps: whoever must know that an item was
// dealt with uses [Queue.GetLease].
func (q *Queue[T]) Get(ctx context.Context) (T, error) { return q.get(ctx, true) }

// TryGet is Get where there is an item, and else [ErrEmpty]. In goroutine mode it acts for the entry that the
// handle was passed to.
func (q *Queue[T]) TryGet() (T, error) { return q.get(context.Background(), false) }

func (q *Queue[T]) get(ctx context.Context, block bool) (v T, err error) {
	r := q.r
	if r == nil {
		return v, ErrClosed
	}
	me := r.Me(ctx)
	if !q.inSlot {
		return q.getVarying(ctx, me, block)
	}
	pos, _, held, err := r.BeginGet(ctx, me, block)
	if err != nil {
		return v, fail("Get", err)
	}
	if held != nil {
		return takeHeld[T](held)
	}
	v = load[T](r, pos, 0)
	r.EndGet(me, pos, 1)
	return v, nil
}

// WaitReady waits until there is an item to be taken, or will never be one again, for conn.Select. It takes nothing: another may be faster to
// Get it. It returns nil also if ctx has ended, if it is so then, and else ctx's error.
func (q *Queue[T]) WaitReady(ctx context.Context) error {
	r := q.r
	if r == nil {
		return nil // as Get will say
	}
	if r.Len() > 0 {
		return nil
	}
	// If ctx has ended, the queue's lock is not waited for: who has it may be stopped.
	err := r.AwaitMessage(ctx, r.Me(ctx), ctx.Err() == nil)
	if err != nil && ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, ring.ErrEmpty)) {
		return ctx.Err()
	}
	return nil
}

// takeHeld ends the hold of an item that had been given back.
func takeHeld[T any](h *ring.Held) (v T, err error) {
	copy(bytesOf(&v), h.Data)
	if err := h.End(); err != nil {
		var zero T
		return zero, fail("Get", err)
	}
	return v, nil
}

// GetBatch waits until there is an item, takes as many as there are and fit into items, and returns how many. What it takes at
// once is in the order in which it was put, with nothing left out. The errors are those of [Queue.Get]; with a [*DecodeError] the first n items
// were taken and decoded before it.
func (q *Queue[T]) GetBatch(ctx context.Context, items []T) (n int, err error) {
	r := q.r
	if r == nil {
		return 0, ErrClosed
	}
	if len(items) == 0 {
		return 0, nil
	}
	if !q.inSlot {
		for n < len(items) {
			v, err := q.get(ctx, n == 0)
			if err != nil {
				if n > 0 && !isDecodeError(err) {
					return n, nil // it comes again, if it is more than ErrEmpty
				}
				return n, err
			}
			items[n] = v
			n++
		}
		return n, nil
	}
	me := r.Me(ctx)
	pos, k, held, err := r.BeginGet(ctx, me, true)
	if err != nil {
		return 0, fail("GetBatch", err)
	}
	if held != nil {
		if items[0], err = takeHeld[T](held); err != nil {
			return 0, err
		}
		return 1, nil
	}
	if int(k) < len(items) {
		k = r.More(pos, k)
	}
	n = min(int(k), len(items))
	for i := range n {
		items[i] = load[T](r, pos, uint32(i))
	}
	r.EndGet(me, pos, uint32(n))
	return n, nil
}

func isDecodeError(err error) bool {
	_, ok := errors.AsType[*DecodeError](err)
	return ok
}

// All takes items until the queue is drained. An error of Get is yielded with a zero item; if it is not a [*DecodeError], it is the last. Nothing
// is taken that is not yielded.
func (q *Queue[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			v, err := q.Get(ctx)
			if errors.Is(err, ErrClosed) && !isDecodeError(err) {
				return
			}
			if !yield(v, err) || err != nil && !isDecodeError(err) {
				return
			}
		}
	}
}

// Len is how many items can be taken now. It may be another number a moment later. Items that somebody holds are not counted.
func (q *Queue[T]) Len() int {
	if q.r == nil {
		return 0
	}
	return q.r.Len()
}

// Cap is how many items the queue holds at most.
func (q *Queue[T]) Cap() int {
	if q.r == nil {
		return 0
	}
	return q.r.Cap()
}

// Drain ends all putting, by all processes: Put returns [ErrClosed] from then on. What is in the queue can still be taken; when it has been, and nobody holds
// an item that may come back, Get returns ErrClosed, and All ends. The second Drain is ErrClosed. The memory is freed by Close.
func (q *Queue[T]) Drain() error {
	if q.r == nil {
		return ErrClosed
	}
	if err := q.r.Drain(q.r.Me(context.Background())); err != nil {
		return fail("Drain", err)
	}
	return nil
}

// Close ends the queue at once and frees it for all processes; what is in it is lost. All who wait, and all who try later, get [ErrClosed]. Views
// and reservations must not be used any more; nothing can detect that. The second Close is ErrClosed.
func (q *Queue[T]) Close() error {
	if q.r == nil {
		return ErrClosed
	}
	if err := q.r.Close(q.r.Me(context.Background())); err != nil {
		return fail("Close", err)
	}
	return nil
}
