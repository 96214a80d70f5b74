package manager_test

import (
	"context"
	"errors"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/manager"
	"github.com/multiproc-go/multiproc/pickle"
)

func TestDict(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		d := must(manager.NewDict[string, int](ctx, c))(t)
		ok(t, d.Set(ctx, "a", 1))
		ok(t, d.Set(ctx, "b", -70000))
		if v := must(d.Get(ctx, "b"))(t); v != -70000 {
			t.Errorf("b is %d", v)
		}
		_, err := d.Get(ctx, "c")
		fails(t, err, manager.ErrKey)
		var e *manager.Exception
		if !errors.As(err, &e) || e.Name != "KeyError" || !reflect.DeepEqual(e.Args, []any{"c"}) {
			t.Errorf("the exception is %#v", e)
		}
		if _, found, err := d.Lookup(ctx, "c"); found || err != nil {
			t.Errorf("Lookup of a missing key: %v, %v", found, err)
		}
		if v, found, err := d.Lookup(ctx, "a"); v != 1 || !found || err != nil {
			t.Errorf("Lookup: %v, %v, %v", v, found, err)
		}
		if got := must(d.SetDefault(ctx, "a", 7))(t); got != 1 {
			t.Errorf("SetDefault of a key that is there: %d", got)
		}
		if got := must(d.SetDefault(ctx, "c", 7))(t); got != 7 {
			t.Errorf("SetDefault: %d", got)
		}
		ok(t, d.SetAll(ctx, manager.Item[string, int]{"d", 4}, manager.Item[string, int]{"a", 10}))
		ok(t, d.SetMap(ctx, map[string]int{"d": 4, "c": 7}))
		if got := must(d.Keys(ctx))(t); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
			t.Errorf("keys: %v", got)
		}
		if got := must(d.Values(ctx))(t); !slices.Equal(got, []int{10, -70000, 7, 4}) {
			t.Errorf("values: %v", got)
		}
		var seen []manager.Item[string, int]
		for item, err := range d.All(ctx) {
			ok(t, err)
			seen = append(seen, item)
		}
		if want := must(d.Items(ctx))(t); !slices.Equal(seen, want) || len(seen) != 4 || seen[0] != (manager.Item[string, int]{"a", 10}) {
			t.Errorf("items: %v and %v", seen, want)
		}
		if got := must(d.Map(ctx))(t); len(got) != 4 || got["d"] != 4 {
			t.Errorf("map: %v", got)
		}
		if got := must(d.Repr(ctx))(t); got != "{'a': 10, 'b': -70000, 'c': 7, 'd': 4}" {
			t.Errorf("repr: %s", got)
		}
		if !must(d.Contains(ctx, "d"))(t) || must(d.Contains(ctx, "e"))(t) {
			t.Error("Contains is wrong")
		}
		if got := must(d.Pop(ctx, "a"))(t); got != 10 {
			t.Errorf("Pop: %d", got)
		}
		if got := must(d.PopItem(ctx))(t); got != (manager.Item[string, int]{"d", 4}) {
			t.Errorf("PopItem: %v", got)
		}
		ok(t, d.Delete(ctx, "b"))
		fails(t, d.Delete(ctx, "b"), manager.ErrKey)
		if n := must(d.Len(ctx))(t); n != 1 {
			t.Errorf("Len: %d", n)
		}
		ok(t, d.Clear(ctx))
		_, err = d.PopItem(ctx)
		fails(t, err, manager.ErrKey)
		made := must(manager.NewDict(ctx, c, manager.Item[int, string]{2, "two"}, manager.Item[int, string]{1, "one"}))(t)
		if got := must(made.Repr(ctx))(t); got != "{2: 'two', 1: 'one'}" {
			t.Errorf("repr: %s", got)
		}
	})
}

