package state

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/pickle"
)

// wantMemoryError checks that a call raises MemoryError and changes nothing.
func (r *rig) wantMemoryError(what, ident, method string, args ...any) {
	r.t.Helper()
	r.call(ident, "__len__") // so that the client has used the object
	before := r.s.AppendSnapshot(nil)
	index := r.s.index
	kind, result := r.call(ident, method, args...)
	o, ok := result.(*pickle.Object)
	if kind != "#ERROR" || !ok || o.Callable.(*pickle.Global).Name != "MemoryError" {
		r.t.Errorf("%s: %.200s %.200s, want MemoryError", what, kind, pickle.Repr(result))
		return
	}
	if text, _ := o.Args.Items[0].(string); !strings.Contains(text, "the server's limit of") {
		r.t.Errorf("%s: %q", what, text)
	}
	r.s.index = index
	if string(r.s.AppendSnapshot(nil)) != string(before) {
		r.t.Errorf("%s: the state has changed", what)
	}
}

func TestObjectLimit(t *testing.T) {
	r := newRig(t, Options{MaxObjects: 3})
	first, _ := r.create("list"), r.create("dict")
	d := r.create("dict")
	kind, result := r.one(Command{Op: Create, Type: "list"})
	if o, ok := result.(*pickle.Object); kind != "#ERROR" || !ok || o.Callable.(*pickle.Global).Name != "MemoryError" {
		t.Errorf("a fourth object: %s %s", kind, pickle.Repr(result))
	}
	r.wantMemoryError("an iterator", d, "__iter__")
	r.do(Decref, first)
	r.create("list")
}

func TestBytesLimit(t *testing.T) {
	r := newRig(t, Options{MaxObjectBytes: 10_000})
	l, d, v, n := r.create("list"), r.create("dict"), r.create("Value", "i", nil), r.create("Namespace")
	a := r.create("Array", "i", &pickle.Range{Start: int64(0), Stop: int64(100), Step: int64(1)})
	large := strings.Repeat("x", 10_000)
	r.get(l, "extend", "some characters")
	r.get(d, "__setitem__", "k", strings.Repeat("y", 9_000))
	for _, big := range []any{large, pickle.Bytes(large), &pickle.ByteArray{Data: []byte(large)}, pickle.NewList(int64(1), large), must(pickle.NewDict())(large, int64(1)), bigInt("1" + strings.Repeat("0", 30_000))} {
		what := pickle.TypeName(big)
		r.wantMemoryError(what, l, "append", big)
		r.wantMemoryError(what, l, "insert", int64(0), big)
		r.wantMemoryError(what, l, "__setitem__", int64(0), big)
		r.wantMemoryError(what, l, "__setitem__", &pickle.Slice{}, pickle.NewTuple(big))
		r.wantMemoryError(what, l, "extend", pickle.NewTuple(big))
		r.wantMemoryError(what, d, "__setitem__", "k", big)
		r.wantMemoryError(what, d, "__setitem__", "l", big)
		r.wantMemoryError(what, d, "setdefault", "l", big)
		r.wantMemoryError(what, d, "#cas", "k", strings.Repeat("y", 9_000), big)
		r.wantMemoryError(what, v, "set", big)
		r.wantMemoryError(what, n, "__setattr__", "x", big)
	}
	r.wantMemoryError("a long result", l, "__mul__", int64(1<<40))
	r.wantMemoryError("a long list", l, "__imul__", int64(1<<40))
	r.wantMemoryError("a long list", l, "__imul__", int64(40))
	r.wantMemoryError("a long range", l, "extend", &pickle.Range{Start: int64(0), Stop: int64(1 << 50), Step: int64(1)})
	r.wantMemoryError("a long array", a, "__setitem__", &pickle.Slice{}, (&array{typecodeOf("i"), make([]byte, 12_000)}).value())
	r.get(d, "__setitem__", "k", int64(1))
	r.get(d, "__setitem__", "l", strings.Repeat("y", 9_000))

	for _, args := range [][]any{{"list", large}, {"dict", must(pickle.NewDict())("k", large)}, {"Value", "i", large}, {"Array", "B", pickle.Bytes(large + "x")}} {
		kind, result := r.one(Command{Op: Create, Type: args[0].(string), Args: &pickle.Tuple{Items: args[1:]}})
		if o, ok := result.(*pickle.Object); kind != "#ERROR" || !ok || o.Callable.(*pickle.Global).Name != "MemoryError" {
			t.Errorf("create %s: %.100s %.100s", args[0], kind, pickle.Repr(result))
		}
	}
}

