package state

import (
	"strconv"

	"github.com/multiproc-go/multiproc/pickle"
)

// rwlock is a lock that many may have for reading, or one for writing. Python has none; a stock client gets it by
// M.register('RWLock'). It belongs to connections. Who waits first gets it first: a reader that comes while a writer
// waits stands behind it, unless it is a reader already.
type rwlock struct {
	readers   []permits
	reading   int64 // how often, by all
	writer    party
	abandoned bool // of a writer
	line      line
}

// rwlockWait is how the line knows a call.
type rwlockWait struct{ writes, tells bool }

func rwlockKind() *kind {
	return newKind("RWLock", "RWLock", newRWLock, []method{
		{name: "acquire_read", shape: free, run: func(c *call) (any, error) { return c.rwlock().python(c, rwlockWait{}) }},
		{name: "acquire_write", shape: free, run: func(c *call) (any, error) { return c.rwlock().python(c, rwlockWait{writes: true}) }},
		{name: "release_read", shape: free, run: python("RWLock.release_read", rwlockReleaseRead)},
		{name: "release_write", shape: free, run: python("RWLock.release_write", rwlockReleaseWrite)},
		{name: "readers", shape: free, run: python("RWLock.readers", func(c *call) (any, error) { return c.rwlock().reading, nil })},
		{name: "locked", shape: free, run: python("RWLock.locked", func(c *call) (any, error) { return c.rwlock().writer != party{}, nil })},
		{name: "#rlock", shape: positional, min: 0, max: 1, run: func(c *call) (any, error) {
			return c.rwlock().acquire(c, c.goPatience, rwlockWait{tells: true})
		}},
		{name: "#lock", shape: positional, min: 0, max: 1, run: func(c *call) (any, error) {
			return c.rwlock().acquire(c, c.goPatience, rwlockWait{writes: true, tells: true})
		}},
		{name: "#abandon", shape: noArgs, run: func(c *call) (any, error) { return nil, rwlockMark(c, "abandon", true) }},
		{name: "#repaired", shape: noArgs, run: func(c *call) (any, error) { return nil, rwlockMark(c, "repair", false) }},
	})
}

func newRWLock(c *call) (object, weight, error) {
	_, err := signature{"RWLock.__init__", 1, nil, 0}.bind(c.args, c.kwargs)
	return new(rwlock), weight{}, err
}

func (c *call) rwlock() *rwlock { return c.self.obj.(*rwlock) }

func (l *rwlock) value() any { return broken{typeError("cannot pickle 'RWLock' object")} }

func (l *rwlock) repr(self *shared, dst []byte, _ int) ([]byte, error) {
	dst = append(dst, "<RWLock at 0x"+self.ident...)
	if l.writer != (party{}) {
		return append(dst, ": writing>"...), nil
	}
	return append(strconv.AppendInt(append(dst, ": readers="...), l.reading, 10), '>'), nil
}

func (l *rwlock) appendState(dst []byte) []byte {
	w := snapshot{dst}
	w.number(uint64(len(l.readers)))
	for _, r := range l.readers {
		w.party(r.party)
		w.number(uint64(r.n))
	}
	w.party(l.writer)
	w.flag(l.abandoned)
	l.line.appendTo(&w)
	return w.dst
}

func (l *rwlock) reader(p party) int {
	for i, r := range l.readers {
		if r.party == p {
			return i
		}
	}
	return -1
}

// give gives the lock, which is to be had, to a client.
func (l *rwlock) give(s *State, self *shared, p party, how rwlockWait) any {
	s.hold(p, self)
	if how.writes {
		l.writer = p
	} else {
		l.reading++
		if i := l.reader(p); i >= 0 {
			l.readers[i].n++
		} else {
			l.readers = append(l.readers, permits{p, 1})
		}
	}
	switch {
	case !how.tells:
		return true
	case l.abandoned:
		return int64(2)
	}
	return int64(1)
}

// open reports whether the lock is to be had now.
func (l *rwlock) open(writes bool) bool {
	return l.writer == (party{}) && (!writes || l.reading == 0)
}