func TestList(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		l := must(manager.NewList(ctx, c, 3, 1, 2))(t)
		ok(t, l.Append(ctx, 5))
		ok(t, l.Extend(ctx, 4, 5))
		ok(t, l.Insert(ctx, 0, 9))
		want := func(want ...int) {
			t.Helper()
			if got := must(l.Values(ctx))(t); !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		}
		want(9, 3, 1, 2, 5, 4, 5)
		if got := must(l.At(ctx, -1))(t); got != 5 {
			t.Errorf("the last is %d", got)
		}
		ok(t, l.SetAt(ctx, 0, 8))
		ok(t, l.Remove(ctx, 5))
		fails(t, l.Remove(ctx, 77), manager.ErrValue)
		want(8, 3, 1, 2, 4, 5)
		ok(t, l.Sort(ctx))
		want(1, 2, 3, 4, 5, 8)
		ok(t, l.SortDescending(ctx))
		want(8, 5, 4, 3, 2, 1)
		ok(t, l.Reverse(ctx))
		if got := must(l.Pop(ctx))(t); got != 8 {
			t.Errorf("Pop: %d", got)
		}
		if got := must(l.PopAt(ctx, 1))(t); got != 2 {
			t.Errorf("PopAt: %d", got)
		}
		want(1, 3, 4, 5)
		if got := must(l.Slice(ctx, 1, -1))(t); !slices.Equal(got, []int{3, 4}) {
			t.Errorf("Slice: %v", got)
		}
		ok(t, l.SetSlice(ctx, 1, 3, 7, 7, 7))
		want(1, 7, 7, 7, 5)
		ok(t, l.DeleteSlice(ctx, 0, 2))
		ok(t, l.Delete(ctx, -1))
		want(7, 7)
		if n := must(l.Count(ctx, 7))(t); n != 2 {
			t.Errorf("Count: %d", n)
		}
		if i := must(l.Index(ctx, 7))(t); i != 0 {
			t.Errorf("Index: %d", i)
		}
		_, err := l.Index(ctx, 1)
		fails(t, err, manager.ErrValue)
		_, err = l.At(ctx, 2)
		fails(t, err, manager.ErrIndex)
		if !must(l.Contains(ctx, 7))(t) || must(l.Contains(ctx, 8))(t) {
			t.Error("Contains is wrong")
		}
		ok(t, l.Clear(ctx))
		if n := must(l.Len(ctx))(t); n != 0 {
			t.Errorf("Len: %d", n)
		}
		_, err = l.Pop(ctx)
		fails(t, err, manager.ErrIndex)
	})
}

func TestListAll(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		for _, n := range []int{0, 1, 255, 256, 257, 1000} {
			numbers := make([]int, n)
			for i := range numbers {
				numbers[i] = i
			}
			l := must(manager.NewList(ctx, c, numbers...))(t)
			var got []int
			for v, err := range l.All(ctx) {
				ok(t, err)
				got = append(got, v)
			}
			if !slices.Equal(got, numbers) {
				t.Errorf("of %d there were %d", n, len(got))
			}
			for v := range l.All(ctx) {
				if v != 0 {
					t.Errorf("the loop went on to %d", v)
				}
				break
			}
			ok(t, l.Close())
			last := error(nil)
			for _, err := range l.All(ctx) {
				if last != nil {
					t.Error("there was something after an error")
				}
				last = err
			}
			fails(t, last, manager.ErrClosed)
		}
	})
}

