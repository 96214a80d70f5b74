package pickle_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/pickle"
)

type Base struct {
	ID     int
	Shadow string
}

type hidden struct{ Seen bool }

type everything struct {
	Base
	*Extra
	hidden
	Bool    bool
	Int8    int8
	Uint64  uint64
	Float   float32
	Complex complex64
	Text    string
	Data    []byte
	Four    [4]byte
	Big     *big.Int
	BigVal  big.Int
	List    []int
	Pair    [2]string
	Map     map[string]int
	Set     map[int]struct{}
	Ptr     *int
	Any     any
	Addr    netip.Addr
	Graph   *pickle.Tuple
	Bytes   pickle.Bytes
	Named   int    `pickle:"renamed"`
	Empty   string `pickle:"empty,omitempty"`
	Shadow  int
	Skipped int `pickle:"-"`
	private int
}

type Extra struct{ More []string }

func TestMarshal(t *testing.T) {
	n := 7
	v := everything{
		Base: Base{1, "hidden by the outer one"}, Extra: &Extra{[]string{"a"}}, hidden: hidden{true},
		Bool: true, Int8: -8, Uint64: math.MaxUint64, Float: 1.5, Complex: 1i, Text: "é", Data: []byte("d"), Four: [4]byte{'f', 'o', 'u', 'r'},
		Big: new(big.Int).Lsh(big.NewInt(1), 70), List: []int{1, 2}, Pair: [2]string{"x", "y"}, Map: map[string]int{"b": 2, "a": 1},
		Set: map[int]struct{}{2: {}, 1: {}}, Ptr: &n, Any: map[any]any{1: "one"}, Addr: netip.MustParseAddr("::1"),
		Graph: pickle.NewTuple(int64(1)), Bytes: "b", Named: 3, Shadow: 4, Skipped: 5, private: 6,
	}
	v.BigVal.SetInt64(9)
	graph, err := pickle.FromGo(v)
	must(t, err)
	want := "{'ID': 1, 'More': ['a'], 'Seen': True, 'Bool': True, 'Int8': -8, 'Uint64': 18446744073709551615, 'Float': 1.5, 'Complex': 1j, " +
		"'Text': 'é', 'Data': b'd', 'Four': b'four', 'Big': 1180591620717411303424, 'BigVal': 9, 'List': [1, 2], 'Pair': ('x', 'y'), " +
		"'Map': {'a': 1, 'b': 2}, 'Set': {1, 2}, 'Ptr': 7, 'Any': {1: 'one'}, 'Addr': '::1', 'Graph': (1,), 'Bytes': b'b', 'renamed': 3, 'Shadow': 4}"
	if got := pickle.Repr(graph); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	data, err := pickle.Marshal(v)
	must(t, err)
	var back everything
	must(t, pickle.Unmarshal(data, &back))
	back.Any, v.Any = nil, nil // a *pickle.Dict now
	v.Skipped, v.private, v.Base.Shadow = 0, 0, ""
	if !same(t, back.Graph, v.Graph) {
		t.Error("Graph")
	}
	back.Graph = v.Graph
	if !reflect.DeepEqual(back, v) {
		t.Errorf("\n got %+v\nwant %+v", back, v)
	}
}

