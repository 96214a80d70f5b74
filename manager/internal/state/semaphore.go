package state

import (
	"math"
	"slices"
	"strconv"

	"github.com/multiproc-go/multiproc/pickle"
)

// semaphore is threading.Semaphore or BoundedSemaphore. Whoever waits first gets the next permit; while somebody waits
// there is none.
type semaphore struct {
	bounded bool
	permits int64
	initial int64
	owned   []permits // by parties whose end gives them back, in the order in which they came
	line    line
}

// permits are how many a party has.
type permits struct {
	party party
	n     int64
}

// semaphoreWait is how the line knows a call.
type semaphoreWait struct{ plain bool }

func semaphoreKind(bounded bool) *kind {
	typeid := "Semaphore"
	if bounded {
		typeid = "BoundedSemaphore"
	}
	return newKind(typeid, "threading."+typeid, func(c *call) (object, weight, error) { return newSemaphore(c, bounded) }, []method{
		{name: "acquire", shape: free, run: semaphoreAcquire},
		{name: "release", shape: free, run: semaphoreRelease},
		{name: "locked", shape: noArgs, run: func(c *call) (any, error) { return c.semaphore().permits == 0, nil }},
		{name: "#acquire", shape: positional, min: 0, max: 1, run: semaphoreTake},
		{name: "#release", shape: noArgs, run: semaphoreGive},
		{name: "#value", shape: noArgs, run: func(c *call) (any, error) { return c.semaphore().permits, nil }},
	})
}

func newSemaphore(c *call, bounded bool) (object, weight, error) {
	args, err := signature{c.kindName() + ".__init__", 1, []string{"value"}, 0}.bind(c.args, c.kwargs)
	if err != nil {
		return nil, weight{}, err
	}
	n := int64(1)
	if args[0] != absent {
		if n, err = semaphoreCount(args[0]); err != nil {
			return nil, weight{}, err
		}
		if n < 0 {
			return nil, weight{}, valueError("semaphore initial value must be >= 0")
		}
	}
	return &semaphore{bounded: bounded, permits: n, initial: n}, weight{}, nil
}

// semaphoreCount reads a number of permits. Python also has those of floats; ours are whole.
func semaphoreCount(v any) (int64, error) {
	n, beyond, ok := integer(v)
	switch {
	case ok && beyond > 0:
		return math.MaxInt64, nil
	case ok && beyond < 0:
		return math.MinInt64, nil
	case ok:
		return n, nil
	}
	if _, isFloat := v.(float64); isFloat {
		return 0, notAnInteger(v)
	}
	return 0, notOrdered("<", v)
}

func (c *call) semaphore() *semaphore { return c.self.obj.(*semaphore) }

func (m *semaphore) value() any { return broken{typeError("cannot pickle '_thread.lock' object")} }

func (m *semaphore) repr(self *shared, dst []byte, _ int) ([]byte, error) {
	dst = append(dst, "<"+self.kind.class+" at 0x"+self.ident+": value="...)
	dst = strconv.AppendInt(dst, m.permits, 10)
	if m.bounded {
		dst = strconv.AppendInt(append(dst, '/'), m.initial, 10)
	}
	return append(dst, '>'), nil
}

func (m *semaphore) appendState(dst []byte) []byte {
	w := snapshot{dst}
	w.number(uint64(m.permits))
	w.number(uint64(m.initial))
	w.number(uint64(len(m.owned)))
	for _, o := range m.owned {
		w.party(o.party)
		w.number(uint64(o.n))
	}
	m.line.appendTo(&w)
	return w.dst
}

// own counts n permits more of a party.
func (m *semaphore) own(s *State, self *shared, p party, n int64) {
	if p == (party{}) {
		return
	}
	s.hold(p, self)
	if i := m.of(p); i >= 0 {
		m.owned[i].n += n
		return
	}
	m.owned = append(m.owned, permits{p, n})
}

func (m *semaphore) of(p party) int {
	return slices.IndexFunc(m.owned, func(o permits) bool { return o.party == p })
}

