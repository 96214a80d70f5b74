package queue

import (
	"context"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
)

// A JoinableQueue is a [Queue] that knows how many of its items are not done. It is a handle of its own: that of
// the Queue inside it cannot be passed on.
//
// The number of items that were put is part of their commit, so a death cannot make it wrong. But an item that was taken by
// Get, whose taker dies before TaskDone, is never done, and Join waits for ever, as Python's does. Take with [Queue.GetLease]: then Ack counts, and
// the items of a dead process are delivered again.
type JoinableQueue[T any] struct {
	Queue[T]
}

// NewJoinable makes a queue as [New] does.
func NewJoinable[T any](o Options) (*JoinableQueue[T], error) {
	q := new(JoinableQueue[T])
	if err := q.make(o, layout.KindJoinable); err != nil {
		return nil, err
	}
	return q, nil
}

// TaskDone says that one more of the items that were put is done. It returns [ErrTaskDone] if all are, and [ErrClosed].
func (q *JoinableQueue[T]) TaskDone() error {
	if q.r == nil {
		return ErrClosed
	}
	ok, err := q.r.TaskDone(q.r.Me(context.Background()))
	if err != nil {
		return fail("TaskDone", err)
	}
	if !ok {
		return ErrTaskDone
	}
	return nil
}

// Join waits until all items that were put are done. The error is ctx's, or [ErrClosed].
func (q *JoinableQueue[T]) Join(ctx context.Context) error {
	if q.r == nil {
		return ErrClosed
	}
	if err := q.r.Join(ctx, q.r.Me(ctx)); err != nil {
		return fail("Join", err)
	}
	return nil
}

// Unfinished is the number of items that were put and are not done: at most 2^32-1 at a time.
func (q *JoinableQueue[T]) Unfinished() (int, error) {
	if q.r == nil {
		return 0, ErrClosed
	}
	n, err := q.r.Unfinished(q.r.Me(context.Background()))
	if err != nil {
		return 0, fail("Unfinished", err)
	}
	return n, nil
}

// BindMember makes q the handle of a member of this process; multiproc calls it where an argument
// arrives in goroutine mode.
func (q *JoinableQueue[T]) BindMember(m *family.Member) { q.Queue.BindMember(m) }

// MarshalBinary encodes the handle for another process of the family.
func (q *JoinableQueue[T]) MarshalBinary() ([]byte, error) { return q.Queue.MarshalBinary() }

// UnmarshalBinary makes q the handle that b encodes. It returns a [*HandleError] for anything that is no handle to an
// open joinable queue of this type and family.
func (q *JoinableQueue[T]) UnmarshalBinary(b []byte) error {
	return q.decodeHandle(b, layout.KindJoinable, family.DecodeBinary)
}

// MarshalText is MarshalBinary as one word of ASCII, for a flag or the environment.
func (q *JoinableQueue[T]) MarshalText() ([]byte, error) { return q.Queue.MarshalText() }

// UnmarshalText undoes MarshalText.
func (q *JoinableQueue[T]) UnmarshalText(text []byte) error {
	return q.decodeHandle(text, layout.KindJoinable, family.DecodeText)
}

// Equal reports whether both name the same queue.
func (q *JoinableQueue[T]) Equal(o *JoinableQueue[T]) bool {
	return o != nil && q.Queue.Equal(&o.Queue)
}
