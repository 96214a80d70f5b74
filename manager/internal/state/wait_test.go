package state

import (
	"slices"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/pickle"
)

// gate is an object whose calls wait until it is opened: the least that can wait.
type gate struct{ waiting []*waiter }

func gateKind() *kind {
	return newKind("Gate", "Gate", func(*call) (object, weight, error) { return new(gate), weight{}, nil }, []method{
		{name: "pass", shape: positional, min: 0, max: 1, run: func(c *call) (any, error) {
			g := c.self.obj.(*gate)
			timeout, limited := c.argument(0, nil).(float64)
			w := c.wait(time.Duration(timeout*float64(time.Second)), limited, nil)
			g.waiting = append(g.waiting, w)
			return w, nil
		}},
		{name: "open", shape: noArgs, run: func(c *call) (any, error) {
			g := c.self.obj.(*gate)
			waiting := g.waiting
			g.waiting = nil
			for i, w := range waiting {
				c.s.finish(w, int64(i), nil)
			}
			return int64(len(waiting)), nil
		}},
	})
}

func (g *gate) value() any { return int64(len(g.waiting)) }

func (g *gate) repr(_ *shared, dst []byte, _ int) ([]byte, error) { return append(dst, "gate"...), nil }

func (g *gate) forget(w *waiter) {
	g.waiting = slices.DeleteFunc(g.waiting, func(x *waiter) bool { return x == w })
}

func (g *gate) expire(s *State, w *waiter) {
	g.forget(w)
	s.finish(w, nil, raise("TimeoutError", "too late"))
}

func (g *gate) withdraw(_ *State, w *waiter) { g.forget(w) }

func gateRig(t *testing.T, o Options) (*rig, string) {
	r := newRig(t, o)
	r.s.kinds["Gate"] = gateKind()
	return r, r.create("Gate")
}

func (r *rig) wait(ident string, request uint64, args ...any) {
	r.t.Helper()
	if replies := r.apply(Command{Op: Call, Request: request, Ident: ident, Method: "pass", Args: &pickle.Tuple{Items: args}}); len(replies) != 0 {
		r.t.Fatalf("a call that waits has a reply: %+v", replies)
	}
}

// answered returns the clients and requests of replies.
func answered(replies []Reply) (list [][2]uint64) {
	for _, r := range replies {
		list = append(list, [2]uint64{uint64(r.Client), r.Request})
	}
	return list
}

func TestWait(t *testing.T) {
	r, ident := gateRig(t, Options{})
	r.wait(ident, 7)
	r.as(2, 2).wait(ident, 1)
	r.wait(ident, 8)
	replies := r.as(3, 3).apply(Command{Op: Call, Request: 5, Ident: ident, Method: "open"})
	if got := answered(replies); !slices.Equal(got, [][2]uint64{{1, 7}, {2, 1}, {1, 8}, {3, 5}}) {
		t.Fatalf("answered: %v", got)
	}
	for i, result := range []int64{0, 1, 2, 3} {
		want(t, "reply", decode(t, replies[i].Data), pickle.NewTuple("#RETURN", result))
	}
}

func TestWaitTimeout(t *testing.T) {
	r, ident := gateRig(t, Options{})
	r.wait(ident, 1, 3.0)
	r.wait(ident, 2, 1.0)
	r.wait(ident, 3, 1.0)
	r.wait(ident, 4)
	if at, ok := r.s.Deadline(); !ok || at != time.Second {
		t.Errorf("Deadline: %v, %v", at, ok)
	}
	r.now = time.Second
	replies := r.event(Tick)
	if got := answered(replies); !slices.Equal(got, [][2]uint64{{1, 2}, {1, 3}}) {
		t.Fatalf("timed out: %v", got)
	}
	reply := decode(t, replies[0].Data).(*pickle.Tuple)
	want(t, "kind", reply.Items[0], "#ERROR")
	want(t, "exception", reply.Items[1], pickle.NewException("builtins", "TimeoutError", "too late"))
	if at, ok := r.s.Deadline(); !ok || at != 3*time.Second {
		t.Errorf("Deadline: %v, %v", at, ok)
	}
	// Any command brings the time, and what it finds is found after it.
	r.now = 3 * time.Second
	replies = r.apply(Command{Op: Call, Request: 9, Ident: ident, Method: "open"})
	if got := answered(replies); !slices.Equal(got, [][2]uint64{{1, 1}, {1, 4}, {1, 9}}) {
		t.Fatalf("answered: %v", got)
	}
	if _, ok := r.s.Deadline(); ok {
		t.Error("a Deadline without a wait")
	}
}

func TestWaitWithdrawn(t *testing.T) {
	r, ident := gateRig(t, Options{})
	other := r.as(2, 2)
	other.wait(ident, 1, 1.0)
	other.wait(ident, 2)
	r.wait(ident, 3)
	if replies := other.event(Disconnect); len(replies) != 0 {
		t.Errorf("replies to a client that is gone: %+v", replies)
	}
	want(t, "calls that wait", r.get(ident, "#GETVALUE"), int64(1))
	if _, ok := r.s.Deadline(); ok {
		t.Error("a Deadline for a call that was withdrawn")
	}
}

// TestWaitOrder has many calls whose time is over at once: they end in the order in which they came.
func TestWaitOrder(t *testing.T) {
	r, ident := gateRig(t, Options{})
	var order [][2]uint64
	for i := range uint64(100) {
		r.wait(ident, i, []float64{1, 1, 1, 0.5}[i%4])
	}
	for _, late := range []bool{false, true} {
		for i := range uint64(100) {
			if late == (i%4 != 3) {
				order = append(order, [2]uint64{1, i})
			}
		}
	}
	r.now = time.Minute
	if got := answered(r.event(Tick)); !slices.Equal(got, order) {
		t.Errorf("timed out: %v", got)
	}
}

// TestWaitAndGrace checks that an object's grace begins anew when the last call in it is over.
func TestWaitAndGrace(t *testing.T) {
	const grace = 10 * time.Second
	r, ident := gateRig(t, Options{Grace: grace})
	r.do(Decref, ident)
	r.as(2, 0).wait(ident, 1, 6.0) // a client that does not hold by its connection
	if at, _ := r.s.Deadline(); at != 6*time.Second {
		t.Errorf("Deadline: %v", at)
	}
	r.now = 6 * time.Second
	r.event(Tick)
	r.now += grace - 1
	r.event(Tick)
	r.wantAlive("in its grace", ident)
	r.now++
	r.event(Tick)
	r.wantGone("its grace is over", ident)
}

// TestWaitHolds checks that an object does not go while a call waits in it.
func TestWaitHolds(t *testing.T) {
	r, ident := gateRig(t, Options{})
	r.wait(ident, 1, 1.0)
	r.do(Decref, ident)
	r.wantAlive("a call waits in it", ident)
	r.now = 2 * time.Second
	r.event(Tick)
	r.wantGone("the call is over", ident)
}
