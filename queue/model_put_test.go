package queue_test

import (
	"context"
	"slices"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/queue"
)

func (m *model[T]) append(v T, words uint32, big int) {
	m.ring = append(m.ring, &spot[T]{v: v, pos: m.put, words: words, big: big})
	m.put++
	m.tail += words
}

// room is the error that a Put must have, if any; waiting is what it has where it would wait.
func (m *model[T]) room(words uint32, waiting error) (takes uint32, want error) {
	takes, ok := m.fits(words)
	switch {
	case m.drained:
		return 0, queue.ErrClosed
	case !ok:
		return 0, waiting
	}
	return takes, nil
}

func (m *model[T]) item() T {
	m.ids++
	return m.k.item(m.rnd, m.ids)
}

func (m *model[T]) putOne() {
	v, try := m.item(), m.rnd.IntN(2) == 0
	do, waiting := func() error { return m.q().Put(modetest.Ended(), v) }, error(context.Canceled)
	if try {
		do, waiting = func() error { return m.q().TryPut(v) }, queue.ErrFull
	}
	if !m.isBig(v) {
		takes, want := m.room(m.wordsOf(v), waiting)
		m.want(do(), want, "Put of %d words", m.wordsOf(v))
		if want == nil {
			m.append(v, takes, 0)
		}
		return
	}
	takes, want := m.room(1, waiting)
	n, err := m.k.size(v), do()
	if want == nil && err != nil {
		want = waiting
		m.roomForBig(n, false)
	}
	m.want(err, want, "Put of %d bytes", n)
	if err == nil {
		m.roomForBig(n, true)
		m.append(v, takes, n)
	}
}

func (m *model[T]) putBatch() {
	items := make([]T, m.rnd.IntN(2*m.o.Capacity+2))
	var takes []uint32
	for i := range items {
		for items[i] = m.item(); m.isBig(items[i]); {
			items[i] = m.item()
		}
	}
	var want error
	before := len(m.ring)
	for _, v := range items {
		var n uint32
		if n, want = m.room(m.wordsOf(v), context.Canceled); want != nil {
			break
		}
		takes = append(takes, n)
		m.append(v, n, 0)
	}
	n, err := m.q().PutBatch(modetest.Ended(), items)
	m.want(err, want, "PutBatch of %d: %d", len(items), n)
	if n != len(takes) {
		m.fail("PutBatch of %d put %d, want %d beside %d", len(items), n, len(takes), before)
	}
}

func (m *model[T]) reserve() {
	if m.k.reserve == nil {
		return
	}
	n := m.rnd.IntN(3 * m.inline())
	r, err := m.k.reserve(modetest.Ended(), &m.q().Queue, n)
	switch want := error(context.Canceled); {
	case m.drained:
		m.want(err, queue.ErrClosed, "Reserve of %d", n)
	case err != nil:
		m.want(err, want, "Reserve of %d", n)
		m.roomForBig(n, false)
	default:
		m.want(err, nil, "Reserve of %d", n)
		m.roomForBig(n, true)
		if len(r.Bytes()) != n {
			m.fail("%d bytes are reserved, want %d", len(r.Bytes()), n)
		}
		m.drafts = append(m.drafts, draft{r, max(n, 1)})
	}
}

func (m *model[T]) commit() {
	if len(m.drafts) == 0 {
		return
	}
	i := m.rnd.IntN(len(m.drafts))
	d := m.drafts[i]
	if m.rnd.IntN(4) == 0 {
		m.want(d.r.Abort(), nil, "Abort")
		m.drafts = slices.Delete(m.drafts, i, i+1)
		m.over = d.r
		return
	}
	m.ids++
	d.r.Truncate(m.rnd.IntN(len(d.r.Bytes()) + 1))
	for i := range d.r.Bytes() {
		d.r.Bytes()[i] = byte(m.ids + i)
	}
	v := m.k.reserved(d.r.Bytes())
	takes, want := m.room(1, context.Canceled)
	m.want(d.r.Commit(modetest.Ended()), want, "Commit")
	if want == nil {
		m.drafts = slices.Delete(m.drafts, i, i+1)
		m.append(v, takes, d.n)
		m.over = d.r
	}
}

// again uses a reservation that is over; its room may be another's by now.
func (m *model[T]) again() {
	if m.over != nil {
		m.want(m.over.Commit(modetest.Ended()), m.lost(), "Commit of one that is over")
		m.want(m.over.Abort(), queue.ErrNotHeld, "Abort of one that is over")
	}
}

// lost is the error of a Commit whose room is another's; where there is no place for it, that is said first.
func (m *model[T]) lost() error {
	if _, want := m.room(1, context.Canceled); want != nil {
		return want
	}
	return queue.ErrNotHeld
}

func (m *model[T]) tooLarge() {
	if m.k.reserve == nil || m.drained {
		return
	}
	_, err := m.k.reserve(modetest.Ended(), &m.q().Queue, int(m.o.Bytes)+1)
	m.want(err, queue.ErrTooLarge, "Reserve of more than the budget")
}
