package state

import (
	"strconv"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/pickle"
)

// benchmark measures Apply of one Call, reply included. The arguments are not decoded each time, as a server does
// before; prepare makes those of the i-th call.
func benchmark(b *testing.B, typeid string, constructor []any, method string, prepare func(i int, args []any)) {
	s := New(Options{Address: "/tmp/address", Grace: time.Second})
	s.Apply(1, &Command{Op: Create, Type: typeid, Client: 1, Holder: 1, Protocol: 4, Args: &pickle.Tuple{Items: constructor}})
	args := &pickle.Tuple{Items: make([]any, 3)}
	items := args.Items
	c := &Command{Op: Call, Client: 2, Holder: 2, Protocol: 4, Ident: "1", Method: method, Args: args}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		args.Items = items
		for n := range items {
			items[n] = absent
		}
		prepare(i, items)
		for n := range items {
			if items[n] == absent {
				args.Items = items[:n]
				break
			}
		}
		replies, _ := s.Apply(uint64(i), c)
		if len(replies) != 1 || len(replies[0].Data) > 1000 {
			b.Fatal("a wrong reply")
		}
		i++
	}
}

func keys() []any {
	keys := make([]any, 1024)
	for i := range keys {
		keys[i] = "key" + strconv.Itoa(i)
	}
	return keys
}

func filled() []any {
	d := pickle.NewDict()
	for i, key := range keys() {
		_ = d.Set(key, int64(i))
	}
	return []any{d}
}

func BenchmarkDictSetItem(b *testing.B) {
	keys, v := keys(), any(int64(7))
	benchmark(b, "dict", nil, "__setitem__", func(i int, args []any) { args[0], args[1] = keys[i&1023], v })
}

func BenchmarkDictGet(b *testing.B) {
	keys := keys()
	benchmark(b, "dict", filled(), "get", func(i int, args []any) { args[0] = keys[i&1023] })
}

func BenchmarkDictGetItem(b *testing.B) {
	keys := keys()
	benchmark(b, "dict", filled(), "__getitem__", func(i int, args []any) { args[0] = keys[i&1023] })
}

func BenchmarkDictGetMissing(b *testing.B) {
	benchmark(b, "dict", filled(), "__getitem__", func(i int, args []any) { args[0] = "none" })
}

func BenchmarkDictContains(b *testing.B) {
	keys := keys()
	benchmark(b, "dict", filled(), "__contains__", func(i int, args []any) { args[0] = keys[i&1023] })
}

func BenchmarkListAppend(b *testing.B) {
	v := any(int64(7))
	benchmark(b, "list", nil, "append", func(i int, args []any) { args[0] = v })
}

func BenchmarkListGetItem(b *testing.B) {
	benchmark(b, "list", []any{&pickle.List{Items: keys()}}, "__getitem__", func(i int, args []any) { args[0] = int64(i & 255) })
}

func BenchmarkListSetItem(b *testing.B) {
	v := any("value")
	benchmark(b, "list", []any{&pickle.List{Items: keys()}}, "__setitem__", func(i int, args []any) { args[0], args[1] = int64(i&255), v })
}

func BenchmarkListLen(b *testing.B) {
	benchmark(b, "list", []any{&pickle.List{Items: keys()}}, "__len__", func(i int, args []any) {})
}

func BenchmarkValueSet(b *testing.B) {
	v := any(int64(7))
	benchmark(b, "Value", []any{"i", v}, "set", func(i int, args []any) { args[0] = v })
}

func BenchmarkValueGet(b *testing.B) {
	benchmark(b, "Value", []any{"i", int64(7)}, "get", func(i int, args []any) {})
}

func BenchmarkArrayGetItem(b *testing.B) {
	benchmark(b, "Array", []any{"i", &pickle.Range{Start: int64(0), Stop: int64(256), Step: int64(1)}}, "__getitem__", func(i int, args []any) { args[0] = int64(i & 255) })
}

func BenchmarkNamespaceGet(b *testing.B) {
	benchmark(b, "Namespace", nil, "__getattribute__", func(i int, args []any) { args[0] = "__doc__" })
}

// BenchmarkNestedSet puts a small dict into a list: what has others in it is weighed.
func BenchmarkNestedSet(b *testing.B) {
	v := filledSmall()
	benchmark(b, "list", []any{pickle.NewList(nil)}, "__setitem__", func(i int, args []any) { args[0], args[1] = int64(0), v })
}

func filledSmall() any {
	d := pickle.NewDict()
	for i := range 8 {
		_ = d.Set("key"+strconv.Itoa(i), int64(i))
	}
	return d
}

// BenchmarkCreate makes an object and lets it go, as a proxy does: create, incref, decref, decref.
func BenchmarkCreate(b *testing.B) {
	s := New(Options{Address: "/tmp/address"})
	index := uint64(0)
	do := func(c Command) {
		index++
		c.Client, c.Holder, c.Protocol = 1, 1, 4
		s.Apply(index, &c)
	}
	b.ReportAllocs()
	for b.Loop() {
		ident := identOf(s.next)
		do(Command{Op: Create, Type: "dict"})
		do(Command{Op: Incref, Ident: ident})
		do(Command{Op: Decref, Ident: ident})
		do(Command{Op: Decref, Ident: ident})
		if len(s.objects) != 0 {
			b.Fatal("an object is left")
		}
	}
}

// BenchmarkNestedProxies appends a proxy to a list and pops it.
func BenchmarkNestedProxies(b *testing.B) {
	r := newRig(b, Options{})
	outer, inner := r.create("list"), r.create("list")
	v := decode(b, encode(b, r.proxy(inner)))
	args := pickle.NewTuple(v)
	b.ReportAllocs()
	for b.Loop() {
		r.s.Apply(1, &Command{Op: Call, Client: 1, Holder: 1, Protocol: 4, Ident: outer, Method: "append", Args: args})
		r.s.Apply(1, &Command{Op: Call, Client: 1, Holder: 1, Protocol: 4, Ident: outer, Method: "pop"})
	}
}

func BenchmarkSort(b *testing.B) {
	items := make([]any, 10_000)
	x := uint32(1)
	for i := range items {
		x = x*1664525 + 1013904223
		items[i] = int64(x >> 8)
	}
	r := newRig(b, Options{})
	l := r.create("list")
	for b.Loop() {
		r.s.objects[l].obj.(*list).Items = append([]any(nil), items...)
		r.s.Apply(1, &Command{Op: Call, Client: 1, Holder: 1, Protocol: 4, Ident: l, Method: "sort"})
	}
}