func TestTotalLimit(t *testing.T) {
	r := newRig(t, Options{MaxBytes: 10_000})
	a, b := r.create("list"), r.create("list")
	r.get(a, "append", strings.Repeat("x", 6_000))
	r.wantMemoryError("two of them", b, "append", strings.Repeat("x", 6_000))
	r.get(a, "pop")
	r.get(b, "append", strings.Repeat("x", 6_000))
	r.do(Decref, b)
	if r.s.bytes != 0 {
		t.Errorf("%d bytes of nothing", r.s.bytes)
	}
}

func TestReprLimit(t *testing.T) {
	r := newRig(t, Options{MaxRepr: 100})
	large := strings.Repeat("x", 200)
	for _, ident := range []string{
		r.create("list", pickle.NewList(large)), r.create("dict", must(pickle.NewDict())("k", large)), r.create("Value", "i", large),
		r.create("Array", "i", &pickle.Range{Start: int64(0), Stop: int64(100), Step: int64(1)}), r.create("Array", "u", large),
	} {
		r.wantMemoryError("repr", ident, "__repr__")
		r.wantMemoryError("str", ident, "__str__")
	}
	n := r.create("Namespace")
	r.get(n, "__setattr__", "a", large[:60])
	r.get(n, "__repr__")
	r.get(n, "__setattr__", "b", large[:60])
	r.wantMemoryError("repr", n, "__repr__")
	l := r.create("list")
	r.wantMemoryError("the text of an exception", l, "index", large)
}

func TestReplyLimit(t *testing.T) {
	r := newRig(t, Options{MaxReply: 1_000})
	l := r.create("list")
	for range 10 {
		r.get(l, "append", strings.Repeat("x", 300))
	}
	r.wantMemoryError("a long reply", l, "copy")
	r.get(l, "__getitem__", int64(0))
}

// TestNextIsNotLost: what an iterator cannot send, as it is too long, it has next again.
func TestNextIsNotLost(t *testing.T) {
	r := newRig(t, Options{MaxReply: 1_000})
	long := strings.Repeat("x", 2_000)
	d := r.create("dict", must(pickle.NewDict())(int64(1), nil, long, nil, int64(3), nil))
	_, proxy := r.call(d, "__iter__")
	it := proxy.(*pickle.Tuple).Items[1].(*pickle.Object).State.(*pickle.Tuple).Items[2].(string)
	free := r.create("Iterator", iterOver([]any{int64(1), long, int64(3)}))
	for _, it := range []string{it, free} {
		want(t, "the first", r.get(it, "__next__"), int64(1))
		for range 2 {
			r.wantMemoryError("the second", it, "__next__")
		}
	}
	// It is still there for whoever may have it.
	r.s.out.begin(10_000)
	for _, it := range []string{it, free} {
		want(t, "the second", r.get(it, "__next__"), long)
		want(t, "the third", r.get(it, "__next__"), int64(3))
		r.wantRaised("StopIteration", "", it, "__next__")
	}
}

