package state

import (
	"strconv"
)

// mutex is threading.Lock or RLock. Whoever waits first gets it first.
//
//	free          count is 0; nobody stands in line
//	held, Lock    count is 1; owner is the party whose end gives it up, or nobody. Anybody may release it
//	held, RLock   count is how often; owner is the connection that may take and release it
//
// A connection that our client takes a Lock on is its owner too.
type mutex struct {
	recursive bool
	count     int64
	owner     party
	grants    uint64 // how often it has been given
	abandoned bool   // the end of a party gave it up, and nobody has said that all is well again
	line      line
}

// mutexWait is how the line knows a call that waits for a mutex.
type mutexWait struct {
	plain  bool  // Python's acquire of a Lock: for nobody
	waits  bool  // our client's wait for a Condition: the result is 1 if it was notified, and 2 more if the mutex was abandoned
	tells  bool  // of our client: the result says whether the mutex was abandoned
	count  int64 // how often it is held then
	result any   // if it does not tell
}

func lockKind() *kind {
	return newKind("Lock", "_thread.lock", func(c *call) (object, weight, error) { return newMutex(c, false) }, mutexMethods("lock"))
}

func rlockKind() *kind {
	return newKind("RLock", "_thread.RLock", func(c *call) (object, weight, error) { return newMutex(c, true) }, mutexMethods("RLock"))
}

func mutexMethods(class string) []method {
	return []method{
		{name: "acquire", shape: free, run: mutexAcquire},
		{name: "release", shape: noArgs, class: class, run: mutexRelease},
		{name: "locked", shape: noArgs, class: class, run: func(c *call) (any, error) { m, _ := c.mutex(); return m.count > 0, nil }},
		{name: "#lock", shape: positional, min: 0, max: 1, run: mutexLock},
		{name: "#unlock", shape: noArgs, run: mutexUnlock},
		{name: "#abandon", shape: noArgs, run: func(c *call) (any, error) { return nil, mutexMark(c, "abandon", true) }},
		{name: "#repaired", shape: noArgs, run: func(c *call) (any, error) { return nil, mutexMark(c, "repair", false) }},
	}
}

func newMutex(c *call, recursive bool) (object, weight, error) {
	if len(c.args) > 0 || c.hasKeywords() {
		if recursive {
			return nil, weight{}, typeError("RLock() takes no arguments")
		}
		if len(c.args) == 0 {
			return nil, weight{}, typeError("allocate_lock() takes no keyword arguments")
		}
		return nil, weight{}, typeError("allocate_lock() takes no arguments (%d given)", len(c.args))
	}
	return &mutex{recursive: recursive}, weight{}, nil
}

func (m *mutex) value() any {
	if m.recursive {
		return broken{typeError("cannot pickle '_thread.RLock' object")}
	}
	return broken{typeError("cannot pickle '_thread.lock' object")}
}

func (m *mutex) repr(self *shared, dst []byte, _ int) ([]byte, error) {
	return append(append(m.describe(dst), " at 0x"+self.ident...), '>'), nil
}

// describe is the repr up to the address.
func (m *mutex) describe(dst []byte) []byte {
	if m.count > 0 {
		dst = append(dst, "<locked "...)
	} else {
		dst = append(dst, "<unlocked "...)
	}
	if !m.recursive {
		return append(dst, "_thread.lock object"...)
	}
	owner := uint64(0)
	if m.owner.client != nil {
		owner = uint64(m.owner.client.id)
	}
	dst = append(dst, "_thread.RLock object owner="...)
	dst = strconv.AppendUint(dst, owner, 10)
	dst = append(dst, " count="...)
	return strconv.AppendInt(dst, m.count, 10)
}

func (m *mutex) appendState(dst []byte) []byte {
	w := snapshot{dst}
	w.number(uint64(m.count))
	w.party(m.owner)
	w.number(m.grants)
	w.flag(m.abandoned)
	m.line.appendTo(&w)
	return w.dst
}

// mutexed is an object that has a mutex: a Lock, an RLock, a Condition.
type mutexed interface {
	object
	// inner returns the mutex, and the object that it belongs to.
	inner(self *shared) (*mutex, *shared)
}

func (m *mutex) inner(self *shared) (*mutex, *shared) { return m, self }

// mutex returns the mutex of the object whose method is called.
func (c *call) mutex() (*mutex, *shared) { return c.self.obj.(mutexed).inner(c.self) }

// mine reports whether the client of the call may release or wait: anybody a Lock that is held, and nobody else an RLock.
func (m *mutex) mine(c *client) bool {
	return m.count > 0 && (!m.recursive || m.owner.client == c)
}

