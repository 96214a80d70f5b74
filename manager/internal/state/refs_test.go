package state

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/pickle"
)

func TestCounts(t *testing.T) {
	r := newRig(t, Options{})
	first := r.create("list")
	r.do(Incref, first)
	r.do(Decref, first)
	r.wantAlive("one count is left", first)
	want(t, "Count", r.do(Count, ""), int64(1))
	r.do(Decref, first)
	r.wantGone("no count is left", first)
	want(t, "Count", r.do(Count, ""), int64(0))
	for _, op := range []Op{Incref, Decref, Methods} {
		kind, result := r.one(Command{Op: op, Ident: first})
		if kind != "#TRACEBACK" || result != "Traceback (most recent call last):\nKeyError: '1'\n" {
			t.Errorf("op %d of what is gone: %s %s", op, kind, pickle.Repr(result))
		}
	}
	if second := r.create("list"); second == first {
		t.Errorf("ident %s is used twice", first)
	}
}

func TestHolders(t *testing.T) {
	r := newRig(t, Options{})
	other := r.as(2, 2)
	ident := r.create("list")
	other.do(Incref, ident)
	other.do(Incref, ident)
	r.do(Decref, ident)
	r.wantAlive("another process has counts", ident)
	other.event(Gone)
	r.wantGone("that process has died", ident)

	ident = r.create("list")
	r.as(3, 3).do(Decref, ident) // by one that has none: as CPython
	r.wantGone("somebody gave back the count of another", ident)

	ident = r.as(4, 0).create("list")
	r.do(Incref, ident)
	r.as(5, 5).do(Decref, ident)
	r.event(Gone)
	r.wantGone("the count of nobody known was given back first", ident)
	if len(r.s.holders) != 0 {
		t.Errorf("%d holders are left", len(r.s.holders))
	}
}

// TestConnectionHolds is about CPython's spawned children, which use an object and count nothing.
func TestConnectionHolds(t *testing.T) {
	r := newRig(t, Options{})
	child := r.as(2, 2)
	ident := r.create("list")
	child.get(ident, "append", int64(1))
	r.do(Decref, ident)
	r.wantAlive("the child's connection is open", ident)
	want(t, "Count", r.do(Count, ""), int64(0))
	child.event(Disconnect)
	r.wantGone("it is closed", ident)

	ident = r.create("list")
	r.get(ident, "append", int64(1))
	r.do(Decref, ident)
	r.wantGone("who gave back all that it counted does not hold by a connection", ident)
}

func TestNested(t *testing.T) {
	r := newRig(t, Options{})
	outer, inner := r.create("list"), r.create("dict")
	r.get(outer, "append", pickle.NewList(int64(1), r.proxy(inner)))
	r.do(Decref, inner)
	r.wantAlive("it is nested", inner)
	want(t, "Decref of what is only nested", r.do(Decref, inner), nil)
	r.do(Incref, inner)
	r.do(Decref, inner)
	r.wantAlive("it is still nested", inner)
	r.get(outer, "append", r.get(outer, "__getitem__", int64(0)))
	r.get(outer, "pop")
	r.wantAlive("it is nested once more", inner)
	r.get(outer, "__setitem__", int64(0), nil)
	r.wantGone("it was replaced", inner)

	inner = r.create("dict")
	r.get(outer, "append", r.proxy(inner))
	r.do(Decref, inner)
	r.do(Decref, outer)
	r.wantGone("the outer one is gone", outer, inner)
	if r.s.bytes != 0 || len(r.s.objects) != 0 {
		t.Errorf("%d bytes, %d objects are left", r.s.bytes, len(r.s.objects))
	}
}

func TestCycles(t *testing.T) {
	r := newRig(t, Options{})
	a, b, leaf, out := r.create("list"), r.create("dict"), r.create("list"), r.create("list")
	r.get(a, "append", r.proxy(b))
	r.get(b, "__setitem__", "a", r.proxy(a))
	r.get(b, "__setitem__", "leaf", r.proxy(leaf))
	r.get(a, "append", r.proxy(a))
	r.get(out, "append", r.proxy(b))
	r.do(Decref, a)
	r.do(Decref, leaf)
	r.do(Decref, b)
	r.wantAlive("held from outside", a, b, leaf)
	r.get(out, "clear")
	r.wantGone("only in each other", a, b, leaf)
	r.wantAlive("not in the cycle", out)
}