// TestProxiesAreWeighed: all that a proxy consists of counts, whatever somebody has written there.
func TestProxiesAreWeighed(t *testing.T) {
	r := newRig(t, Options{MaxObjectBytes: 3_000})
	l := r.create("list")
	large := strings.Repeat("x", 3_000)
	class := &pickle.Global{Module: managers, Name: "ListProxy"}
	proxy := func(class *pickle.Global, typeid string, address any, ident string, serializer any, exposed any) any {
		return &pickle.Object{
			Callable: &pickle.Global{Module: managers, Name: "RebuildProxy"},
			Args:     pickle.NewTuple(class, token(typeid, address, ident), serializer, must(pickle.NewDict())("exposed", exposed)),
		}
	}
	auto := &pickle.Global{Module: managers, Name: "AutoProxy"}
	for what, p := range map[string]any{
		"class":      proxy(&pickle.Global{Module: "m", Name: large}, "list", "/a", l, "pickle", nil),
		"type":       proxy(class, large, "/a", l, "pickle", nil),
		"address":    proxy(class, "list", pickle.NewTuple("/a", large), l, "pickle", nil),
		"ident":      proxy(class, "list", "/a", large, "pickle", nil),
		"serializer": proxy(class, "list", "/a", l, pickle.NewList(large), nil),
		"exposed":    proxy(auto, "list", "/a", l, "pickle", pickle.NewTuple(large)),
	} {
		r.wantMemoryError(what, l, "append", p)
		r.wantMemoryError(what, l, "append", pickle.NewList(p))
	}
	r.get(l, "append", proxy(auto, "list", "/a", l, "pickle", pickle.NewTuple("append")))
	r.get(l, "pop")
	if n := r.s.objects[l].bytes; n != 0 {
		t.Errorf("%d bytes of nothing", n)
	}
}

// TestDeepValuesComeBack: the deepest that a request may have in it, by every way out.
func TestDeepValuesComeBack(t *testing.T) {
	r := newRig(t, Options{})
	d := r.create("dict")
	var deep any = int64(1)
	for range 10_000 - 1 { // and the tuple of arguments
		deep = pickle.NewList(deep)
	}
	r.get(d, "__setitem__", "k", deep)
	for _, method := range []string{"copy", "items", "values", "popitem"} {
		data := r.apply(Command{Op: Call, Ident: d, Method: method})[0].Data
		v, err := (&pickle.Decoder{Limits: pickle.Limits{Depth: -1}}).DecodeBytes(data)
		if reply, ok := v.(*pickle.Tuple); err != nil || !ok || reply.Items[0] != "#RETURN" {
			t.Errorf("%s: %.100s, %v", method, pickle.Repr(v), err)
		}
	}
}

// TestDepth is about values in themselves and values that are nested too deeply.
func TestDepth(t *testing.T) {
	r := newRig(t, Options{})
	l := r.create("list")
	self := pickle.NewList(int64(1))
	self.Items = append(self.Items, self)
	r.get(l, "append", self)
	want(t, "repr", r.get(l, "__repr__"), "[[1, [...]]]")
	r.wantRaised("RecursionError", "maximum recursion depth exceeded in comparison", l, "__contains__", self)
	r.wantRaised("RecursionError", "maximum recursion depth exceeded in comparison", l, "count", self)
	r.wantRaised("RecursionError", "maximum recursion depth exceeded in comparison", l, "remove", self)
	r.get(l, "pop")
	if r.s.objects[l].bytes != 0 {
		t.Errorf("%d bytes of nothing", r.s.objects[l].bytes)
	}
	var deep any = int64(1)
	for range 5_000 {
		deep = pickle.NewList(deep)
	}
	r.get(l, "append", deep)
	r.wantRaised("RecursionError", "maximum recursion depth exceeded in comparison", l, "index", deep)
	kind, result := r.call(l, "__repr__")
	if text, _ := result.(string); kind != "#TRACEBACK" || !strings.Contains(text, "RecursionError: maximum recursion depth exceeded while getting the repr of an object") {
		t.Errorf("repr: %s %.100v", kind, result)
	}
	r.get(l, "__getitem__", int64(0))
}

