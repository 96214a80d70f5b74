package manager

import (
	"context"
	"iter"

	"github.com/multiproc-go/multiproc/pickle"
)

// A List is a proxy for a list. Negative indexes count from its end, as in Python. What is said of types
// and of proxies as values at [Dict] holds here too.
type List[T any] struct{ base }

// NewList makes a list in the server, with these values.
func NewList[T any](ctx context.Context, c *Client, values ...T) (*List[T], error) {
	var args []any
	if len(values) > 0 {
		items, err := graphsOf(values)
		if err != nil {
			return nil, &CallError{Type: "list", Method: "create", Server: c.s.place(), Err: err}
		}
		args = []any{&pickle.List{Items: items}}
	}
	h, err := c.s.create(ctx, "list", args, nil)
	if err != nil {
		return nil, err
	}
	return &List[T]{base{h}}, nil
}

// At returns a value, or [ErrIndex].
func (l *List[T]) At(ctx context.Context, i int) (T, error) {
	v, err := l.call(ctx, "__getitem__", int64(i))
	return result[T](&l.base, "__getitem__", v, err)
}

// SetAt sets a value, or returns [ErrIndex].
func (l *List[T]) SetAt(ctx context.Context, i int, value T) error {
	return l.with(ctx, "__setitem__", value, int64(i))
}

// Append appends a value.
func (l *List[T]) Append(ctx context.Context, value T) error { return l.with(ctx, "append", value) }

// Extend appends several values, in one step.
func (l *List[T]) Extend(ctx context.Context, values ...T) error {
	items, err := graphsOf(values)
	if err != nil {
		return l.failed("extend", false, err)
	}
	return none(l.call(ctx, "extend", &pickle.List{Items: items}))
}

// Insert inserts a value before an index. Beyond the ends, it goes to the ends.
func (l *List[T]) Insert(ctx context.Context, i int, value T) error {
	return l.with(ctx, "insert", value, int64(i))
}

// Delete removes the value at an index, or returns [ErrIndex].
func (l *List[T]) Delete(ctx context.Context, i int) error {
	return none(l.call(ctx, "__delitem__", int64(i)))
}

// Remove removes the first value that is equal, or returns [ErrValue].
func (l *List[T]) Remove(ctx context.Context, value T) error { return l.with(ctx, "remove", value) }

// Pop removes the last value and returns it, or [ErrIndex].
func (l *List[T]) Pop(ctx context.Context) (T, error) { return l.PopAt(ctx, -1) }

// PopAt removes the value at an index and returns it, or [ErrIndex].
func (l *List[T]) PopAt(ctx context.Context, i int) (T, error) {
	v, err := l.call(ctx, "pop", int64(i))
	return result[T](&l.base, "pop", v, err)
}

// Clear removes all values.
func (l *List[T]) Clear(ctx context.Context) error {
	return none(l.call(ctx, "__delitem__", &pickle.Slice{}))
}

// Len returns the number of values.
func (l *List[T]) Len(ctx context.Context) (int, error) {
	v, err := l.call(ctx, "__len__")
	return result[int](&l.base, "__len__", v, err)
}

// Contains reports whether a value is equal.
func (l *List[T]) Contains(ctx context.Context, value T) (bool, error) {
	return asked[bool](ctx, l, "__contains__", value)
}

// Index returns the index of the first value that is equal, or [ErrValue].
func (l *List[T]) Index(ctx context.Context, value T) (int, error) {
	return asked[int](ctx, l, "index", value)
}

// Count returns how many values are equal.
func (l *List[T]) Count(ctx context.Context, value T) (int, error) {
	return asked[int](ctx, l, "count", value)
}

// Reverse turns the order round.
func (l *List[T]) Reverse(ctx context.Context) error { return none(l.call(ctx, "reverse")) }

// Sort sorts the values as Python orders them, or returns [ErrType] for those that it does not order. Equal
// values keep their order.
func (l *List[T]) Sort(ctx context.Context) error { return none(l.call(ctx, "sort")) }

// SortDescending sorts the other way round. Equal values keep their order too.
func (l *List[T]) SortDescending(ctx context.Context) error {
	words := pickle.NewDict()
	if err := words.Set("reverse", true); err != nil {
		return err
	}
	return none(l.callWith(ctx, "sort", nil, words))
}

// Slice returns the values from index i up to before j, as l[i:j] of Python: with negative indexes counted from the
// end, and what is beyond the ends left out.
func (l *List[T]) Slice(ctx context.Context, i, j int) ([]T, error) {
	v, err := l.call(ctx, "__getitem__", &pickle.Slice{Start: int64(i), Stop: int64(j)})
	return result[[]T](&l.base, "__getitem__", v, err)
}

// SetSlice puts values in place of those from i up to before j; there may be more or fewer of them.
func (l *List[T]) SetSlice(ctx context.Context, i, j int, values ...T) error {
	items, err := graphsOf(values)
	if err != nil {
		return l.failed("__setitem__", false, err)
	}
	return none(l.call(ctx, "__setitem__", &pickle.Slice{Start: int64(i), Stop: int64(j)}, &pickle.List{Items: items}))
}

// DeleteSlice removes the values from i up to before j.
func (l *List[T]) DeleteSlice(ctx context.Context, i, j int) error {
	return none(l.call(ctx, "__delitem__", &pickle.Slice{Start: int64(i), Stop: int64(j)}))
}

// Values returns all values: what the list is at one moment.
func (l *List[T]) Values(ctx context.Context) ([]T, error) {
	v, err := l.call(ctx, "__getitem__", &pickle.Slice{})
	return result[[]T](&l.base, "__getitem__", v, err)
}

// chunk is how many values All asks for at once.
const chunk = 256

// All yields the values, by index, some hundreds with each call. Like Python's loop over a list it sees what
// is changed meanwhile, more or less; [List.Values] is exact. An error is the last
// thing that it yields, and then the value is zero.
func (l *List[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for i := 0; ; i += chunk {
			values, err := l.Slice(ctx, i, i+chunk)
			for _, v := range values {
				if err == nil && !yield(v, nil) {
					return
				}
			}
			if err != nil {
				var none T
				yield(none, err)
			}
			if err != nil || len(values) < chunk {
				return
			}
		}
	}
}

// CompareAndSwap sets the value at an index to new if it is old, in one step, and reports
// whether it did. What is the same, and who cannot do it, is said at [Dict.CompareAndSwap].
func (l *List[T]) CompareAndSwap(ctx context.Context, i int, old, new T) (swapped bool, err error) {
	return swapOne(ctx, &l.base, old, new, int64(i))
}

// Update sets the value at an index to what fn makes of it, and returns that; see [Dict.Update].
func (l *List[T]) Update(ctx context.Context, i int, fn func(old T) (T, error)) (T, error) {
	get := func() (any, error) { return l.call(ctx, "__getitem__", int64(i)) }
	return updateOne(ctx, &l.base, get, fn, int64(i))
}

// with calls a method whose last argument is a value.
func (l *List[T]) with(ctx context.Context, method string, value T, before ...any) error {
	v, err := graphOf(value)
	if err != nil {
		return l.failed(method, false, err)
	}
	return none(l.call(ctx, method, append(before, v)...))
}

// asked calls a method that answers something about a value.
func asked[R, T any](ctx context.Context, l *List[T], method string, value T) (R, error) {
	v, err := graphOf(value)
	if err != nil {
		var none R
		return none, l.failed(method, false, err)
	}
	got, err := l.call(ctx, method, v)
	return result[R](&l.base, method, got, err)
}