// disown counts up to n permits less of a party, and returns how many it had of them.
func (m *semaphore) disown(s *State, self *shared, p party, n int64) int64 {
	i := m.of(p)
	if i < 0 {
		return 0
	}
	n = min(n, m.owned[i].n)
	if m.owned[i].n -= n; m.owned[i].n == 0 {
		m.owned = slices.Delete(m.owned, i, i+1)
		s.unhold(p, self)
	}
	return n
}

// add adds permits, and gives them to who waits.
func (m *semaphore) add(s *State, self *shared, n int64) {
	m.permits += min(n, math.MaxInt64-m.permits)
	for m.permits > 0 {
		w := m.line.next()
		if w == nil {
			return
		}
		w.remove()
		m.permits--
		p := party{client: w.client}
		if w.data.(*semaphoreWait).plain {
			p = s.anybody(w.client, w.holder)
		}
		m.own(s, self, p, 1)
		w.takes(self, taken{item: p})
		s.finish(w, true, nil)
	}
}

func (m *semaphore) acquire(c *call, patient func() (patience, error), plain bool) (any, error) {
	if m.permits > 0 {
		m.permits--
		p := c.connection()
		if plain {
			p = c.s.anybody(c.client, c.holder)
		}
		m.own(c.s, c.self, p, 1)
		c.takes(c.self, taken{item: p})
		return true, nil
	}
	p, err := patient()
	if err != nil || p.none() {
		return false, err
	}
	return c.await(&m.line, p, &semaphoreWait{plain}), nil
}

func semaphoreAcquire(c *call) (any, error) {
	args, err := signature{"Semaphore.acquire", 1, []string{"blocking", "timeout"}, 0}.bind(c.args, c.kwargs)
	if err != nil {
		return nil, err
	}
	block := args[0] == absent || pickle.Truth(args[0])
	timeout := args[1]
	if timeout == absent {
		timeout = nil
	}
	if !block && timeout != nil {
		return nil, valueError("can't specify timeout for non-blocking acquire")
	}
	return c.semaphore().acquire(c, func() (patience, error) {
		if !block {
			return patience{limited: true}, nil
		}
		return patienceOf(timeout, "+")
	}, true)
}

func semaphoreRelease(c *call) (any, error) {
	args, err := signature{c.kindName() + ".release", 1, []string{"n"}, 0}.bind(c.args, c.kwargs)
	if err != nil {
		return nil, err
	}
	n := int64(1)
	if args[0] != absent {
		if n, err = semaphoreCount(args[0]); err != nil {
			return nil, err
		}
		if n < 1 {
			return nil, valueError("n must be one or more")
		}
	}
	m := c.semaphore()
	if m.bounded && n > m.initial-m.permits {
		return nil, valueError("Semaphore released too many times")
	}
	m.disown(c.s, c.self, c.s.anybody(c.client, c.holder), n)
	c.client.returned(c.self, n)
	m.add(c.s, c.self, n)
	return nil, nil
}

// semaphoreTake takes a permit for the connection, whose end gives it back.
func semaphoreTake(c *call) (any, error) { return c.semaphore().acquire(c, c.goPatience, false) }

func semaphoreGive(c *call) (any, error) {
	m := c.semaphore()
	if m.disown(c.s, c.self, c.connection(), 1) == 0 {
		return nil, valueError("Semaphore released too many times")
	}
	m.add(c.s, c.self, 1)
	return nil, nil
}

func (m *semaphore) abandon(s *State, self *shared, p party) {
	m.giveBack(s, self, m.disown(s, self, p, math.MaxInt64))
}

// giveBack adds permits of which others may have released some already.
func (m *semaphore) giveBack(s *State, self *shared, n int64) {
	if m.bounded {
		n = min(n, m.initial-m.permits)
	}
	m.add(s, self, n)
}

func (m *semaphore) parties() []party {
	list := make([]party, len(m.owned))
	for i, o := range m.owned {
		list[i] = o.party
	}
	return list
}

func (m *semaphore) restore(s *State, self *shared, t taken) {
	p := t.item.(party)
	if p == (party{}) || m.disown(s, self, p, 1) > 0 {
		m.giveBack(s, self, 1)
	}
}

func (m *semaphore) expire(s *State, w *waiter) {
	w.remove()
	s.finish(w, false, nil)
}

func (m *semaphore) withdraw(_ *State, w *waiter) { w.remove() }