// TestSharedParts checks that a value whose parts stand in it very often costs what it has in memory, not what it would
// have if it were written out.
func TestSharedParts(t *testing.T) {
	r := newRig(t, Options{})
	var v any = pickle.NewTuple(int64(1))
	for range 60 {
		v = pickle.NewTuple(v, v)
	}
	l, d := r.create("list"), r.create("dict")
	r.get(l, "append", v)
	if bytes := r.s.objects[l].bytes; bytes > 20_000 {
		t.Errorf("a list has %d bytes", bytes)
	}
	r.get(d, "__setitem__", v, int64(1))
	want(t, "by an equal key", r.get(d, "pop", v), int64(1))
	if bytes := r.s.objects[d].bytes; bytes != 0 {
		t.Errorf("an empty dict has %d bytes", bytes)
	}
}

// TestSharedKeys removes items by keys that are equal, one of them with parts that stand in it often, the other with as
// many parts of their own.
func TestSharedKeys(t *testing.T) {
	shared := any(pickle.NewTuple(int64(1)))
	var apart func(depth int) any
	apart = func(depth int) any {
		if depth == 0 {
			return pickle.NewTuple(int64(1))
		}
		return pickle.NewTuple(apart(depth-1), apart(depth-1))
	}
	const depth = 10
	for range depth {
		shared = pickle.NewTuple(shared, shared)
	}
	for _, pair := range [][2]any{{shared, apart(depth)}, {apart(depth), shared}} {
		r := newRig(t, Options{})
		d := r.create("dict", must(pickle.NewDict())("a", "b"))
		before := r.s.objects[d].bytes
		r.get(d, "__setitem__", pair[0], "value")
		want(t, "value", r.get(d, "pop", pair[1]), "value")
		if bytes := r.s.objects[d].bytes; bytes != before {
			t.Errorf("%d bytes, before it were %d", bytes, before)
		}
	}
}

// TestKeysWeighTheSame removes items by keys that are equal and are not the same.
func TestKeysWeighTheSame(t *testing.T) {
	keys := [][2]any{
		{int64(1), true}, {int64(1), 1.0}, {true, complex(1, 0)}, {bigInt("0x10000000000000000"), math.Ldexp(1, 64)}, {int64(0), math.Copysign(0, -1)},
		{pickle.NewTuple(int64(1), "x"), pickle.NewTuple(true, "x")}, {pickle.NewTuple(1.0), pickle.NewTuple(int64(1))},
		{&pickle.Range{Start: int64(0), Stop: int64(3), Step: int64(2)}, &pickle.Range{Start: int64(0), Stop: int64(4), Step: int64(2)}},
	}
	for _, pair := range keys {
		for i := range pair {
			r := newRig(t, Options{})
			d := r.create("dict")
			r.get(d, "__setitem__", pair[i], "value")
			want(t, "Len", r.get(d, "__len__"), int64(1))
			r.get(d, "__delitem__", pair[1-i])
			if bytes := r.s.objects[d].bytes; bytes != 0 {
				t.Errorf("%s, %s: %d bytes of nothing", pickle.Repr(pair[i]), pickle.Repr(pair[1-i]), bytes)
			}
		}
	}
}

// TestNoWeightIsLost does random things to objects and compares their bytes with a new weighing.
func TestNoWeightIsLost(t *testing.T) {
	m := &mirror{t: nil, r: rand.New(rand.NewPCG(seed(t), 0)), s: New(Options{}), seen: map[string]int{}, iterated: map[int]bool{}}
	m.t = t
	for i := range 8_000 {
		m.step()
		total := int64(0)
		for _, sh := range m.s.objects {
			total += sh.bytes
			switch sh.obj.(type) {
			case *list, *dict:
				if fresh := weighAll(sh.obj); fresh != sh.bytes && i%10 == 0 {
					t.Fatalf("step %d: %s %s has %d bytes, weighs %d: %s", i, sh.kind.typeid, sh.ident, sh.bytes, fresh, fmt.Sprint(pickle.Repr(sh.obj.value())))
				}
			case *array:
				if got := int64(len(sh.obj.(*array).data)); got != sh.bytes {
					t.Fatalf("step %d: an array of %d bytes is counted as %d", i, got, sh.bytes)
				}
			}
		}
		if total != m.s.bytes {
			t.Fatalf("step %d: %d bytes in all, their sum is %d", i, m.s.bytes, total)
		}
	}
}