func TestMarshalEach(t *testing.T) {
	var nilMap map[string]int
	for _, c := range []struct {
		v    any
		want string
	}{
		{nil, "None"}, {(*int)(nil), "None"}, {nilMap, "None"}, {[]int(nil), "None"}, {[]byte(nil), "None"}, {[]int{}, "[]"}, {[]byte{}, "b''"},
		{uint8(200), "200"}, {uintptr(1), "1"}, {float32(0.5), "0.5"}, {"\xed\xa0\x80", `'\ud800'`}, {[0]int{}, "()"},
		{map[float64]string{2: "b", 1: "a", -1: "c"}, "{-1.0: 'c', 1.0: 'a', 2.0: 'b'}"},
		{map[[2]int]bool{{1, 2}: true}, "{(1, 2): True}"},
		{map[netip.Addr]int{netip.MustParseAddr("::1"): 1}, "{'::1': 1}"},
		{struct{}{}, "{}"}, {map[string]struct{}{}, "set()"},
		{struct{ V *Base }{&Base{ID: 1}}, "{'V': {'ID': 1, 'Shadow': ''}}"},
		{[]any{1, nil, "a", []any{}}, "[1, None, 'a', []]"},
		{pickle.NewList(int64(1)), "[1]"}, {[]*pickle.List{pickle.NewList()}, "[[]]"},
		{celsius(20), "'20 degrees'"}, {[]celsius{1}, "['1 degrees']"}, {map[string]celsius{"a": 1}, "{'a': '1 degrees'}"},
		{&pointerMarshaler{3}, "(3,)"}, {[]pointerMarshaler{{3}}, "[(3,)]"},
		{*big.NewInt(5), "5"},
	} {
		graph, err := pickle.FromGo(c.v)
		if got := pickle.Repr(graph); got != c.want || err != nil {
			t.Errorf("%#v: %s, %v, want %s", c.v, got, err, c.want)
		}
	}
	type S struct {
		A []map[string]any
	}
	for _, c := range []struct {
		v    any
		want string
	}{
		{make(chan int), "pickle: cannot encode chan int: Python has nothing like it"},
		{S{[]map[string]any{nil, {"k": func() {}}}}, "pickle: cannot encode func() at A.1.k: Python has nothing like it"},
		{"\xff", "pickle: cannot encode string: it is not UTF-8"},
		{map[any]int{nil: 1, pickle.NewList(): 2}, "unhashable type: 'list'"},
		{S{[]map[string]any{{"k": map[any]int{1: 1, 1.0: 1}}}}, "pickle: cannot encode map[interface {}]int at A.0.k.1: two of its keys are one key in Python"},
		{map[any]struct{}{1: {}, 1.0: {}}, "pickle: cannot encode map[interface {}]struct {} at 1: two of its keys are one key in Python"},
		{map[string]badText{"k": {}}, "pickle: cannot encode pickle_test.badText at k: it is not UTF-8"},
	} {
		_, err := pickle.Marshal(c.v)
		if err == nil || err.Error() != c.want {
			t.Errorf("%#v: %v, want %s", c.v, err, c.want)
		}
	}
	var loop []any
	loop = append(loop, &loop)
	loop[0] = loop
	graph, err := pickle.FromGo(loop)
	if got := pickle.Repr(graph); err != nil || got != "[[...]]" {
		t.Errorf("%s, %v", got, err)
	}
}

type celsius int

func (c celsius) MarshalPickle() (any, error) { return pickle.Repr(int64(c)) + " degrees", nil }

func (c *celsius) UnmarshalPickle(graph any) error {
	if graph != "0 degrees" {
		return errors.New("hot")
	}
	*c = -1
	return nil
}

type badText struct{}

func (badText) MarshalText() ([]byte, error) { return []byte{0xff}, nil }

type pointerMarshaler struct{ n int }

func (p *pointerMarshaler) MarshalPickle() (any, error) { return [1]int{p.n}, nil }

// TestMarshalIdentity: what is one value in Go is one object, and the other way round.
func TestMarshalIdentity(t *testing.T) {
	type node struct {
		Name string
		Next *node
		All  []*node
	}
	a := &node{Name: "a"}
	b := &node{Name: "b", Next: a}
	a.Next = b
	a.All = []*node{a, b}
	b.All = a.All
	data, err := pickle.Marshal(a)
	must(t, err)
	var c *node
	must(t, pickle.Unmarshal(data, &c))
	if c.Name != "a" || c.Next.Name != "b" || c.Next.Next != c || c.All[0] != c || c.All[1] != c.Next || &c.All[0] != &c.Next.All[0] {
		t.Errorf("%+v, %+v", c, c.Next)
	}
}

// fleeting is pickled as a map that nobody keeps.
type fleeting int

func (f fleeting) MarshalPickle() (any, error) {
	runtime.GC()
	return map[string]int{"i": int(f)}, nil
}

