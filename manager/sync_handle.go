package manager

import (
	"fmt"
	"slices"

	"github.com/multiproc-go/multiproc/internal/family"
)

// AsMutex returns a typed view of a proxy, which shares its reference. The error wraps [ErrHandle] if the object is not a lock, as far as
// its proxy tells.
func AsMutex(p *Proxy) (*Mutex, error) {
	m := new(Mutex)
	return m, m.UnmarshalPickle(p)
}

// UnmarshalPickle makes m the proxy that a graph has; package pickle calls it.
func (m *Mutex) UnmarshalPickle(graph any) error {
	return m.wantsAcquirer(graph, "Semaphore", "BoundedSemaphore")
}

// MarshalBinary is that of [Proxy].
func (m *Mutex) MarshalBinary() ([]byte, error) { return m.marshal() }

// UnmarshalBinary is that of [Proxy]. Other proxies than those of a lock are [ErrHandle].
func (m *Mutex) UnmarshalBinary(data []byte) error {
	return m.unmarshal(data, func(p *Proxy) error { return new(Mutex).UnmarshalPickle(p) })
}

// BindMember marks a handle; multiproc calls it where an argument arrives in goroutine mode.
func (m *Mutex) BindMember(*family.Member) {}

// wantsAcquirer is wants for what has the class AcquirerProxy in Python: locks and semaphores are told apart by the types that Python
// knows them by. A type that a program has registered may be either.
func (b *base) wantsAcquirer(from any, others ...string) error {
	var check base
	if err := check.wants(from, "AcquirerProxy", "acquire", "release"); err != nil {
		return err
	}
	if typeid := check.TypeID(); slices.Contains(others, typeid) {
		return fmt.Errorf("%w: a %s", ErrHandle, typeid)
	}
	b.h = check.h
	return nil
}

// AsRWMutex returns a typed view of a proxy, which shares its reference. The error wraps [ErrHandle] if the object is not an RWLock, as far as
// its proxy tells.
func AsRWMutex(p *Proxy) (*RWMutex, error) {
	m := new(RWMutex)
	return m, m.UnmarshalPickle(p)
}

// UnmarshalPickle makes m the proxy that a graph has; package pickle calls it.
func (m *RWMutex) UnmarshalPickle(graph any) error {
	return m.wants(graph, "no class", "acquire_read", "acquire_write")
}

// MarshalBinary is that of [Proxy].
func (m *RWMutex) MarshalBinary() ([]byte, error) { return m.marshal() }

// UnmarshalBinary is that of [Proxy]. Other proxies than those of an RWLock are [ErrHandle].
func (m *RWMutex) UnmarshalBinary(data []byte) error {
	return m.unmarshalAs(data, "no class", "acquire_read", "acquire_write")
}

// BindMember marks a handle; multiproc calls it where an argument arrives in goroutine mode.
func (m *RWMutex) BindMember(*family.Member) {}

// AsSemaphore returns a typed view of a proxy, which shares its reference. The error wraps [ErrHandle] if the object is not a semaphore, as far as
// its proxy tells.
func AsSemaphore(p *Proxy) (*Semaphore, error) {
	m := new(Semaphore)
	return m, m.UnmarshalPickle(p)
}

// UnmarshalPickle makes m the proxy that a graph has; package pickle calls it.
func (m *Semaphore) UnmarshalPickle(graph any) error {
	return m.wantsAcquirer(graph, "Lock", "RLock")
}

// MarshalBinary is that of [Proxy].
func (m *Semaphore) MarshalBinary() ([]byte, error) { return m.marshal() }

// UnmarshalBinary is that of [Proxy]. Other proxies than those of a semaphore are [ErrHandle].
func (m *Semaphore) UnmarshalBinary(data []byte) error {
	return m.unmarshal(data, func(p *Proxy) error { return new(Semaphore).UnmarshalPickle(p) })
}

// BindMember marks a handle; multiproc calls it where an argument arrives in goroutine mode.
func (m *Semaphore) BindMember(*family.Member) {}

// AsCond returns a typed view of a proxy, which shares its reference. The error wraps [ErrHandle] if the object is not a Condition, as far as
// its proxy tells.
func AsCond(p *Proxy) (*Cond, error) {
	c := new(Cond)
	return c, c.UnmarshalPickle(p)
}

// UnmarshalPickle makes c the proxy that a graph has; package pickle calls it.
func (c *Cond) UnmarshalPickle(graph any) error {
	return c.wants(graph, "ConditionProxy", "wait", "notify")
}

// MarshalBinary is that of [Proxy].
func (c *Cond) MarshalBinary() ([]byte, error) { return c.marshal() }