// pass gives the lock to those who are first in line.
func (l *rwlock) pass(s *State, self *shared) {
	for {
		w := l.line.next()
		if w == nil {
			return
		}
		how := *w.data.(*rwlockWait)
		if !l.open(how.writes) {
			return
		}
		w.remove()
		result := l.give(s, self, party{client: w.client}, how)
		s.finish(w, result, nil)
	}
}

func (l *rwlock) python(c *call, how rwlockWait) (any, error) {
	name := "RWLock.acquire_read"
	if how.writes {
		name = "RWLock.acquire_write"
	}
	args, err := signature{name, 1, []string{"blocking", "timeout"}, 0}.bind(c.args, c.kwargs)
	if err != nil {
		return nil, err
	}
	block := pickle.Truth(given(args[0], true))
	timeout := given(args[1], nil)
	if !block && timeout != nil {
		return nil, valueError("can't specify timeout for non-blocking acquire")
	}
	return l.acquire(c, func() (patience, error) {
		if !block {
			return nowait()
		}
		return patienceOf(timeout, ">")
	}, how)
}

func (l *rwlock) acquire(c *call, patient func() (patience, error), how rwlockWait) (any, error) {
	p := c.connection()
	reads := l.reader(p) >= 0
	switch {
	case l.writer == p:
		return nil, raise("RuntimeError", "this connection holds the lock for writing already")
	case how.writes && reads:
		return nil, raise("RuntimeError", "this connection holds the lock for reading, and would wait for itself")
	case !how.writes && reads, l.open(how.writes) && l.line.next() == nil:
		return l.give(c.s, c.self, p, how), nil
	}
	wait, err := patient()
	if err != nil {
		return nil, err
	}
	if wait.none() {
		return how.late(), nil
	}
	return c.await(&l.line, wait, &how), nil
}

// late is the result of a call whose time is over.
func (how *rwlockWait) late() any {
	if how.tells {
		return int64(0)
	}
	return false
}

func rwlockReleaseRead(c *call) (any, error) {
	l, p := c.rwlock(), c.connection()
	i := l.reader(p)
	if i < 0 {
		return nil, raise("RuntimeError", "cannot release un-acquired lock")
	}
	l.leave(c.s, c.self, i, 1)
	return nil, nil
}

// leave ends n holds of a reader.
func (l *rwlock) leave(s *State, self *shared, i int, n int64) {
	r := &l.readers[i]
	l.reading -= n
	if r.n -= n; r.n == 0 {
		s.unhold(r.party, self)
		l.readers = append(l.readers[:i], l.readers[i+1:]...)
	}
	l.pass(s, self)
}

func rwlockReleaseWrite(c *call) (any, error) {
	l := c.rwlock()
	if l.writer != c.connection() {
		return nil, raise("RuntimeError", "cannot release un-acquired lock")
	}
	c.s.unhold(l.writer, c.self)
	l.writer = party{}
	l.pass(c.s, c.self)
	return nil, nil
}

// rwlockMark is mutexMark for the writer.
func rwlockMark(c *call, what string, abandoned bool) error {
	l := c.rwlock()
	if l.writer != c.connection() {
		return raise("RuntimeError", "cannot %s under an un-acquired lock", what)
	}
	l.abandoned = abandoned
	return nil
}

func (l *rwlock) abandon(s *State, self *shared, p party) {
	if l.writer == p {
		l.writer, l.abandoned = party{}, true
		s.unhold(p, self)
		l.pass(s, self)
	}
	if i := l.reader(p); i >= 0 {
		l.leave(s, self, i, l.readers[i].n)
	}
}

func (l *rwlock) parties() []party {
	list := []party{l.writer}
	for _, r := range l.readers {
		list = append(list, r.party)
	}
	return list
}

func (l *rwlock) expire(s *State, w *waiter) {
	w.remove()
	s.finish(w, w.data.(*rwlockWait).late(), nil)
	l.pass(s, w.sh) // readers may have stood behind it
}

func (l *rwlock) withdraw(s *State, w *waiter) {
	w.remove()
	l.pass(s, w.sh)
}
