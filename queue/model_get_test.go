package queue_test

import (
	"context"
	"slices"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/queue"
)

// next is the message that is to be taken next, or the error.
func (m *model[T]) next(lease bool, waiting error) (s *spot[T], want error) {
	switch {
	case len(m.returned) > 0:
		return m.returned[0], nil
	case lease && m.leases() >= m.o.Leases: // whatever is in the ring
		return nil, waiting
	case len(m.ring) > 0:
		return m.ring[0], nil
	case m.drained && len(m.held) == 0:
		return nil, queue.ErrClosed
	}
	return nil, waiting
}

// taken moves the next message out of the queue.
func (m *model[T]) taken(s *spot[T]) *spot[T] {
	s.deliveries++
	if len(m.returned) > 0 {
		m.returned = m.returned[1:]
	} else {
		m.ring = m.ring[1:]
		m.head += s.words
	}
	return s
}

func (m *model[T]) same(got T, s *spot[T], how string) {
	m.t.Helper()
	if !m.k.equal(got, s.v) {
		m.fail("%s: got %.20v, want %.20v, which was put as number %d", how, got, s.v, s.pos)
	}
}

func (m *model[T]) getOne() {
	try := m.rnd.IntN(2) == 0
	do, waiting := func() (T, error) { return m.q().Get(modetest.Ended()) }, error(context.Canceled)
	if try {
		do, waiting = m.q().TryGet, queue.ErrEmpty
	}
	s, want := m.next(false, waiting)
	if m.k.append != nil && s != nil && !try && m.rnd.IntN(2) == 0 {
		do = func() (T, error) { return m.k.append(modetest.Ended(), &m.q().Queue, s.v) }
	}
	v, err := do()
	m.want(err, want, "Get")
	if err == nil {
		m.same(v, m.taken(s), "Get")
	}
}

func (m *model[T]) getBatch() {
	items := make([]T, m.rnd.IntN(m.o.Capacity+3))
	most := len(m.returned) + len(m.ring)
	if m.k.size == nil && len(m.returned) > 0 {
		most = 1 // one that was given back comes alone
	}
	most = min(most, len(items))
	_, want := m.next(false, context.Canceled)
	if len(items) == 0 {
		want = nil
	}
	n, err := m.q().GetBatch(modetest.Ended(), items)
	m.want(err, want, "GetBatch of %d: %d", len(items), n)
	if n != most {
		m.fail("GetBatch of %d took %d of %d, with %d that were given back", len(items), n, len(m.ring), len(m.returned))
	}
	for _, v := range items[:n] {
		s, _ := m.next(false, nil)
		m.same(v, m.taken(s), "GetBatch")
	}
}

func (m *model[T]) all() {
	k := m.rnd.IntN(len(m.returned) + len(m.ring) + 1)
	s, want := m.next(false, nil)
	if s == nil && want == nil {
		return // it would wait
	}
	for v, err := range m.q().All(modetest.Patient(m.t)) {
		m.want(err, nil, "All")
		m.same(v, m.taken(s), "All")
		if k--; k <= 0 {
			return
		}
		s, _ = m.next(false, nil)
	}
	if want == nil {
		m.fail("All ended with %d to come", k)
	}
}

func (m *model[T]) lease() {
	try := m.rnd.IntN(2) == 0
	do, waiting := func() (*queue.Lease[T], error) { return m.q().GetLease(modetest.Ended()) }, error(context.Canceled)
	if try {
		do, waiting = m.q().TryGetLease, queue.ErrEmpty
	}
	s, want := m.next(true, waiting)
	if m.k.peek != nil && !try && m.rnd.IntN(2) == 0 {
		v, deliveries, view, err := m.k.peek(modetest.Ended(), &m.q().Queue)
		m.want(err, want, "Peek")
		if err == nil {
			m.hold(s, v, deliveries, view.Release, view.Return)
		}
		return
	}
	l, err := do()
	m.want(err, want, "GetLease")
	if err == nil {
		m.hold(s, l.Value, l.Deliveries, l.Ack, l.Nack)
	}
}

func (m *model[T]) hold(s *spot[T], v T, deliveries int, end, back func() error) {
	m.same(v, m.taken(s), "lease")
	if s.end, s.back = end, back; s.deliveries != deliveries {
		m.fail("delivery %d, want %d", deliveries, s.deliveries)
	}
	m.held = append(m.held, s)
}

// settle ends one of the leases.
func (m *model[T]) settle() {
	if len(m.held) == 0 {
		return
	}
	i := m.rnd.IntN(len(m.held))
	s := m.held[i]
	m.held = slices.Delete(m.held, i, i+1)
	if m.rnd.IntN(2) == 0 {
		m.want(s.end(), nil, "Ack of number %d", s.pos)
		if m.done != m.put { // else TaskDone has counted it
			m.done++
		}
	} else {
		m.want(s.back(), nil, "Nack of number %d", s.pos)
		m.returned = append(m.returned, s)
		slices.SortFunc(m.returned, func(a, b *spot[T]) int { return int(int32(a.pos - b.pos)) })
	}
	m.want(s.end(), queue.ErrNotHeld, "second Ack of number %d", s.pos)
	m.want(s.back(), queue.ErrNotHeld, "second Nack of number %d", s.pos)
}