func TestGrace(t *testing.T) {
	const grace = time.Second
	r := newRig(t, Options{Grace: grace})
	ident := r.create("list")
	r.do(Decref, ident)
	r.wantAlive("in its grace", ident)
	if at, ok := r.s.Deadline(); !ok || at != grace {
		t.Errorf("Deadline: %v, %v", at, ok)
	}
	r.now = grace - 1
	r.event(Tick)
	r.wantAlive("one nanosecond early", ident)
	r.do(Incref, ident)
	if _, ok := r.s.Deadline(); ok {
		t.Error("an object that has counts has a Deadline")
	}
	r.now = 2 * grace
	r.event(Tick)
	r.wantAlive("it has counts again", ident)
	r.do(Decref, ident)
	r.now = 3 * grace
	r.event(Tick)
	r.wantGone("its grace is over", ident)

	// Over TCP nobody can be told apart: each use is a new grace.
	far := r.as(9, 0)
	ident = far.create("list")
	far.get(ident, "append", int64(1))
	far.do(Decref, ident)
	r.now += grace - 1
	far.now = r.now
	far.get(ident, "append", int64(2))
	r.now += grace - 1
	r.event(Tick)
	r.wantAlive("it was used", ident)
	r.now++
	r.event(Tick)
	r.wantGone("it was not used for so long", ident)
}

func TestIteratorHolds(t *testing.T) {
	r := newRig(t, Options{})
	d := r.create("dict", must(pickle.NewDict())("a", int64(1), "b", int64(2)))
	kind, result := r.call(d, "__iter__")
	if kind != "#PROXY" {
		t.Fatal(kind, pickle.Repr(result))
	}
	exposed, tok := result.(*pickle.Tuple).Items[0], result.(*pickle.Tuple).Items[1].(*pickle.Object)
	want(t, "exposed", exposed, pickle.NewTuple("__next__", "send", "throw", "close"))
	it := tok.State.(*pickle.Tuple).Items[2].(string)
	want(t, "token", tok, token("Iterator", "/tmp/address", it))
	r.do(Decref, d)
	r.wantAlive("its iterator holds it", d)
	want(t, "next", r.get(it, "__next__"), "a")
	want(t, "next", r.get(it, "__next__"), "b")
	kind, result = r.call(it, "__next__")
	if o, ok := result.(*pickle.Object); kind != "#ERROR" || !ok || o.Callable.(*pickle.Global).Name != "StopIteration" || len(o.Args.Items) != 0 {
		t.Errorf("at the end: %s %s", kind, pickle.Repr(result))
	}
	r.wantGone("the iterator came to its end", d)
	r.do(Decref, it)
	r.wantGone("nobody has it", it)
}

func must(d *pickle.Dict) func(items ...any) *pickle.Dict {
	return func(items ...any) *pickle.Dict {
		for i := 0; i < len(items); i += 2 {
			if err := d.Set(items[i], items[i+1]); err != nil {
				panic(err)
			}
		}
		return d
	}
}

func TestForeign(t *testing.T) {
	r := newRig(t, Options{Foreign: map[string][]string{"Thing": {"put", "get"}, "list": {"never"}}})
	replies := r.apply(Command{Op: Create, Type: "Thing", Args: pickle.NewTuple(int64(3))})
	if len(replies) != 1 || !replies[0].Foreign || replies[0].Ident == "" {
		t.Fatalf("%+v", replies)
	}
	ident := replies[0].Ident
	want(t, "created", decode(t, replies[0].Data), pickle.NewTuple("#RETURN", pickle.NewTuple(ident, pickle.NewTuple("put", "get"))))
	for _, method := range []string{"put", "get", "__str__", "__repr__", "#GETVALUE"} {
		replies = r.apply(Command{Op: Call, Ident: ident, Method: method})
		if len(replies) != 1 || !replies[0].Foreign || replies[0].Ident != ident || replies[0].Data != nil {
			t.Errorf("%s: %+v", method, replies)
		}
	}
	if kind, _ := r.call(ident, "full"); kind != "#TRACEBACK" {
		t.Errorf("a method that is not exposed: %s", kind)
	}
	outer := r.create("list")
	r.wantRaised("TypeError", "'AutoProxy[Thing]' object is not iterable", outer, "extend", r.foreignProxy("Thing", ident))
	if kind, _ := r.call(r.create("list"), "never"); kind != "#TRACEBACK" {
		t.Errorf("a type of the State was replaced: %s", kind)
	}
}

