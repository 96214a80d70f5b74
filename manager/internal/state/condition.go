package state

import (
	"strconv"

	"github.com/multiproc-go/multiproc/pickle"
)

// condition is threading.Condition. Its mutex is its own, or that of another object; CPython's server reaches that by a proxy,
// and so cannot wait on an RLock.
//
// A call that waits stands in the condition's line until it is notified, and then in that of the mutex.
type condition struct {
	own   mutex
	other *Proxy // or nil
	line  line
}

// conditionWait is how the lines know a call that waits.
type conditionWait struct {
	mutexWait
	notified bool
}

func conditionKind() *kind {
	return newKind("Condition", "threading.Condition", newCondition, append(mutexMethods("RLock"),
		method{name: "notify", shape: free, run: conditionNotify},
		method{name: "notify_all", shape: free, run: conditionNotifyAll},
		method{name: "wait", shape: free, run: conditionWaits},
		method{name: "#wait", shape: positional, min: 0, max: 1, run: func(c *call) (any, error) { return conditionWaitFor(c, c.goPatience, true) }},
	))
}

func newCondition(c *call) (object, weight, error) {
	args, err := signature{"Condition.__init__", 1, []string{"lock"}, 0}.bind(c.args, c.kwargs)
	if err != nil {
		return nil, weight{}, err
	}
	switch lock := args[0].(type) {
	case absentType, nil:
		return &condition{own: mutex{recursive: true}}, weight{}, nil
	case *Proxy:
		sh, err := c.s.asProxy(lock)
		if err != nil {
			return nil, weight{}, err
		}
		if _, ok := sh.obj.(mutexed); ok {
			var w weight
			w.add(lock)
			return &condition{other: lock}, w, nil
		}
		return nil, weight{}, typeError("the lock of a Condition is a Lock, an RLock or a Condition, not a %s", lock.TypeID)
	default:
		return nil, weight{}, raise("AttributeError", "'%s' object has no attribute 'acquire'", pickle.TypeName(lock))
	}
}

func (o *condition) inner(self *shared) (*mutex, *shared) {
	if o.other == nil {
		return &o.own, self
	}
	sh := o.other.target // it is nested here, and lives
	return sh.obj.(mutexed).inner(sh)
}

func (o *condition) value() any { return broken{typeError("cannot pickle '_thread.RLock' object")} }

func (o *condition) repr(self *shared, dst []byte, _ int) ([]byte, error) {
	dst = append(dst, "<Condition("...)
	if o.other != nil {
		dst = append(dst, o.other.PyRepr()...)
	} else {
		dst = append(append(o.own.describe(dst), " at 0x"+self.ident...), '>')
	}
	dst = strconv.AppendInt(append(dst, ", "...), int64(o.line.n), 10)
	return append(dst, ")>"...), nil
}

func (o *condition) appendState(dst []byte) []byte {
	w := snapshot{dst}
	if o.other != nil {
		w.text(o.other.Ident)
	} else {
		w.dst = o.own.appendState(w.dst)
	}
	w.number(uint64(o.line.n))
	for x := o.line.first; x != nil; x = x.behind {
		w.number(x.seq)
		w.number(uint64(x.data.(*conditionWait).count))
	}
	return w.dst
}

func conditionWaits(c *call) (any, error) {
	args, err := signature{"Condition.wait", 1, []string{"timeout"}, 0}.bind(c.args, c.kwargs)
	if err != nil {
		return nil, err
	}
	return conditionWaitFor(c, func() (patience, error) { return patienceOf(given(args[0], nil), ">") }, false)
}

func conditionWaitFor(c *call, patient func() (patience, error), tells bool) (any, error) {
	o := c.self.obj.(*condition)
	m, home := c.mutex()
	if !m.mine(c.client) {
		return nil, raise("RuntimeError", "cannot wait on un-acquired lock")
	}
	p, err := patient()
	if err != nil {
		return nil, err
	}
	data := &conditionWait{mutexWait: mutexWait{plain: !m.recursive && m.owner.client != c.client, waits: tells, count: m.count, result: false}}
	w := c.wait(p.span, p.limited && !p.none(), data)
	if p.none() {
		m.line.push(w) // others had their turn, too, in Python
	} else {
		o.line.push(w)
	}
	m.free(c.s, home)
	return w, nil
}

// notify lets the first n go on as soon as they have the mutex.
func (o *condition) notify(s *State, self *shared, n int64) {
	m, home := o.inner(self)
	for ; n > 0; n-- {
		w := o.line.next()
		if w == nil {
			return
		}
		w.remove()
		s.dropPatience(w)
		data := w.data.(*conditionWait)
		data.notified, data.result = true, true
		m.lockFor(s, home, w)
	}
}

func conditionNotify(c *call) (any, error) {
	args, err := signature{"Condition.notify", 1, []string{"n"}, 0}.bind(c.args, c.kwargs)
	if err != nil {
		return nil, err
	}
	o := c.self.obj.(*condition)
	if m, _ := c.mutex(); !m.mine(c.client) {
		return nil, raise("RuntimeError", "cannot notify on un-acquired lock")
	}
	n, beyond := int64(1), 0
	if args[0] != absent && o.line.next() != nil { // without anybody to notify Python does not look at it
		var ok bool
		if n, beyond, ok = integer(args[0]); !ok {
			f, isFloat := args[0].(float64)
			if !isFloat {
				return nil, notOrdered(">", args[0])
			}
			for n = 0; float64(n) < f && n < int64(o.line.n); n++ { // as often as f-n is above 0
			}
		}
		if beyond > 0 {
			n = int64(o.line.n)
		}
	}
	o.notify(c.s, c.self, n)
	return nil, nil
}

func conditionNotifyAll(c *call) (any, error) {
	if _, err := (signature{"Condition.notify_all", 1, nil, 0}).bind(c.args, c.kwargs); err != nil {
		return nil, err
	}
	o := c.self.obj.(*condition)
	if m, _ := c.mutex(); !m.mine(c.client) {
		return nil, raise("RuntimeError", "cannot notify on un-acquired lock")
	}
	o.notify(c.s, c.self, int64(o.line.n))
	return nil, nil
}

// expire ends an acquire, or sends a wait whose time is over back to the mutex, which it has to have again.
func (o *condition) expire(s *State, w *waiter) {
	if _, waits := w.data.(*conditionWait); !waits {
		(*mutex)(nil).expire(s, w)
		return
	}
	w.remove()
	s.dropPatience(w)
	m, home := o.inner(w.sh)
	m.lockFor(s, home, w)
}

// withdraw passes on a notification that w had got and has no use for.
func (o *condition) withdraw(s *State, w *waiter) {
	w.remove()
	if data, waits := w.data.(*conditionWait); waits && data.notified {
		o.notify(s, w.sh, 1)
	}
}

func (o *condition) abandon(s *State, self *shared, p party) { o.own.abandon(s, self, p) }

func (o *condition) parties() []party { return o.own.parties() }

func (o *condition) restore(s *State, self *shared, t taken) { o.own.restore(s, self, t) }
