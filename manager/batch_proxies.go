package manager

// What the In of each proxy returns. The methods are those of the proxy; what they say there holds here, but that the results are there after Flush.

// graphs2 and graphs1 are the arguments of a call, in memory of the batch: until the next call is made.
func graphs2[A, C any](b *Batch, a A, c C) (_ []any, err error) {
	if b.args[0], err = graphOf(a); err != nil {
		return nil, err
	}
	b.args[1], err = graphOf(c)
	return b.args[:2], err
}

func graphs1[A any](b *Batch, a A) (_ []any, err error) {
	b.args[0], err = graphOf(a)
	return b.args[:1], err
}

// A DictBatch is a [Dict] whose calls go into a [Batch].
type DictBatch[K comparable, V any] struct {
	d *Dict[K, V]
	b *Batch
}

// In has calls of the dict go into a batch.
func (d *Dict[K, V]) In(b *Batch) DictBatch[K, V] { return DictBatch[K, V]{d, b} }

// Get is [Dict.Get].
func (d DictBatch[K, V]) Get(key K) *Future[V] {
	graphs, err := graphs1(d.b, key)
	return postpone[V](d.b, &d.d.base, "__getitem__", graphs, err)
}

// Set is [Dict.Set].
func (d DictBatch[K, V]) Set(key K, value V) *Future[struct{}] {
	graphs, err := graphs2(d.b, key, value)
	return postpone[struct{}](d.b, &d.d.base, "__setitem__", graphs, err)
}

// SetDefault is [Dict.SetDefault].
func (d DictBatch[K, V]) SetDefault(key K, value V) *Future[V] {
	graphs, err := graphs2(d.b, key, value)
	return postpone[V](d.b, &d.d.base, "setdefault", graphs, err)
}

// Delete is [Dict.Delete].
func (d DictBatch[K, V]) Delete(key K) *Future[struct{}] {
	graphs, err := graphs1(d.b, key)
	return postpone[struct{}](d.b, &d.d.base, "__delitem__", graphs, err)
}

// Pop is [Dict.Pop].
func (d DictBatch[K, V]) Pop(key K) *Future[V] {
	graphs, err := graphs1(d.b, key)
	return postpone[V](d.b, &d.d.base, "pop", graphs, err)
}

// Contains is [Dict.Contains].
func (d DictBatch[K, V]) Contains(key K) *Future[bool] {
	graphs, err := graphs1(d.b, key)
	return postpone[bool](d.b, &d.d.base, "__contains__", graphs, err)
}

// Len is [Dict.Len].
func (d DictBatch[K, V]) Len() *Future[int] {
	return postpone[int](d.b, &d.d.base, "__len__", nil, nil)
}

// A ListBatch is a [List] whose calls go into a [Batch].
type ListBatch[T any] struct {
	l *List[T]
	b *Batch
}

// In has calls of the list go into a batch.
func (l *List[T]) In(b *Batch) ListBatch[T] { return ListBatch[T]{l, b} }

// At is [List.At].
func (l ListBatch[T]) At(i int) *Future[T] {
	return postpone[T](l.b, &l.l.base, "__getitem__", []any{int64(i)}, nil)
}

// SetAt is [List.SetAt].
func (l ListBatch[T]) SetAt(i int, value T) *Future[struct{}] {
	graphs, err := graphs2(l.b, i, value)
	return postpone[struct{}](l.b, &l.l.base, "__setitem__", graphs, err)
}

// Append is [List.Append].
func (l ListBatch[T]) Append(value T) *Future[struct{}] {
	graphs, err := graphs1(l.b, value)
	return postpone[struct{}](l.b, &l.l.base, "append", graphs, err)
}

// Pop is [List.Pop].
func (l ListBatch[T]) Pop() *Future[T] {
	return postpone[T](l.b, &l.l.base, "pop", []any{int64(-1)}, nil)
}

// Len is [List.Len].
func (l ListBatch[T]) Len() *Future[int] { return postpone[int](l.b, &l.l.base, "__len__", nil, nil) }

// A ValueBatch is a [Value] whose calls go into a [Batch].
type ValueBatch[T any] struct {
	v *Value[T]
	b *Batch
}

// In has calls of the value go into a batch.
func (v *Value[T]) In(b *Batch) ValueBatch[T] { return ValueBatch[T]{v, b} }

// Get is [Value.Get].
func (v ValueBatch[T]) Get() *Future[T] { return postpone[T](v.b, &v.v.base, "get", nil, nil) }

// Set is [Value.Set].
func (v ValueBatch[T]) Set(value T) *Future[struct{}] {
	graphs, err := graphs1(v.b, value)
	return postpone[struct{}](v.b, &v.v.base, "set", graphs, err)
}

// A CounterBatch is a [Counter] whose calls go into a [Batch].
type CounterBatch struct {
	c *Counter
	b *Batch
}

// In has calls of the counter go into a batch.
func (c *Counter) In(b *Batch) CounterBatch { return CounterBatch{c, b} }

// Add is [Counter.Add].
func (c CounterBatch) Add(n int64) *Future[int64] {
	return postpone[int64](c.b, &c.c.base, "add", []any{n}, nil)
}

// Load is [Counter.Load].
func (c CounterBatch) Load() *Future[int64] { return postpone[int64](c.b, &c.c.base, "get", nil, nil) }

// A QueueBatch is a [Queue] whose calls go into a [Batch].
type QueueBatch[T any] struct {
	q *Queue[T]
	b *Batch
}

// In has calls of the queue go into a batch.
func (q *Queue[T]) In(b *Batch) QueueBatch[T] { return QueueBatch[T]{q, b} }

// Put is [Queue.Put]. While the queue is full, it holds up the calls behind it: one that would make room in the same batch comes too late.
func (q QueueBatch[T]) Put(item T) *Future[struct{}] {
	graphs, err := graphs1(q.b, item)
	return postpone[struct{}](q.b, &q.q.base, "put", graphs, err)
}

// TryPut is [Queue.TryPut], but that the error is [ErrFull] if the queue is.
func (q QueueBatch[T]) TryPut(item T) *Future[struct{}] {
	graphs, err := graphs1(q.b, item)
	return postpone[struct{}](q.b, &q.q.base, "put_nowait", graphs, err)
}

// TryGet is [Queue.TryGet], but that the error is [ErrEmpty] if there is no item.
func (q QueueBatch[T]) TryGet() *Future[T] {
	return postpone[T](q.b, &q.q.base, "get_nowait", nil, nil)
}

// TaskDone is [Queue.TaskDone].
func (q QueueBatch[T]) TaskDone() *Future[struct{}] {
	return postpone[struct{}](q.b, &q.q.base, "task_done", nil, nil)
}