func (r *rig) foreignProxy(typeid, ident string) any {
	return &pickle.Object{
		Callable: &pickle.Global{Module: managers, Name: "RebuildProxy"},
		Args:     pickle.NewTuple(&pickle.Global{Module: managers, Name: "AutoProxy"}, token(typeid, "/other", ident), "pickle", pickle.NewDict()),
	}
}

// TestFreedOnce checks that a foreign object is reported as freed when its last reference goes, and once.
func TestFreedOnce(t *testing.T) {
	r := newRig(t, Options{Foreign: map[string][]string{"Thing": {"put"}}})
	ident := r.apply(Command{Op: Create, Type: "Thing"})[0].Ident
	outer := r.create("list")
	r.get(outer, "append", r.foreignProxy("Thing", ident))
	r.do(Decref, ident)
	if len(r.freed) != 0 {
		t.Fatalf("freed %v while it is nested", r.freed)
	}
	r.do(Decref, outer)
	if !slices.Equal(r.freed, []string{ident}) {
		t.Fatalf("freed %v, want %s", r.freed, ident)
	}
	r.event(Tick)
	if len(r.freed) != 0 {
		t.Fatalf("freed again: %v", r.freed)
	}
}

// refModel says what has to be alive, by looking at everything each time.
type refModel struct {
	counts map[string]map[Holder]int
	users  map[string]map[Client]Holder
}

func (m *refModel) count(ident string) int {
	n := 0
	for _, c := range m.counts[ident] {
		n += c
	}
	return n
}

// alive returns what is reachable from what is counted or used.
func (m *refModel) alive(s *State) map[string]bool {
	alive := map[string]bool{}
	var visit func(ident string)
	visit = func(ident string) {
		if alive[ident] {
			return
		}
		sh := s.objects[ident]
		if sh == nil {
			alive[ident] = true // and the caller sees that it is missing
			return
		}
		alive[ident] = true
		for _, p := range weigh(sh.obj.value()).proxies {
			if p.target != nil {
				visit(p.target.ident)
			}
		}
	}
	for ident := range m.counts {
		if m.count(ident) > 0 || len(m.users[ident]) > 0 {
			visit(ident)
		}
	}
	return alive
}