// TestMarshalFleeting: what one Marshaler returned is not taken for what another returned that lies in the same place.
func TestMarshalFleeting(t *testing.T) {
	list := make([]fleeting, 50)
	for i := range list {
		list[i] = fleeting(i)
	}
	graph, err := pickle.FromGo(list)
	must(t, err)
	for i, item := range graph.(*pickle.List).Items {
		if got := pickle.Repr(item); got != fmt.Sprintf("{'i': %d}", i) {
			t.Fatalf("item %d is %s", i, got)
		}
	}
}

func TestUnmarshalEach(t *testing.T) {
	list := func(items ...any) any { return pickle.NewList(items...) }
	dict := func(items ...any) *pickle.Dict {
		d := pickle.NewDict()
		for i := 0; i < len(items); i += 2 {
			must(t, d.Set(items[i], items[i+1]))
		}
		return d
	}
	five := 5
	instance := &pickle.Object{How: pickle.ByNew, Callable: &pickle.Global{Module: "m", Name: "C"}, State: dict("ID", int64(4)), HasState: true}
	slots := &pickle.Object{How: pickle.ByNew, State: pickle.NewTuple(nil, dict("ID", int64(4))), HasState: true}
	set := pickle.NewSet(true)
	_, err := set.Add(int64(1))
	must(t, err)
	for _, c := range []struct {
		graph any
		dst   any // a pointer to the value before
		want  any
	}{
		{int64(5), new(int), 5}, {int64(5), new(uint8), uint8(5)}, {int64(5), new(float64), 5.0}, {int64(5), new(complex128), 5 + 0i},
		{int64(5), new(*int), &five}, {int64(5), new(any), int64(5)}, {int64(5), new(big.Int), *big.NewInt(5)},
		{1.5, new(float32), float32(1.5)}, {1.5, new(complex64), complex64(1.5)}, {2i, new(complex128), 2i},
		{"a", new(string), "a"}, {pickle.Bytes("a"), new([]byte), []byte("a")}, {&pickle.ByteArray{Data: []byte("a")}, new([1]byte), [1]byte{'a'}},
		{pickle.Bytes("a"), new(pickle.Bytes), pickle.Bytes("a")}, {list(int64(1)), new([]byte), []byte{1}},
		{nil, &five, 5}, {nil, &[]int{1}, []int(nil)}, {nil, new(any), nil},
		{list(int64(1), int64(2)), new([]int), []int{1, 2}}, {pickle.NewTuple("a", "b"), new([2]string), [2]string{"a", "b"}},
		{list(), new([]int), []int{}}, {set, new([]int), []int{1}}, {set, new(map[int]struct{}), map[int]struct{}{1: {}}},
		{dict("a", int64(1)), &map[string]int{"b": 2}, map[string]int{"a": 1}},
		{dict(int64(1), list()), new(map[int]any), map[int]any{1: list()}},
		{dict("ID", int64(1), "other", nil, "Shadow", nil), &Base{2, "s"}, Base{1, "s"}},
		{instance, new(Base), Base{ID: 4}}, {instance, new(map[string]int), map[string]int{"ID": 4}}, {slots, new(Base), Base{ID: 4}},
		{"::1", new(netip.Addr), netip.MustParseAddr("::1")}, {"0 degrees", new(celsius), celsius(-1)},
		{new(big.Int).SetUint64(math.MaxUint64), new(uint64), uint64(math.MaxUint64)},
		{new(big.Int).Lsh(big.NewInt(1), 70), new(float64), math.Ldexp(1, 70)},
		{dict("More", list("x")), &struct{ *Extra }{}, struct{ *Extra }{&Extra{[]string{"x"}}}},
	} {
		err := pickle.ToGo(c.graph, c.dst)
		if got := reflect.ValueOf(c.dst).Elem().Interface(); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s into %T: %#v, %v, want %#v", pickle.Repr(c.graph), c.dst, got, err, c.want)
		}
	}
	type S struct{ A []map[string]int8 }
	for _, c := range []struct {
		graph any
		dst   any
		want  string
	}{
		{int64(300), new(int8), "pickle: cannot unmarshal int 300 into Go int8"},
		{int64(-1), new(uint), "pickle: cannot unmarshal int -1 into Go uint"},
		{new(big.Int).Lsh(big.NewInt(1), 64), new(int64), "pickle: cannot unmarshal int into Go int64"},
		{new(big.Int).Lsh(big.NewInt(1), 1024), new(float64), "pickle: cannot unmarshal int into Go float64"},
		{1e300, new(float32), "pickle: cannot unmarshal float into Go float32"},
		{true, new(int), "pickle: cannot unmarshal bool into Go int"},
		{int64(1), new(bool), "pickle: cannot unmarshal int 1 into Go bool"},
		{"a", new([]byte), "pickle: cannot unmarshal str into Go []uint8"},
		{pickle.Bytes("a"), new(string), "pickle: cannot unmarshal bytes into Go string"},
		{list(int64(1)), new([2]int), "pickle: cannot unmarshal list into Go [2]int"},
		{list(), new(map[string]int), "pickle: cannot unmarshal list into Go map[string]int"},
		{set, new(map[int]int), "pickle: cannot unmarshal frozenset into Go map[int]int"},
		{dict("A", list(nil, dict("k", int64(1000)))), new(S), "pickle: cannot unmarshal int 1000 into Go int8 at A.1.k"},
		{int64(1), nil, "pickle: cannot unmarshal int into Go <nil>, which is no pointer to a value"},
		{int64(1), 5, "pickle: cannot unmarshal int into Go int, which is no pointer to a value"},
		{"x", new(celsius), "hot"},
		{int64(1), new(netip.Addr), "pickle: cannot unmarshal int 1 into Go netip.Addr"},
	} {
		if err := pickle.ToGo(c.graph, c.dst); err == nil || err.Error() != c.want {
			t.Errorf("%s into %T: %v, want %s", pickle.Repr(c.graph), c.dst, err, c.want)
		}
	}
}

