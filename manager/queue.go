package manager

import (
	"context"
	"errors"
)

// A Queue is a queue in the server: Python's Queue and JoinableQueue, which are the same. Who waits first is served first.
//
// An item that a Get was sent and has not received, since its context ended or its process died, goes back to its place in a server of ours. One
// that was received and not worked on is lost with who has it.
type Queue[T any] struct{ base }

// NewQueue makes a Queue in the server for up to capacity items; 0 is no limit.
func NewQueue[T any](ctx context.Context, c *Client, capacity int) (*Queue[T], error) {
	b, err := newBase(ctx, c, "Queue", int64(capacity))
	if err != nil {
		return nil, err
	}
	return &Queue[T]{b}, nil
}

// Put appends an item; while the queue is full it waits. It returns [ErrShutDown] after Shutdown.
func (q *Queue[T]) Put(ctx context.Context, item T) error {
	v, err := graphOf(item)
	if err != nil {
		return q.failed("put", false, err)
	}
	return none(q.call(ctx, "put", v))
}

// TryPut appends an item unless the queue is full; then ok is false.
func (q *Queue[T]) TryPut(ctx context.Context, item T) (ok bool, err error) {
	v, err := graphOf(item)
	if err != nil {
		return false, q.failed("put_nowait", false, err)
	}
	_, err = q.call(ctx, "put_nowait", v)
	if errors.Is(err, ErrFull) {
		return false, nil
	}
	return err == nil, err
}

// Get takes the first item; while there is none it waits. It returns [ErrShutDown] after Shutdown, once the queue is empty. When it is given
// up nothing is taken, of CPython's servers either; see [Mutex.Lock].
func (q *Queue[T]) Get(ctx context.Context) (T, error) {
	slices, err := q.foreign(ctx)
	if err != nil {
		var none T
		return none, err
	}
	if !slices {
		v, err := q.call(ctx, "get")
		return result[T](&q.base, "get", v, err)
	}
	v, err := inSlices(ctx, &q.base, "get", func(ctx context.Context, seconds float64) (any, bool, error) {
		v, err := q.call(ctx, "get", true, seconds)
		if errors.Is(err, ErrEmpty) {
			return nil, false, nil
		}
		return v, err == nil, err
	})
	return result[T](&q.base, "get", v, err)
}

// TryGet takes the first item if there is one; otherwise ok is false.
func (q *Queue[T]) TryGet(ctx context.Context) (item T, ok bool, err error) {
	v, err := q.call(ctx, "get_nowait")
	if errors.Is(err, ErrEmpty) {
		return item, false, nil
	}
	item, err = result[T](&q.base, "get_nowait", v, err)
	return item, err == nil, err
}

// Len returns how many items there are.
func (q *Queue[T]) Len(ctx context.Context) (int, error) {
	v, err := q.call(ctx, "qsize")
	return wantInt(&q.base, "qsize", v, err)
}

// Cap returns how many there may be; 0 is no limit. Servers of CPython do not tell: [ErrUnsupported].
func (q *Queue[T]) Cap(ctx context.Context) (int, error) {
	if err := q.supported(ctx, "#maxsize"); err != nil {
		return 0, err
	}
	v, err := q.call(ctx, "#maxsize")
	return wantInt(&q.base, "#maxsize", v, err)
}

// TaskDone says that an item that was taken has been worked on. More often than there were items it is [ErrValue].
func (q *Queue[T]) TaskDone(ctx context.Context) error { return none(q.call(ctx, "task_done")) }

// Join waits until TaskDone was called for each item. One whose taker died before that is never done, as in Python.
func (q *Queue[T]) Join(ctx context.Context) error { return none(q.call(ctx, "join")) }

// Shutdown ends the queue for all, which Close of the proxy does not: Put fails from now on, and Get when the queue is empty. With immediate it
// drops what is in it. Servers of CPython have it from 3.13.
func (q *Queue[T]) Shutdown(ctx context.Context, immediate bool) error {
	return none(q.call(ctx, "shutdown", immediate))
}