// UnmarshalBinary is that of [Proxy]. Other proxies than those of a Condition are [ErrHandle].
func (c *Cond) UnmarshalBinary(data []byte) error {
	return c.unmarshalAs(data, "ConditionProxy", "wait", "notify")
}

// BindMember marks a handle; multiproc calls it where an argument arrives in goroutine mode.
func (c *Cond) BindMember(*family.Member) {}

// AsEvent returns a typed view of a proxy, which shares its reference. The error wraps [ErrHandle] if the object is not an Event, as far as
// its proxy tells.
func AsEvent(p *Proxy) (*Event, error) {
	e := new(Event)
	return e, e.UnmarshalPickle(p)
}

// UnmarshalPickle makes e the proxy that a graph has; package pickle calls it.
func (e *Event) UnmarshalPickle(graph any) error {
	return e.wants(graph, "EventProxy", "is_set", "set")
}

// MarshalBinary is that of [Proxy].
func (e *Event) MarshalBinary() ([]byte, error) { return e.marshal() }

// UnmarshalBinary is that of [Proxy]. Other proxies than those of an Event are [ErrHandle].
func (e *Event) UnmarshalBinary(data []byte) error {
	return e.unmarshalAs(data, "EventProxy", "is_set", "set")
}

// BindMember marks a handle; multiproc calls it where an argument arrives in goroutine mode.
func (e *Event) BindMember(*family.Member) {}

// AsBarrier returns a typed view of a proxy, which shares its reference. The error wraps [ErrHandle] if the object is not a Barrier, as far as
// its proxy tells.
func AsBarrier(p *Proxy) (*Barrier, error) {
	b := new(Barrier)
	return b, b.UnmarshalPickle(p)
}

// UnmarshalPickle makes b the proxy that a graph has; package pickle calls it.
func (b *Barrier) UnmarshalPickle(graph any) error {
	return b.wants(graph, "BarrierProxy", "wait", "abort")
}

// MarshalBinary is that of [Proxy].
func (b *Barrier) MarshalBinary() ([]byte, error) { return b.marshal() }

// UnmarshalBinary is that of [Proxy]. Other proxies than those of a Barrier are [ErrHandle].
func (b *Barrier) UnmarshalBinary(data []byte) error {
	return b.unmarshalAs(data, "BarrierProxy", "wait", "abort")
}

// BindMember marks a handle; multiproc calls it where an argument arrives in goroutine mode.
func (b *Barrier) BindMember(*family.Member) {}

// AsCounter returns a typed view of a proxy, which shares its reference. The error wraps [ErrHandle] if the object is not a Counter, as far as
// its proxy tells.
func AsCounter(p *Proxy) (*Counter, error) {
	c := new(Counter)
	return c, c.UnmarshalPickle(p)
}

// UnmarshalPickle makes c the proxy that a graph has; package pickle calls it.
func (c *Counter) UnmarshalPickle(graph any) error {
	return c.wants(graph, "no class", "add", "compare_and_set")
}

// MarshalBinary is that of [Proxy].
func (c *Counter) MarshalBinary() ([]byte, error) { return c.marshal() }

// UnmarshalBinary is that of [Proxy]. Other proxies than those of a Counter are [ErrHandle].
func (c *Counter) UnmarshalBinary(data []byte) error {
	return c.unmarshalAs(data, "no class", "add", "compare_and_set")
}

// BindMember marks a handle; multiproc calls it where an argument arrives in goroutine mode.
func (c *Counter) BindMember(*family.Member) {}

// AsQueue returns a typed view of a proxy, which shares its reference. The error wraps [ErrHandle] if the object is not a queue, as far as
// its proxy tells.
func AsQueue[T any](p *Proxy) (*Queue[T], error) {
	q := new(Queue[T])
	return q, q.UnmarshalPickle(p)
}

// UnmarshalPickle makes q the proxy that a graph has; package pickle calls it.
func (q *Queue[T]) UnmarshalPickle(graph any) error { return q.wants(graph, "no class", "put", "get") }

// MarshalBinary is that of [Proxy].
func (q *Queue[T]) MarshalBinary() ([]byte, error) { return q.marshal() }

// UnmarshalBinary is that of [Proxy]. Other proxies than those of a queue are [ErrHandle].
func (q *Queue[T]) UnmarshalBinary(data []byte) error {
	return q.unmarshalAs(data, "no class", "put", "get")
}

// BindMember marks a handle; multiproc calls it where an argument arrives in goroutine mode.
func (q *Queue[T]) BindMember(*family.Member) {}
