package state

import (
	"slices"
	"time"
)

// waiter is a call that waits: it has no reply yet. The object that it waits in decides when it gets one.
type waiter struct {
	seq      uint64
	client   *client
	holder   Holder
	request  uint64
	protocol int
	sh       *shared
	method   string
	timer    *timer // or nil: without end
	data     any    // what the object knows it by
	done     bool

	line           *line // that it stands in, or nil
	before, behind *waiter
}

// waitable is an object whose calls can wait.
type waitable interface {
	object
	// expire ends a call whose time is over: it forgets w and calls s.finish; or dropPatience, if w has to wait for something
	// else, however long it takes.
	expire(s *State, w *waiter)
	// withdraw forgets w, whose client is gone. It may finish others, but none that is done already: those are withdrawn
	// next.
	withdraw(s *State, w *waiter)
}

// wait makes the call wait, for so long at most if limited is true. The object keeps what it returns, and the method
// returns it in place of a result.
func (c *call) wait(timeout time.Duration, limited bool, data any) *waiter {
	s := c.s
	s.waits++
	w := &waiter{
		seq: s.waits, client: c.client, holder: c.holder, request: c.request, protocol: c.protocol,
		sh: c.self, method: c.method.name, data: data,
	}
	if limited {
		w.timer = &timer{at: later(s.now, max(0, timeout)), order: w.seq, w: w}
		s.patience.add(w.timer)
	}
	c.client.waiting = append(c.client.waiting, w)
	c.self.calls++
	s.dropTimer(c.self)
	return w
}

// finish gives a call that waited its result. The object has forgotten it.
func (s *State) finish(w *waiter, result any, err error) {
	if !s.leave(w) {
		return
	}
	i := slices.Index(w.client.waiting, w)
	w.client.waiting = slices.Delete(w.client.waiting, i, i+1)
	if !s.answer(w.client.id, w.request, w.protocol, w.holder, result, err) {
		s.restore(w.client, w.request)
	}
}

// dropPatience lets a call wait without end.
func (s *State) dropPatience(w *waiter) {
	if w.timer != nil {
		s.patience.drop(w.timer)
		w.timer = nil
	}
}

// leave ends a wait; it is false if it has ended before.
func (s *State) leave(w *waiter) bool {
	if w.done {
		return false
	}
	w.done = true
	s.dropPatience(w)
	w.sh.calls--
	s.suspect(w.sh)
	return true
}

// expire ends the calls whose time is over.
func (s *State) expire() {
	for t := s.patience.due(s.now); t != nil; t = s.patience.due(s.now) {
		w := t.w
		w.sh.obj.(waitable).expire(s, w)
		if !w.done && w.timer != nil {
			panic("state: " + w.sh.kind.typeid + " kept a call whose time is over")
		}
	}
}

// withdraw ends the calls of a client that is gone, in the order in which they came.
func (s *State) withdraw(c *client) {
	waiting := c.waiting
	c.waiting = nil
	for _, w := range waiting {
		s.leave(w)
	}
	for _, w := range waiting {
		w.sh.obj.(waitable).withdraw(s, w)
	}
}
