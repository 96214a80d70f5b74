package state

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/pickle"
)

// ask calls a method; whether it waits is up to the caller to see.
func (r *rig) ask(ident, method string, request uint64, args ...any) []Reply {
	r.t.Helper()
	return r.apply(Command{Op: Call, Request: request, Ident: ident, Method: method, Args: &pickle.Tuple{Items: args}})
}

// blocks calls a method that has to wait.
func (r *rig) blocks(ident, method string, request uint64, args ...any) {
	r.t.Helper()
	if replies := r.ask(ident, method, request, args...); len(replies) != 0 {
		r.t.Fatalf("%s does not wait: %+v", method, replies)
	}
}

// results are who got what of replies, as "client:result".
func results(t testing.TB, replies []Reply) (list []string) {
	for _, reply := range replies {
		pair := decode(t, reply.Data).(*pickle.Tuple)
		text := pickle.Repr(pair.Items[1])
		if pair.Items[0] == "#ERROR" {
			_, text, _ = pair.Items[1].(*pickle.Object).Class()
		}
		list = append(list, fmt.Sprintf("%d:%s", reply.Client, text))
	}
	return list
}

func (r *rig) wantResults(what string, replies []Reply, want ...string) {
	r.t.Helper()
	if got := results(r.t, replies); !slices.Equal(got, want) {
		r.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// lost is the end of a client that did not get the reply to a request.
func (r *rig) lost(request uint64) []Reply {
	r.t.Helper()
	return r.apply(Command{Op: Disconnect, Request: request})
}

func TestLockIsFair(t *testing.T) {
	one := newRig(t, Options{})
	two, three, four := one.as(2, 2), one.as(3, 3), one.as(4, 4)
	l := one.create("Lock")
	one.get(l, "acquire")
	two.blocks(l, "acquire", 1)
	three.blocks(l, "acquire", 1)
	four.blocks(l, "acquire", 1, true, 1.0)
	one.wantRaised("ValueError", "can't specify a timeout for a non-blocking call", l, "acquire", false, int64(1))
	three.event(Disconnect)
	// Anybody may release it, and nobody but the first in line gets it.
	four.client = 5
	four.wantResults("release", four.ask(l, "release", 9), "2:True", "5:None")
	four.now = 2 * time.Second
	four.wantResults("time is over", four.event(Tick), "4:False")
	two.now = four.now
	two.get(l, "release")
	two.wantRaised("RuntimeError", "release unlocked lock", l, "release")
}

func TestReplyThatWasLost(t *testing.T) {
	one := newRig(t, Options{})
	two, three := one.as(2, 2), one.as(3, 3)
	l := one.create("Lock")
	two.ask(l, "acquire", 7)
	three.blocks(l, "acquire", 1)
	three.wantResults("the first has not heard of its lock", two.lost(7), "3:True")

	// A lock that was released since is somebody else's.
	four := one.as(4, 4)
	one.get(l, "release")
	four.ask(l, "acquire", 1)
	one.get(l, "release")
	one.get(l, "acquire")
	four.lost(1)
	if one.get(l, "locked") != true {
		t.Error("a lost reply released another's lock")
	}

	q := one.create("Queue")
	for i := range 4 {
		one.get(q, "put", int64(i))
	}
	five, six := one.as(5, 5), one.as(6, 6)
	five.wantResults("get", five.ask(q, "get", 3), "5:0")
	six.wantResults("get", six.ask(q, "get", 3), "6:1")
	six.lost(3)
	five.lost(3)
	for i := range 4 {
		want(t, "in its place", one.get(q, "get"), int64(i))
	}
	// Who asks again has got its reply.
	five, six = one.as(7, 7), one.as(8, 8)
	one.get(q, "put", "x")
	five.ask(q, "get", 3)
	five.ask(q, "qsize", 4)
	five.lost(3)
	want(t, "qsize", one.get(q, "qsize"), int64(0))
	// And what goes back goes to who waits.
	one.get(q, "put", "y")
	six.ask(q, "get", 3)
	one.blocks(q, "get", 77)
	one.wantResults("goes back", six.lost(3), "1:'y'")

	sem := one.create("BoundedSemaphore", int64(1))
	seven := one.as(9, 9)
	seven.ask(sem, "acquire", 1)
	seven.lost(1)
	want(t, "a permit", one.get(sem, "acquire", false), true)
}

// TestReplyTooLarge: what cannot be sent is not lost.
func TestReplyTooLarge(t *testing.T) {
	r := newRig(t, Options{MaxReply: 1000})
	q := r.create("Queue")
	r.get(q, "put", pickle.Bytes(make([]byte, 2000)))
	r.wantRaised("MemoryError", "the length of a reply would go over the server's limit of 1000", q, "get")
	want(t, "qsize", r.get(q, "qsize"), int64(1))

	large := strings.Repeat("x", 2000)
	set := r.create("set")
	r.get(set, "add", large)
	for _, pop := range []struct {
		ident, method string
		args          []any
	}{
		{r.create("list", pickle.NewList(large)), "pop", nil},
		{r.create("dict", must(pickle.NewDict())("k", large)), "pop", []any{"k"}},
		{r.create("dict", must(pickle.NewDict())("k", large)), "popitem", nil},
		{set, "pop", nil},
	} {
		bytes := r.s.objects[pop.ident].bytes
		r.wantRaised("MemoryError", "the length of a reply would go over the server's limit of 1000", pop.ident, pop.method, pop.args...)
		want(t, pop.method, r.get(pop.ident, "__len__"), int64(1))
		want(t, "bytes after "+pop.method, r.s.objects[pop.ident].bytes, bytes)
	}
}

func TestQueueWaits(t *testing.T) {
	one := newRig(t, Options{MaxObjectBytes: 1 << 20})
	two, three := one.as(2, 2), one.as(3, 3)
	q := one.create("JoinableQueue", int64(1))
	two.blocks(q, "get", 1)
	three.blocks(q, "get", 1, true, 5.0)
	one.wantResults("put", one.ask(q, "put", 2, "a"), "2:'a'", "1:None")
	three.event(Disconnect) // no ghost takes what comes now
	one.wantResults("put", one.ask(q, "put", 3, "b"), "1:None")
	one.blocks(q, "put", 4, "c", true, 1.0)
	two.blocks(q, "put", 5, "d")
	one.now = time.Second
	one.wantResults("too late", one.event(Tick), "1:Full")
	two.now = one.now
	one.wantResults("get", one.ask(q, "get", 6), "2:None", "1:'b'")
	one.blocks(q, "join", 7)
	for range 2 {
		two.get(q, "task_done")
	}
	two.wantResults("the last", two.ask(q, "task_done", 8), "1:None", "2:None")
	two.wantRaised("ValueError", "task_done() called too many times", q, "task_done")
	one.blocks(q, "put", 9, "e")
	one.wantResults("shutdown", two.ask(q, "shutdown", 9, true), "1:ShutDown", "2:None")
	one.wantRaised("ShutDown", "", q, "get")
	if sh := one.s.objects[q]; sh.bytes != 0 {
		t.Errorf("an empty queue has %d bytes", sh.bytes)
	}
}

// TestQueueKeepsWhatWaits: a proxy in an item holds its object from the call on, also while the call waits for room.
func TestQueueKeepsWhatWaits(t *testing.T) {
	one := newRig(t, Options{})
	two := one.as(2, 2)
	q, l := one.create("Queue", int64(1)), one.create("list")
	one.get(q, "put", "full")
	two.blocks(q, "put", 1, one.proxy(l))
	one.do(Decref, l)
	one.wantAlive("in a put that waits", l)
	one.ask(q, "get", 2)
	one.wantAlive("in the queue", l)
	one.get(q, "get")
	one.wantGone("taken out", l) // there is no grace here
	l = one.create("list")
	one.get(q, "put", one.proxy(l))
	two.blocks(q, "put", 2, one.proxy(l), true, 1.0)
	one.do(Decref, l)
	one.wantResults("the second comes in", one.ask(q, "qsize", 3), "1:1")
	one.ask(q, "get_nowait", 4)
	one.wantAlive("the second is in", l)
	one.get(q, "get_nowait")
	one.wantGone("both are out", l)
}

func TestRLockAndConditionOfTheDead(t *testing.T) {
	for _, typeid := range []string{"RLock", "Condition"} {
		one := newRig(t, Options{})
		two, three := one.as(2, 2), one.as(3, 3)
		l := one.create(typeid)
		two.get(l, "acquire")
		two.get(l, "acquire")
		three.wantRaised("RuntimeError", "cannot release un-acquired lock", l, "release")
		three.blocks(l, "acquire", 1)
		three.wantResults(typeid, two.event(Disconnect), "3:True")
		three.get(l, "release")
		want(t, "for our client it is abandoned", one.get(l, "#lock", nil), int64(2))
		one.get(l, "#repaired")
		one.get(l, "#unlock")
		want(t, "and repaired", one.get(l, "#lock", nil), int64(1))
	}
}

func TestConditionWaits(t *testing.T) {
	one := newRig(t, Options{})
	two, three, four := one.as(2, 2), one.as(3, 3), one.as(4, 4)
	for _, of := range []string{"", "RLock", "Lock"} {
		var c string
		if of == "" {
			c = one.create("Condition")
		} else {
			lock := one.create(of)
			c = one.create("Condition", one.proxy(lock))
			one.do(Decref, lock)
			one.wantAlive("the condition has it", lock)
		}
		for _, r := range []*rig{two, three, four} {
			r.get(c, "acquire")
			if of != "Lock" {
				r.get(c, "acquire", false)
			}
			if of == "Lock" || r != three {
				r.blocks(c, "wait", 5)
			} else {
				r.blocks(c, "wait", 5, 1.0)
			}
		}
		one.get(c, "acquire")
		one.wantResults("nobody has the mutex yet", one.ask(c, "notify", 8, int64(1)), "1:None")
		one.wantResults("the notified one gets it", one.ask(c, "release", 8), "2:True", "1:None")
		if of != "Lock" {
			one.now = one.now + 2*time.Second
			one.wantResults("too late, and the mutex is taken", one.event(Tick))
			two.now, three.now, four.now = one.now, one.now, one.now
			two.get(c, "release")
			one.wantResults("now it has it", two.ask(c, "release", 9), "3:False", "2:None")
			three.get(c, "release")
			three.get(c, "release")
			three.get(c, "acquire")
		} else {
			two.get(c, "release")
			three.get(c, "acquire")
		}
		// One that was notified and has gone passes the notification on.
		five := one.as(50, 50)
		if of != "Lock" {
			three.get(c, "release")
		} else {
			three.get(c, "release")
			one.get(c, "acquire")
			one.get(c, "notify_all")
			one.wantResults("all", one.ask(c, "release", 3), "3:True", "1:None")
			one.wantResults("one after the other", three.ask(c, "release", 3), fmt.Sprintf("%d:True", four.client), "3:None")
			four.get(c, "release")
			continue
		}
		five.get(c, "acquire")
		five.blocks(c, "wait", 1)
		one.get(c, "acquire")
		one.get(c, "notify") // for four
		four.event(Disconnect)
		one.wantResults("passed on", one.ask(c, "release", 4), "50:True", "1:None")
		five.get(c, "release")
		four.client++
	}
}

func TestSemaphoreWaits(t *testing.T) {
	one := newRig(t, Options{})
	two, three, four := one.as(2, 2), one.as(3, 3), one.as(4, 4)
	s := one.create("Semaphore", int64(0))
	two.blocks(s, "acquire", 1)
	three.blocks(s, "acquire", 1, true, 1.0)
	four.blocks(s, "#acquire", 1, nil)
	one.now = time.Second
	one.wantResults("too late", one.event(Tick), "3:False")
	four.now = one.now
	one.wantResults("release", one.ask(s, "release", 5, int64(2)), "2:True", "4:True", "1:None")
	want(t, "none is left", one.get(s, "acquire", false), false)
	four.event(Disconnect)
	want(t, "the permit of our client that has died", one.get(s, "acquire", false), true)
	b := one.create("BoundedSemaphore", int64(1))
	one.wantRaised("ValueError", "Semaphore released too many times", b, "release")
}

func TestBarrierWaits(t *testing.T) {
	one := newRig(t, Options{})
	two, three := one.as(2, 2), one.as(3, 3)
	b := one.create("Barrier", int64(3), nil, 10.0)
	for range 2 { // it can be used again
		one.blocks(b, "wait", 1)
		two.blocks(b, "wait", 1)
		want(t, "n_waiting", three.get(b, "__getattribute__", "n_waiting"), int64(2))
		one.wantResults("all are here", three.ask(b, "wait", 1), "1:0", "2:1", "3:2")
	}
	one.blocks(b, "wait", 1)
	two.blocks(b, "wait", 1, 1.0)
	one.now = time.Second
	one.wantResults("one has no time", one.event(Tick), "2:BrokenBarrierError", "1:BrokenBarrierError")
	two.now, three.now = one.now, one.now
	one.wantRaised("BrokenBarrierError", "", b, "wait")
	one.get(b, "reset")
	one.blocks(b, "wait", 1)
	one.wantResults("reset", two.ask(b, "reset", 1), "1:BrokenBarrierError", "2:None")
	one.blocks(b, "wait", 1)
	two.blocks(b, "wait", 1)
	one.wantResults("who is gone will not come", two.event(Disconnect), "1:BrokenBarrierError")
	kind, text := one.one(Command{Op: Create, Type: "Barrier", Args: pickle.NewTuple(int64(2), global("print"))})
	if kind != "#TRACEBACK" {
		t.Errorf("a Barrier with an action: %s %v", kind, text)
	}
}

func TestReleaseDead(t *testing.T) {
	for _, o := range []Options{{}, {ReleaseDead: true}} {
		one := newRig(t, o)
		two, three := one.as(2, 2), one.as(3, 2) // two connections of one process
		l, s := one.create("Lock"), one.create("Semaphore", int64(1))
		two.get(l, "acquire")
		two.get(s, "acquire")
		two.event(Disconnect)
		want(t, "the process lives", one.get(l, "locked"), true)
		three.event(Gone)
		want(t, "locked", one.get(l, "locked"), !o.ReleaseDead)
		want(t, "a permit", one.get(s, "acquire", false), o.ReleaseDead)
	}
}

func TestRWLock(t *testing.T) {
	one := newRig(t, Options{})
	two, three, four := one.as(2, 2), one.as(3, 3), one.as(4, 4)
	l := one.create("RWLock")
	one.get(l, "acquire_read")
	two.get(l, "acquire_read")
	three.blocks(l, "acquire_write", 1)
	four.blocks(l, "acquire_read", 1, true, 5.0) // behind the writer
	one.get(l, "acquire_read")                   // but it is a reader already
	one.wantRaised("RuntimeError", "this connection holds the lock for reading, and would wait for itself", l, "acquire_write")
	one.get(l, "release_read")
	one.get(l, "release_read")
	one.wantResults("the last reader goes", two.event(Disconnect), "3:True")
	one.wantResults("the writer dies", three.event(Disconnect), "4:True")
	want(t, "for our client it is abandoned", one.get(l, "#rlock", nil), int64(2))
	four.wantRaised("RuntimeError", "cannot release un-acquired lock", l, "release_write")
}

func TestCounter(t *testing.T) {
	r := newRig(t, Options{})
	c := r.create("Counter", int64(5))
	want(t, "add", r.get(c, "add"), int64(6))
	want(t, "sub", r.get(c, "sub", int64(10)), int64(-4))
	want(t, "no overflow", r.get(c, "add", int64(-1<<63)), bigInt("-9223372036854775812"))
	want(t, "nor back", r.get(c, "sub", int64(-1<<63)), int64(-4))
	want(t, "compare_and_set", r.get(c, "compare_and_set", -4.0, int64(1)), true)
	want(t, "compare_and_set", r.get(c, "compare_and_set", int64(0), int64(9)), false)
	want(t, "get", r.get(c, "get"), int64(1))
}

func TestNeedsPython(t *testing.T) {
	r := newRig(t, Options{})
	for _, typeid := range []string{"Pool", "AsyncResult"} {
		kind, text := r.one(Command{Op: Create, Type: typeid})
		want(t, typeid, pickle.NewTuple(kind, text), pickle.NewTuple("#TRACEBACK", "Traceback (most recent call last):\nNotImplementedError: "+
			"this server runs no Python code, so it has no "+typeid+"; use a multiprocessing.Pool of the client's own and pass proxies to its tasks\n"))
	}
}

// TestThousandWait has many clients wait for one lock, and one in ten of them die: before its turn, with the lock, or with the lock's reply
// on the way. All others get it, each once, in the order in which they came.
func TestThousandWait(t *testing.T) {
	random := rand.New(rand.NewPCG(seed(t), 0))
	const clients = 1000
	r := newRig(t, Options{})
	for _, typeid := range []string{"Lock", "RLock"} {
		l := r.create(typeid)
		r.get(l, "acquire")
		alive := make(map[Client]bool)
		for i := range clients {
			c := Client(10 + i)
			alive[c] = true
			r.as(c, Holder(c)).blocks(l, "acquire", 1)
		}
		kill := func(c Client, request uint64) []Reply {
			delete(alive, c)
			return r.as(c, Holder(c)).lost(request)
		}
		killed := 0
		for killed < clients/20 { // some before anything happens
			if c := Client(10 + random.IntN(clients)); alive[c] {
				kill(c, 0)
				killed++
			}
		}
		var order []Client
		replies := r.ask(l, "release", 1)
		for len(replies) > 0 && replies[0].Client != 1 {
			if len(replies) > 2 {
				t.Fatalf("%d served at once", len(replies))
			}
			c := replies[0].Client
			if !alive[c] {
				t.Fatalf("client %d is served and dead", c)
			}
			if random.IntN(20) == 0 {
				killed++
				if typeid == "Lock" {
					replies = kill(c, 1)
				} else {
					replies = kill(c, uint64(random.IntN(2))) // its lock goes with it, heard of or not
				}
				if len(replies) == 0 {
					break
				}
				continue
			}
			order = append(order, c)
			replies = r.as(c, Holder(c)).ask(l, "release", 2)
			if replies[0].Client == c {
				break
			}
		}
		if !slices.IsSorted(order) || len(order) != len(alive) || len(slices.Compact(slices.Clone(order))) != len(order) {
			t.Errorf("%s: %d served of %d that live, %d killed", typeid, len(order), len(alive), killed)
		}
		want(t, "free", r.get(l, "acquire", false), true)
	}
}

// TestIntersectionElements: which of two equal elements an intersection has is as in CPython.
func TestIntersectionElements(t *testing.T) {
	r := newRig(t, Options{})
	setOf := func(items ...any) *pickle.Set {
		s := pickle.NewSet(false)
		for _, item := range items {
			if _, err := s.Add(item); err != nil {
				t.Fatal(err)
			}
		}
		return s
	}
	for _, test := range []struct {
		method    string
		own       *pickle.Set
		arg, want any
	}{
		{"__iand__", setOf(int64(1)), setOf(true), "{True}"},
		{"__iand__", setOf(int64(1)), setOf(true, int64(2)), "{1}"},
		{"intersection_update", setOf(int64(1)), pickle.NewList(true, int64(2)), "{True}"},
		{"intersection_update", setOf(int64(1)), setOf(true, int64(2)), "{1}"},
		{"update", setOf(int64(1)), setOf(true), "{1}"},
	} {
		s := r.create("set", test.own)
		r.get(s, test.method, test.arg)
		want(t, test.method, r.get(s, "__repr__"), test.want)
	}
}