// TestRandomReferences compares what lives with what a simple model says, and the bytes with those of a new weighing.
func TestRandomReferences(t *testing.T) {
	n := seed(t)
	rounds, steps := 40, 400
	if testing.Short() {
		rounds = 5
	}
	for round := range rounds {
		randomReferences(t, rand.New(rand.NewPCG(n, uint64(round))), steps)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
}

func randomReferences(t *testing.T, random *rand.Rand, steps int) {
	base := newRig(t, Options{})
	m := &refModel{counts: map[string]map[Holder]int{}, users: map[string]map[Client]Holder{}}
	holderOf := map[Client]Holder{1: 1, 2: 1, 3: 2, 4: 3, 5: 0, 6: 0}
	var idents []string
	pick := func() string { return idents[random.IntN(len(idents))] }
	// leave drops the users of a holder that has no counts any more.
	leave := func(ident string, h Holder) {
		if h != 0 || m.count(ident) == 0 {
			for c, holder := range m.users[ident] {
				if holder == h {
					delete(m.users[ident], c)
				}
			}
		}
	}
	for step := range steps {
		client := Client(1 + random.IntN(6))
		holder := holderOf[client]
		r := base.as(client, holder)
		what := ""
		switch op := random.IntN(20); {
		case op < 3 || len(idents) == 0:
			ident := r.create([]string{"list", "dict"}[random.IntN(2)])
			idents = append(idents, ident)
			m.counts[ident], m.users[ident] = map[Holder]int{holder: 1}, map[Client]Holder{}
			what = "create " + ident
		case op < 5:
			ident := pick()
			what = "incref " + ident
			if r.alive(ident) {
				r.do(Incref, ident)
				m.counts[ident][holder]++
			}
		case op < 9:
			ident := pick()
			what = "decref " + ident
			if r.alive(ident) {
				from := holder
				if sh := r.s.objects[ident]; m.counts[ident][holder] == 0 {
					if from = 0; m.counts[ident][0] == 0 && len(sh.counts) > 0 {
						from = sh.counts[0].holder // the order is the State's own
					}
				}
				r.do(Decref, ident)
				if m.counts[ident][from] > 0 {
					if m.counts[ident][from]--; m.counts[ident][from] == 0 {
						leave(ident, from)
					}
				}
			}
		case op == 9:
			what = fmt.Sprint("disconnect ", client)
			r.event(Disconnect)
			for _, users := range m.users {
				delete(users, client)
			}
		case op == 10 && holder != 0 && random.IntN(4) == 0:
			what = fmt.Sprint("gone ", holder)
			r.event(Gone)
			for ident, counts := range m.counts {
				if counts[holder] > 0 {
					counts[holder] = 0
					leave(ident, holder)
				}
			}
		default:
			ident := pick()
			if !r.alive(ident) {
				continue
			}
			var v any = r.proxy(pick())
			for range random.IntN(3) {
				v = pickle.NewList(v, int64(1), pickle.NewTuple(r.proxy(pick()), "x"), v)
			}
			what = randomChange(r, random, ident, v)
			m.users[ident][client] = holder
		}
		alive := m.alive(base.s)
		bytes := int64(0)
		for _, ident := range idents {
			if alive[ident] != base.alive(ident) {
				t.Errorf("step %d, %s: object %s: alive %v, want %v", step, what, ident, base.alive(ident), alive[ident])
			}
			if sh := base.s.objects[ident]; sh != nil {
				fresh := weighAll(sh.obj)
				if bytes += fresh; fresh != sh.bytes {
					t.Errorf("step %d, %s: object %s has %d bytes, weighs %d", step, what, ident, sh.bytes, fresh)
				}
			}
		}
		if bytes != base.s.bytes {
			t.Errorf("step %d, %s: %d bytes in all, they weigh %d", step, what, base.s.bytes, bytes)
		}
		if t.Failed() {
			return
		}
	}
}

// weighAll weighs what is in a list or a dict as its methods do.
func weighAll(obj object) int64 {
	var w weight
	switch obj := obj.(type) {
	case *list:
		w.addAll(obj.Items)
	case *dict:
		for key, v := range obj.All() {
			w.bytes += entryBytes
			w.add(key)
			w.add(v)
		}
	}
	return w.bytes
}

// randomChange calls a method that puts v into an object, or takes something out.
func randomChange(r *rig, random *rand.Rand, ident string, v any) string {
	method, args := "", []any(nil)
	position := func() any { return int64(random.IntN(5) - 2) }
	switch r.s.objects[ident].obj.(type) {
	case *list:
		switch random.IntN(12) {
		case 0, 1:
			method, args = "append", []any{v}
		case 2:
			method, args = "extend", []any{pickle.NewList(v, int64(3), v)}
		case 3:
			method, args = "pop", nil
		case 4:
			method, args = "__setitem__", []any{position(), v}
		case 5:
			method, args = "__delitem__", []any{&pickle.Slice{Start: position(), Stop: position(), Step: int64(1 - 2*random.IntN(2))}}
		case 6:
			method, args = "clear", nil
		case 7:
			method, args = "__imul__", []any{int64(random.IntN(3))}
		case 8:
			method, args = "insert", []any{position(), v}
		case 9:
			method, args = "__setitem__", []any{&pickle.Slice{Start: position(), Stop: position()}, pickle.NewList(v, "y")}
		case 10:
			method, args = "extend", []any{r.proxy(ident)}
		case 11:
			method, args = "reverse", nil
		}
	case *dict:
		key := string(rune('a' + random.IntN(4)))
		switch random.IntN(9) {
		case 0, 1, 2:
			method, args = "__setitem__", []any{key, v}
		case 3:
			method, args = "pop", []any{key, nil}
		case 4:
			method, args = "update", []any{must(pickle.NewDict())(key, v, "z", int64(1))}
		case 5:
			method, args = "clear", nil
		case 6:
			method, args = "popitem", nil
		case 7:
			method, args = "setdefault", []any{pickle.NewTuple(int64(1), key), v}
		case 8:
			method, args = "pop", []any{pickle.NewTuple(1.0, key), nil}
		}
	}
	if sh := r.s.objects[ident]; sh.bytes > 1<<20 {
		method, args = "clear", nil
	}
	r.call(ident, method, args...)
	return ident + "." + method
}
