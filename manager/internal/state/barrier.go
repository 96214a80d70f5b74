package state

import (
	"strconv"

	"github.com/multiproc-go/multiproc/pickle"
)

// barrier is threading.Barrier without an action. Who waits is let go in one step, so that it is never draining.
type barrier struct {
	parties int64
	timeout any // of a wait that has none
	broken  bool
	line    line // in the order of their indices
}

func barrierKind() *kind {
	return newKind("Barrier", "threading.Barrier", newBarrier, []method{
		{name: "__getattribute__", shape: slot, min: 1, max: 1, run: barrierGet},
		{name: "abort", shape: free, run: python("Barrier.abort", barrierAbort)},
		{name: "reset", shape: free, run: python("Barrier.reset", barrierReset)},
		{name: "wait", shape: free, run: barrierWait},
		{name: "#parties", shape: noArgs, run: func(c *call) (any, error) { return c.barrier().parties, nil }},
	})
}

func newBarrier(c *call) (object, weight, error) {
	args, err := signature{"Barrier.__init__", 1, []string{"parties", "action", "timeout"}, 1}.bind(c.args, c.kwargs)
	if err != nil {
		return nil, weight{}, err
	}
	n, err := semaphoreCount(args[0])
	switch {
	case err != nil:
		return nil, weight{}, err
	case n < 1:
		return nil, weight{}, valueError("parties must be > 0")
	case pickle.Truth(given(args[1], nil)):
		return nil, weight{}, raise("NotImplementedError", "this server runs no Python code, so that a Barrier cannot have an action; "+
			"do it in the process for which wait() has returned 0")
	}
	timeout := given(args[2], nil)
	return &barrier{parties: n, timeout: timeout}, weigh(timeout), nil
}

func (c *call) barrier() *barrier { return c.self.obj.(*barrier) }

func (b *barrier) value() any { return broken{typeError("cannot pickle '_thread.lock' object")} }

func (b *barrier) repr(self *shared, dst []byte, _ int) ([]byte, error) {
	dst = append(dst, "<threading.Barrier at 0x"+self.ident+": "...)
	if b.broken {
		return append(dst, "broken>"...), nil
	}
	dst = strconv.AppendInt(append(dst, "waiters="...), int64(b.line.n), 10)
	dst = strconv.AppendInt(append(dst, '/'), b.parties, 10)
	return append(dst, '>'), nil
}

func (b *barrier) appendState(dst []byte) []byte {
	w := snapshot{dst}
	w.number(uint64(b.parties))
	w.value(b.timeout)
	w.flag(b.broken)
	b.line.appendTo(&w)
	return w.dst
}

func brokenBarrier() error { return &raised{"threading", "BrokenBarrierError", nil, ""} }

func barrierWait(c *call) (any, error) {
	args, err := signature{"Barrier.wait", 1, []string{"timeout"}, 0}.bind(c.args, c.kwargs)
	if err != nil {
		return nil, err
	}
	b := c.barrier()
	if b.broken {
		return nil, brokenBarrier()
	}
	if int64(b.line.n)+1 >= b.parties {
		index := int64(0)
		for _, w := range b.line.all() {
			c.s.finish(w, index, nil)
			index++
		}
		return index, nil
	}
	timeout := given(args[0], nil)
	if timeout == nil {
		timeout = b.timeout
	}
	p, err := patienceOf(timeout, "+")
	if err != nil {
		return nil, err
	}
	if p.none() {
		b.breaks(c.s)
		return nil, brokenBarrier()
	}
	return c.await(&b.line, p, nil), nil
}

// breaks makes it useless until it is reset.
func (b *barrier) breaks(s *State) {
	b.broken = true
	b.dismiss(s)
}

// dismiss tells all who wait that it is over.
func (b *barrier) dismiss(s *State) {
	for _, w := range b.line.all() {
		s.finish(w, nil, brokenBarrier())
	}
}

func barrierAbort(c *call) (any, error) {
	c.barrier().breaks(c.s)
	return nil, nil
}

func barrierReset(c *call) (any, error) {
	b := c.barrier()
	b.broken = false
	b.dismiss(c.s)
	return nil, nil
}

func barrierGet(c *call) (any, error) {
	name, ok := c.args[0].(string)
	if !ok {
		return nil, typeError("attribute name must be string, not '%s'", pickle.TypeName(c.args[0]))
	}
	b := c.barrier()
	switch name {
	case "parties", "_parties":
		return b.parties, nil
	case "n_waiting", "_count":
		return int64(b.line.n), nil
	case "broken":
		return b.broken, nil
	case "_timeout":
		return b.timeout, nil
	case "_action":
		return nil, nil
	}
	return nil, &raised{"builtins", "AttributeError", []any{"'Barrier' object has no attribute '" + name + "'"}, name}
}

// expire breaks the barrier, as in Python.
func (b *barrier) expire(s *State, w *waiter) {
	w.remove()
	b.broken = true
	s.finish(w, nil, brokenBarrier())
	b.dismiss(s)
}

// withdraw breaks it too: who is gone will not come, and the others would wait for ever.
func (b *barrier) withdraw(s *State, w *waiter) {
	w.remove()
	b.breaks(s)
}
