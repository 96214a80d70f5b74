package pickle_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/pickle"
)

// TestDictAgainstModel does random things to a Dict, a Set and a slice of pairs, and compares them all the time.
func TestDictAgainstModel(t *testing.T) {
	type item struct{ key, value int64 }
	r := rand.New(rand.NewPCG(seed(t), 1))
	for range 30 {
		var model []item
		d, s := pickle.NewDict(), pickle.NewSet(false)
		keys := int64(1 + r.IntN(200))
		find := func(key int64) int { return slices.IndexFunc(model, func(it item) bool { return it.key == key }) }
		for step := range 1000 {
			key, value := r.Int64N(keys), int64(step)
			at := find(key)
			switch r.IntN(8) {
			case 0, 1, 2:
				must(t, d.Set(asKey(r, key), value))
				added, err := s.Add(asKey(r, key))
				if must(t, err); added != (at < 0) {
					t.Fatalf("Add(%d): %v", key, added)
				}
				if at < 0 {
					model = append(model, item{key, value})
				} else {
					model[at].value = value
				}
			case 3:
				v, ok, err := d.Delete(asKey(r, key))
				if must(t, err); ok != (at >= 0) || ok && v != model[at].value {
					t.Fatalf("Delete(%d): %v, %v", key, v, ok)
				}
				removed, err := s.Remove(asKey(r, key))
				if must(t, err); removed != ok {
					t.Fatalf("Remove(%d): %v", key, removed)
				}
				if ok {
					model = slices.Delete(model, at, at+1)
				}
			case 4: // as a stack
				k, _, ok := d.Last()
				if e, okSet := s.Last(); ok != (len(model) > 0) || ok != okSet || ok && !same(t, k, model[len(model)-1].key) || ok && !same(t, e, k) {
					t.Fatalf("Last: %v, %v", k, e)
				}
				if ok {
					remove(t, d, s, k)
					model = model[:len(model)-1]
				}
			case 5: // as a queue
				k, _, _, ok := d.At(0)
				if e, _, okSet := s.At(0); ok != (len(model) > 0) || ok != okSet || ok && !same(t, k, model[0].key) || ok && !same(t, e, k) {
					t.Fatalf("At(0): %v, %v", k, e)
				}
				if ok {
					remove(t, d, s, k)
					model = model[1:]
				}
			case 6:
				v, ok, err := d.Get(asKey(r, key))
				if must(t, err); ok != (at >= 0) || ok && v != model[at].value {
					t.Fatalf("Get(%d): %v, %v", key, v, ok)
				}
				has, err := s.Has(asKey(r, key))
				if must(t, err); has != ok {
					t.Fatalf("Has(%d): %v", key, has)
				}
			case 7:
				switch r.IntN(20) {
				case 0:
					d.Clear()
					s.Clear()
					model = nil
				case 1:
					d, s = d.Copy(), s.Copy()
				}
			}
			if d.Len() != len(model) || s.Len() != len(model) {
				t.Fatalf("%d and %d items, want %d", d.Len(), s.Len(), len(model))
			}
		}
		i := 0
		for k, v := range d.All() {
			if !same(t, k, model[i].key) || v != model[i].value {
				t.Fatalf("item %d is %v: %v, want %v", i, k, v, model[i])
			}
			i++
		}
		pos := 0
		for range model {
			i--
			_, next, ok := s.At(pos)
			if pos = next; !ok {
				t.Fatal("the walk ends early")
			}
		}
		if _, _, ok := s.At(pos); ok || i != 0 {
			t.Error("the walk does not end")
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, a, b any) bool {
	t.Helper()
	equal, err := pickle.Equal(a, b)
	must(t, err)
	return equal
}

func remove(t *testing.T, d *pickle.Dict, s *pickle.Set, key any) {
	t.Helper()
	_, ok, err := d.Delete(key)
	if must(t, err); !ok {
		t.Fatalf("Delete(%v): not there", key)
	}
	removed, err := s.Remove(key)
	if must(t, err); !removed {
		t.Fatalf("Remove(%v): not there", key)
	}
}

// asKey is key in one of the forms that are equal in Python.
func asKey(r *rand.Rand, key int64) any {
	switch r.IntN(5) {
	case 0:
		return float64(key)
	case 1:
		return complex(float64(key), math.Copysign(0, -1))
	case 2:
		return big.NewInt(key)
	case 3:
		if key < 2 {
			return key == 1
		}
	}
	return key
}

func TestKeys(t *testing.T) {
	d := pickle.NewDict()
	nan := any(math.NaN())
	huge := new(big.Int).Lsh(big.NewInt(1), 1000)
	set := func(items ...any) *pickle.Set {
		s := pickle.NewSet(true)
		for _, item := range items {
			_, err := s.Add(item)
			must(t, err)
		}
		return s
	}
	for i, keys := range [][]any{ // of each line all are one key
		{nil},
		{int64(1), 1.0, true, complex(1, 0)},
		{int64(0), math.Copysign(0, -1), false, complex(0, math.Copysign(0, -1))},
		{huge, math.Ldexp(1, 1000)},
		{new(big.Int).Add(huge, big.NewInt(1))},
		{"1"}, {pickle.Bytes("1")}, {""}, {pickle.Bytes("")}, {"\xed\xa0\x80"},
		{nan},
		{math.Inf(1), complex(math.Inf(1), 0)},
		{pickle.NewTuple(), &pickle.Tuple{}},
		{pickle.NewTuple(int64(1), "a"), pickle.NewTuple(1.0, "a"), pickle.NewTuple(true, "a")},
		{pickle.NewTuple(pickle.NewTuple(int64(1), "a"))},
		{set(), pickle.NewSet(true)},
		{set(int64(1), int64(2)), set(2.0, true)},
		{pickle.NewTuple(set(int64(1)), nan)},
		{&pickle.Slice{Stop: int64(1)}, &pickle.Slice{Stop: true}},
		{&pickle.Range{Start: int64(0), Stop: int64(3), Step: int64(2)}, &pickle.Range{Start: int64(0), Stop: int64(4), Step: int64(2)}},
		{&pickle.Range{Start: int64(0), Stop: int64(0), Step: int64(1)}, &pickle.Range{Start: int64(5), Stop: int64(5), Step: int64(2)}},
		{&pickle.Global{Module: "builtins", Name: "int"}, &pickle.Global{Module: "builtins", Name: "int"}},
		{pickle.NewException("m", "C", int64(1)), pickle.NewException("m", "C", 1.0)},
		{pickle.NewException("m", "C", pickle.NewList(int64(1)))},
		{pickle.NewException("m", "C")},
	} {
		for _, key := range keys {
			must(t, d.Set(key, i))
		}
		if d.Len() != i+1 {
			t.Errorf("after %s there are %d keys, want %d", pickle.Repr(keys[0]), d.Len(), i+1)
		}
		for _, key := range keys {
			if v, ok, err := d.Get(key); v != i || !ok || err != nil {
				t.Errorf("%s: %v, %v, %v", pickle.Repr(key), v, ok, err)
			}
		}
	}
	if _, ok, err := d.Get(math.NaN()); ok || err != nil {
		t.Error("another nan is the same key", err)
	}
	for _, c := range []struct {
		key  any
		name string
	}{
		{pickle.NewList(), "list"},
		{pickle.NewDict(), "dict"},
		{pickle.NewSet(false), "set"},
		{&pickle.ByteArray{}, "bytearray"},
		{pickle.NewTuple(int64(1), pickle.NewList()), "list"},
		{&pickle.Slice{Start: pickle.NewList()}, "list"},
		{struct{}{}, "struct {}"},
	} {
		err := d.Set(c.key, nil)
		var unhashable *pickle.UnhashableError
		if !errors.As(err, &unhashable) || err.Error() != "unhashable type: '"+c.name+"'" {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	self := pickle.NewTuple(nil)
	self.Items[0] = self
	wantDepth(t, d.Set(self, nil))
	self.Items = []any{self, self}
	wantDepth(t, d.Set(self, nil))
	var deep any
	for range 2000 {
		deep = pickle.NewTuple(deep)
	}
	wantDepth(t, d.Set(deep, nil))
}

// TestCollisions has keys that cannot be told apart by their hashes.
func TestCollisions(t *testing.T) {
	const count = 300
	s := alike(t, 0, count)
	hashes := map[uint64]bool{}
	for item := range s.All() {
		hashes[pickle.Outline(item)] = true
		if has, err := s.Has(item); !has || err != nil {
			t.Errorf("%s is not there: %v", pickle.Repr(item), err)
		}
	}
	if len(hashes) != 1 {
		t.Errorf("%d hashes: the instances are not alike, and nothing is tested", len(hashes))
	}
	// The same instances again, with other identities.
	again := alike(t, 0, count)
	for item := range again.All() {
		if has, err := s.Has(item); !has || err != nil {
			t.Errorf("%s is not there: %v", pickle.Repr(item), err)
		}
	}
	if !same(t, s, again) {
		t.Error("not equal")
	}
	for item := range again.All() {
		if removed, err := s.Remove(item); !removed || err != nil {
			t.Errorf("%s was not removed: %v", pickle.Repr(item), err)
		}
	}
	if s.Len() != 0 {
		t.Errorf("%d are left", s.Len())
	}
}

// alike is a set of instances that differ deep inside only, as a set has them that was pickled.
func alike(t *testing.T, from, count int) *pickle.Set {
	t.Helper()
	var data strings.Builder
	data.WriteString("\x8f(")
	for i := range count {
		fmt.Fprintf(&data, "cm\nC\n)\x81]]]]I%d\naaaab", from+i)
	}
	data.WriteString("\x90.")
	s, ok := decode(t, text("instances"), []byte(data.String())).(*pickle.Set)
	if !ok || s.Len() != count {
		t.Fatalf("%d elements", s.Len())
	}
	return s
}

// TestManyCollisions: a set may have many that look alike. To look among them has an end, and others are no slower.
func TestManyCollisions(t *testing.T) {
	s, other := alike(t, 0, 3000), alike(t, 3000, 1)
	key, _ := other.Last()
	_, err := s.Has(key)
	wantLimit(t, err, "Work")
	added, err := s.Add(key)
	if wantLimit(t, err, "Work"); added || s.Len() != 3000 {
		t.Errorf("%v, %d elements", added, s.Len())
	}
	first, _, _ := s.At(0)
	if has, err := s.Has(first); !has || err != nil {
		t.Errorf("the first: %v, %v", has, err)
	}
	for i := range int64(100_000) { // a walk through all for each would be hours
		if added, err := s.Add(i); !added || err != nil {
			t.Fatal(i, added, err)
		}
	}
	// Those that come and go leave nothing behind.
	few := alike(t, 0, 40)
	for range 10_000 { // a tenth of them would be too many to look among
		added, err := few.Add(key)
		must(t, err)
		removed, err := few.Remove(key)
		if must(t, err); !added || !removed {
			t.Fatal(added, removed)
		}
	}
}

// TestObjectsAsKeys: in a pickle two instances are two keys, as they were in Python; afterwards equal ones are one.
func TestObjectsAsKeys(t *testing.T) {
	data := "}(cm\nC\n)\x81K\x01cm\nC\n)\x81K\x02cm\nC\n)\x81}Vx\nK\x01sbK\x03u." // {C(): 1, C(): 2, C(x=1): 3}
	d := decode(t, text("dict"), []byte(data)).(*pickle.Dict)
	if d.Len() != 3 {
		t.Fatalf("%d items", d.Len())
	}
	again, err := pickle.Append(nil, d, 2)
	must(t, err)
	if n := decode(t, text("again"), again).(*pickle.Dict).Len(); n != 3 {
		t.Errorf("%d items after encoding", n)
	}
	c := &pickle.Object{How: pickle.ByNew, Callable: &pickle.Global{Module: "m", Name: "C"}, Args: pickle.NewTuple()}
	if v, ok, err := d.Get(c); v != int64(1) || !ok || err != nil {
		t.Errorf("%v, %v, %v", v, ok, err)
	}
	state := pickle.NewDict()
	must(t, state.Set("x", true))
	c.State, c.HasState = state, true
	if v, ok, err := d.Get(c); v != int64(3) || !ok || err != nil {
		t.Errorf("%v, %v, %v", v, ok, err)
	}
	// An instance that is a key in its own state has its final hash all the same.
	data = "cm\nC\n)\x81q\x00}Vd\n}h\x00K\x05ssb."
	o := decode(t, text("itself"), []byte(data)).(*pickle.Object)
	inner, _, _ := o.State.(*pickle.Dict).Get("d")
	if v, ok, err := inner.(*pickle.Dict).Get(o); v != int64(5) || !ok || err != nil {
		t.Errorf("%v, %v, %v", v, ok, err)
	}
}

// TestEqualIsAsHash holds Hash against Equal for random graphs and what is made of them.
func TestEqualIsAsHash(t *testing.T) {
	start := seed(t)
	equal := 0
	for i := range *countFlag {
		g := generator{Rand: rand.New(rand.NewPCG(start+uint64(i), 2))}
		a, b := g.key(4), g.key(4)
		data, err := pickle.Append(nil, a, i%6)
		must(t, err)
		twin := decode(t, text("twin"), data)
		if !same(t, a, twin) || !same(t, twin, a) {
			t.Errorf("%s is not equal to its twin", pickle.Repr(a))
		}
		for _, pair := range [][2]any{{a, b}, {a, twin}, {b, a}} {
			h1, err := pickle.Hash(pair[0])
			must(t, err)
			h2, err := pickle.Hash(pair[1])
			must(t, err)
			if same(t, pair[0], pair[1]) {
				equal++
				if h1 != h2 {
					t.Errorf("%s and %s are equal and have other hashes", pickle.Repr(pair[0]), pickle.Repr(pair[1]))
				}
			} else if h1 == h2 {
				t.Errorf("%s and %s have one hash", pickle.Repr(pair[0]), pickle.Repr(pair[1]))
			}
		}
	}
	if equal < *countFlag {
		t.Errorf("only %d pairs were equal", equal)
	}
}

func TestEqual(t *testing.T) {
	self := pickle.NewList(nil)
	self.Items[0] = self
	other := pickle.NewList(nil)
	other.Items[0] = other
	if !same(t, self, self) {
		t.Error("a list is not equal to itself")
	}
	_, err := pickle.Equal(self, other)
	wantDepth(t, err)
	if same(t, self, pickle.NewList(pickle.NewList(pickle.NewList()))) {
		t.Error("equal to something flat")
	}
	nan := any(math.NaN())
	if same(t, nan, nan) || !same(t, pickle.NewList(nan), pickle.NewList(nan)) || same(t, pickle.NewList(nan), pickle.NewList(math.NaN())) {
		t.Error("nan")
	}
	// Two values with shared parts: as trees they have 2**60 leaves.
	twin := func(last any) any {
		v := last
		for range 60 {
			v = pickle.NewTuple(v, v)
		}
		return v
	}
	if !same(t, twin(int64(1)), twin(1.0)) || same(t, twin(int64(1)), twin(int64(2))) {
		t.Error("shared parts")
	}
	less, err := pickle.Less(twin(int64(1)), twin(int64(2)))
	if must(t, err); !less {
		t.Error("shared parts are not less")
	}
}