// TestUnmarshalShared: a graph with shared parts does not unfold.
func TestUnmarshalShared(t *testing.T) {
	graph := any(pickle.NewList())
	for range 200 {
		graph = pickle.NewList(graph, graph)
	}
	var r recursive
	must(t, pickle.ToGo(graph, &r))
	if len(r) != 2 || &r[0][0] != &r[1][0] {
		t.Error("the parts are not shared")
	}
	back, err := pickle.FromGo(r)
	must(t, err)
	if !same(t, graph, back) {
		t.Error("not equal")
	}
	self := pickle.NewList(nil)
	self.Items[0] = self
	must(t, pickle.ToGo(self, &r))
	if &r[0] != &r[0][0] {
		t.Error("not in itself")
	}
}

// TestUnmarshalIntoPointer: what a pointer points to is set, as in encoding/json, also where others point to it.
func TestUnmarshalIntoPointer(t *testing.T) {
	one, two := &Base{ID: 1, Shadow: "stays"}, &Base{ID: 2}
	dst := struct{ A, B, C *Base }{one, two, nil}
	d, all := pickle.NewDict(), pickle.NewDict()
	must(t, d.Set("ID", int64(7)))
	for _, name := range []string{"A", "B", "C"} {
		must(t, all.Set(name, d))
	}
	must(t, pickle.ToGo(all, &dst))
	if dst.A != one || *one != (Base{7, "stays"}) || dst.B != one || dst.C != one || two.ID != 2 {
		t.Errorf("%+v, %+v, %+v", dst, one, two)
	}
}

func TestEncoderAndDecoder(t *testing.T) {
	var b strings.Builder
	e := pickle.NewEncoder(&b)
	for i := range 100 {
		e.Protocol = i % 6
		must(t, e.Encode(Base{ID: i}))
	}
	d := pickle.NewDecoder(strings.NewReader(b.String()))
	for i := range 100 {
		var v Base
		if err := d.Decode(&v); err != nil || v.ID != i {
			t.Fatalf("%d: %+v, %v", i, v, err)
		}
	}
	if err := d.Decode(new(Base)); err == nil || err.Error() != "EOF" {
		t.Error(err)
	}
}