func TestNamespaceValueArray(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		n := must(manager.NewNamespace(ctx, c))(t)
		ok(t, n.Set(ctx, "x", 1.5))
		ok(t, n.Set(ctx, "names", []string{"a", "b"}))
		if v := must(n.Get(ctx, "x"))(t); v != 1.5 {
			t.Errorf("x is %v", v)
		}
		var names []string
		ok(t, n.Load(ctx, "names", &names))
		if !slices.Equal(names, []string{"a", "b"}) {
			t.Errorf("names are %v", names)
		}
		if got := must(n.Repr(ctx))(t); got != "Namespace(names=['a', 'b'], x=1.5)" {
			t.Errorf("repr: %s", got)
		}
		ok(t, n.Delete(ctx, "x"))
		_, err := n.Get(ctx, "x")
		fails(t, err, manager.ErrAttribute)
		fails(t, n.Delete(ctx, "x"), manager.ErrAttribute)

		v := must(manager.NewValue(ctx, c, int32(7)))(t)
		ok(t, v.Set(ctx, -8))
		if got := must(v.Get(ctx))(t); got != -8 {
			t.Errorf("the value is %d", got)
		}
		if got := must(v.Repr(ctx))(t); got != "Value('i', -8)" {
			t.Errorf("repr: %s", got)
		}
		texts := must(manager.NewValue(ctx, c, map[string]int{"a": 1}))(t)
		if got := must(texts.Get(ctx))(t); !reflect.DeepEqual(got, map[string]int{"a": 1}) {
			t.Errorf("the value is %v", got)
		}

		a := must(manager.NewArray(ctx, c, 1, 2, 3))(t)
		ok(t, a.SetAt(ctx, -1, 1<<40))
		ok(t, a.SetSlice(ctx, 0, -5, -6))
		if got := must(a.Values(ctx))(t); !slices.Equal(got, []int{-5, -6, 1 << 40}) {
			t.Errorf("the array is %v", got)
		}
		fails(t, a.SetSlice(ctx, 2, 1, 1), manager.ErrIndex)
		if got := must(a.Slice(ctx, 1, 9))(t); !slices.Equal(got, []int{-6, 1 << 40}) {
			t.Errorf("Slice: %v", got)
		}
		if n := must(a.Len(ctx))(t); n != 3 {
			t.Errorf("Len: %d", n)
		}
		if got := must(a.At(ctx, 1))(t); got != -6 {
			t.Errorf("At: %d", got)
		}
		_, err = a.At(ctx, 3)
		fails(t, err, manager.ErrIndex)
		if got := must(a.Repr(ctx))(t); got != "array('q', [-5, -6, 1099511627776])" {
			t.Errorf("repr: %s", got)
		}
		floats := must(manager.NewArray(ctx, c, float32(0.5), 2))(t)
		sum := float32(0)
		for f, err := range floats.All(ctx) {
			ok(t, err)
			sum += f
		}
		if sum != 2.5 {
			t.Errorf("the sum is %v", sum)
		}
	})
}

// TestValues sends one value of each kind there and back.
func TestValues(t *testing.T) {
	long := strings.Repeat("long ", 20_000)
	values := []any{
		nil, true, false, int64(0), int64(255), int64(256), int64(65535), int64(65536), int64(-1), int64(math.MinInt32),
		int64(math.MaxInt64), int64(math.MinInt64), new(big.Int).Lsh(big.NewInt(1), 100), 0.0, -2.5, math.Inf(1),
		"", "a", "héllo, 世界", strings.Repeat("x", 255), strings.Repeat("x", 256), long,
		pickle.Bytes(""), pickle.Bytes("\x00\xff"), complex(1, -2),
		pickle.NewTuple(), pickle.NewTuple(int64(1), "a", nil, true, 2.5), pickle.NewList(int64(1), pickle.NewList()),
		&pickle.Slice{Start: int64(1), Stop: nil, Step: int64(-1)},
	}
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		l := must(manager.NewList[any](ctx, c))(t)
		for i, v := range values {
			ok(t, l.Append(ctx, v))
			got := must(l.At(ctx, i))(t)
			if same, err := pickle.Equal(got, v); !same || err != nil || pickle.TypeName(got) != pickle.TypeName(v) {
				t.Errorf("sent %.40s, got %.40s (%v)", pickle.Repr(v), pickle.Repr(got), err)
			}
		}
		nan := must(manager.NewValue(ctx, c, math.NaN()))(t)
		if got := must(nan.Get(ctx))(t); got == got {
			t.Errorf("sent a nan, got %v", got)
		}
		if n := must(l.Len(ctx))(t); n != len(values) {
			t.Errorf("%d values of %d", n, len(values))
		}
	})
}

type point struct {
	X, Y  int
	Names []string `pickle:"names"`
}

func TestGoTypes(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		d := must(manager.NewDict[string, point](ctx, c))(t)
		p := point{1, 2, []string{"a"}}
		ok(t, d.Set(ctx, "p", p))
		if got := must(d.Get(ctx, "p"))(t); !reflect.DeepEqual(got, p) {
			t.Errorf("got %v", got)
		}
		if got := must(d.Repr(ctx))(t); got != "{'p': {'X': 1, 'Y': 2, 'names': ['a']}}" {
			t.Errorf("repr: %s", got)
		}
		// Others may put in what does not fit.
		untyped := must(manager.AsDict[string, any](must(d.Client().Create(ctx, "dict"))(t)))(t)
		ok(t, untyped.Set(ctx, "n", "no number"))
	})
}
