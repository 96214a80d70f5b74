package state

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/internal/race"
	"github.com/multiproc-go/multiproc/pickle"
)

// TestHostileCalls sends messages in which one large value stands very often. If each time counted, one of the calls
// would take hours or all memory.
func TestHostileCalls(t *testing.T) {
	if race.Enabled {
		t.Skip("NOT RUN under the race detector: it is slow there, and nothing here is concurrent")
	}
	const times = 100_000
	often := func(v any) *pickle.List {
		items := make([]any, times)
		for i := range items {
			items[i] = v
		}
		return &pickle.List{Items: items}
	}
	large := &pickle.Tuple{Items: make([]any, 200_000)}
	text := strings.Repeat("x", 1<<20)
	deep := any(int64(1))
	for range 200 {
		deep = pickle.NewTuple(deep, deep)
	}
	long := &pickle.Range{Start: int64(0), Stop: int64(200_000), Step: int64(1)}
	binary := pickle.Bytes(text)
	numbers := (&array{typecodeOf("i"), []byte(text)}).value()
	half := iterOver(large.Items)
	values := []any{large, text, deep, long, binary, numbers, half, pickle.NewTuple(large, large), pickle.NewList(text, deep), &pickle.List{Items: often(large).Items[:1000]}}
	for _, v := range values {
		start := time.Now()
		what := pickle.TypeName(v)
		same, pairs, keyed := often(v), often(pickle.NewTuple("k", v)), often(pickle.NewTuple(v, "v"))
		r := newRig(t, Options{MaxObjectBytes: 16 << 20})
		l, d, n := r.create("list"), r.create("dict"), r.create("Namespace")
		send := func(c Command) {
			t.Helper()
			c.Client, c.Holder, c.Protocol = 1, 1, 4
			replies, _ := r.s.Apply(1, &c) // without the pickles: decoding such a message has limits of its own
			if len(replies) != 1 || c.Op == Call && !bytes.Contains(replies[0].Data, []byte("#RETURN")) && !bytes.Contains(replies[0].Data, []byte("#ERROR")) {
				t.Errorf("%s: %.300q", what, replies[0].Data)
			}
		}
		call := func(ident, method string, args ...any) {
			t.Helper()
			send(Command{Op: Call, Ident: ident, Method: method, Args: &pickle.Tuple{Items: args}})
		}
		call(l, "extend", same)
		call(l, "__setitem__", &pickle.Slice{}, same)
		call(l, "append", same)
		call(l, "__setitem__", int64(0), same)
		call(l, "__contains__", same)
		call(l, "index", same)
		call(l, "__delitem__", int64(0))
		call(l, "extend", pickle.NewTuple(v, v))
		for _, key := range []any{global("repr"), global("len"), global("str"), &pickle.Object{Callable: &pickle.Global{Module: "operator", Name: "itemgetter"}, Args: pickle.NewTuple(int64(0))}} {
			send(Command{Op: Call, Ident: l, Method: "sort", Kwargs: must(pickle.NewDict())("key", key)})
		}
		call(d, "update", same)
		call(d, "update", pairs)
		call(d, "update", keyed)
		call(d, "__ior__", keyed)
		call(d, "fromkeys", same)
		call(d, "__setitem__", v, v)
		call(d, "pop", v, nil)
		call(n, "__setattr__", "x", same)
		for _, typeid := range []string{"list", "dict", "Iterator", "Array", "Value"} {
			for _, arg := range []any{same, pairs, keyed, v} {
				args := pickle.NewTuple(arg)
				if typeid == "Array" || typeid == "Value" {
					args = pickle.NewTuple("i", arg)
				}
				send(Command{Op: Create, Type: typeid, Args: args})
			}
		}
		t.Logf("%s: %v", what, time.Since(start))
		if limit := r.s.options.MaxBytes; r.s.bytes > limit {
			t.Errorf("%s: %d bytes", what, r.s.bytes)
		}
	}
}

// TestHostileNesting nests objects in each other in a way that makes looking for cycles expensive, and lets them go.
func TestHostileNesting(t *testing.T) {
	r := newRig(t, Options{Grace: 1})
	const objects = 3_000
	idents := make([]string, objects)
	for i := range idents {
		idents[i] = r.create("list")
		if i > 0 {
			r.get(idents[i], "append", r.proxy(idents[i-1]))
			r.get(idents[i-1], "append", r.proxy(idents[i]))
		}
	}
	for _, ident := range idents {
		r.do(Decref, ident)
	}
	for range 10 {
		r.now += 2
		r.event(Tick)
	}
	if n := len(r.s.objects); n != 0 {
		t.Errorf("%d objects are left", n)
	}
}