// grant gives a free mutex to a client.
func (m *mutex) grant(s *State, home *shared, c *client, h Holder, data *mutexWait) (result any) {
	m.count = data.count
	m.grants++
	m.owner = party{client: c}
	if data.plain {
		m.owner = s.anybody(c, h)
	}
	s.hold(m.owner, home)
	if data.waits {
		var n int64
		if data.result == true {
			n = 1
		}
		if m.abandoned {
			n += 2
		}
		return n
	}
	if !data.tells {
		return data.result
	}
	if m.abandoned {
		return int64(2)
	}
	return int64(1)
}

// lockFor lets w have the mutex, at once or when its turn comes.
func (m *mutex) lockFor(s *State, home *shared, w *waiter) {
	m.line.push(w)
	if m.count == 0 {
		m.pass(s, home)
	}
}

// pass gives a mutex that is free to who is first in line.
func (m *mutex) pass(s *State, home *shared) {
	w := m.line.next()
	if w == nil {
		return
	}
	w.remove()
	data := w.data.(mutexWaiter).wants()
	result := m.grant(s, home, w.client, w.holder, data)
	w.takes(home, taken{number: m.grants})
	s.finish(w, result, nil)
}

// mutexWaiter is the data of a call in the line of a mutex.
type mutexWaiter interface{ wants() *mutexWait }

func (d *mutexWait) wants() *mutexWait { return d }

// free takes the mutex from its owner, and gives it to the next.
func (m *mutex) free(s *State, home *shared) {
	if m.owner != (party{}) {
		s.unhold(m.owner, home)
	}
	m.count, m.owner = 0, party{}
	m.pass(s, home)
}

// acquire is the acquire of any kind.
func (m *mutex) acquire(c *call, home *shared, p patience, data *mutexWait) (any, error) {
	switch {
	case m.count == 0:
		result := m.grant(c.s, home, c.client, c.holder, data)
		c.takes(home, taken{number: m.grants})
		return result, nil
	case m.recursive && m.owner.client == c.client:
		m.count++
		if data.tells {
			return int64(1), nil
		}
		return data.result, nil
	case p.none():
		if data.tells {
			return int64(0), nil
		}
		return false, nil
	}
	return c.await(&m.line, p, data), nil
}

func mutexAcquire(c *call) (any, error) {
	p, err := c.lockPatience()
	if err != nil {
		return nil, err
	}
	m, home := c.mutex()
	return m.acquire(c, home, p, &mutexWait{plain: !m.recursive, count: 1, result: true})
}

func mutexRelease(c *call) (any, error) {
	m, home := c.mutex()
	switch {
	case !m.mine(c.client) && m.recursive:
		return nil, raise("RuntimeError", "cannot release un-acquired lock")
	case !m.mine(c.client):
		return nil, raise("RuntimeError", "release unlocked lock")
	}
	if m.count--; m.count == 0 {
		m.free(c.s, home)
	}
	return nil, nil
}

// mutexLock takes the mutex for the connection: 1, or 2 if it is abandoned. 0 is that it was not to be had in time.
func mutexLock(c *call) (any, error) {
	p, err := c.goPatience()
	if err != nil {
		return nil, err
	}
	m, home := c.mutex()
	return m.acquire(c, home, p, &mutexWait{tells: true, count: 1})
}

// mutexUnlock releases what mutexLock has taken on this connection.
func mutexUnlock(c *call) (any, error) {
	if m, _ := c.mutex(); m.owner.client != c.client {
		return nil, raise("RuntimeError", "cannot release un-acquired lock")
	}
	return mutexRelease(c)
}

// mutexMark says that what the mutex protects may be half-written, or is in order again; only its holder can know.
func mutexMark(c *call, what string, abandoned bool) error {
	m, _ := c.mutex()
	if m.owner.client != c.client {
		return raise("RuntimeError", "cannot %s under an un-acquired lock", what)
	}
	m.abandoned = abandoned
	return nil
}

func (m *mutex) abandon(s *State, self *shared, p party) {
	if m.owner == p && m.count > 0 {
		m.abandoned = true
		m.free(s, self)
	}
}

func (m *mutex) parties() []party { return []party{m.owner} }

// restore takes back a grant of which its client never heard. There is nothing half-done.
func (m *mutex) restore(s *State, self *shared, t taken) {
	if m.count > 0 && m.grants == t.number {
		m.free(s, self)
	}
}

func (m *mutex) expire(s *State, w *waiter) {
	w.remove()
	var result any = false
	if w.data.(*mutexWait).tells {
		result = int64(0)
	}
	s.finish(w, result, nil)
}

func (m *mutex) withdraw(_ *State, w *waiter) { w.remove() }
