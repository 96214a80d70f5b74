package manager_test

import (
	"context"
	"errors"
	"math/big"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
	"github.com/multiproc-go/multiproc/pickle"
)

func TestNested(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		d := must(manager.NewDict[string, *manager.List[int]](ctx, c))(t)
		l := must(manager.NewList(ctx, c, 1))(t)
		ok(t, d.Set(ctx, "l", l))
		// What came out is the list itself.
		got := must(d.Get(ctx, "l"))(t)
		ok(t, got.Append(ctx, 2))
		if !got.Same(l) || got.Same(d) {
			t.Errorf("%v is not %v", got, l)
		}
		if values := must(l.Values(ctx))(t); !slices.Equal(values, []int{1, 2}) {
			t.Errorf("the list is %v", values)
		}
		// It outlives its maker's proxy, and its place in the dict.
		ok(t, l.Close())
		ok(t, d.Delete(ctx, "l"))
		ok(t, got.Append(ctx, 3))
		if n := must(got.Len(ctx))(t); n != 3 {
			t.Errorf("Len: %d", n)
		}

		// Deeper, and untyped.
		ns := must(manager.NewNamespace(ctx, c))(t)
		ok(t, ns.Set(ctx, "parts", []any{d, map[string]any{"l": got}}))
		raw := must(ns.Get(ctx, "parts"))(t).(*pickle.List)
		p, isProxy := raw.Items[0].(*manager.Proxy)
		if !isProxy || p.TypeID() != "dict" || p.PyType() != "DictProxy" {
			t.Fatalf("in the list is a %T", raw.Items[0])
		}
		var typed []map[string]*manager.List[int]
		ok(t, ns.Set(ctx, "typed", []map[string]*manager.List[int]{{"l": got}, nil}))
		ok(t, ns.Load(ctx, "typed", &typed))
		if len(typed) != 2 || typed[1] != nil || !typed[0]["l"].Same(got) {
			t.Fatalf("typed: %v", typed)
		}
		ok(t, typed[0]["l"].Append(ctx, 4))
		back := must(manager.AsDict[string, *manager.List[int]](p))(t)
		ok(t, back.Set(ctx, "again", typed[0]["l"]))
		if n := must(must(d.Get(ctx, "again"))(t).Len(ctx))(t); n != 4 {
			t.Errorf("Len: %d", n)
		}

		// A proxy of another type does not pass for it.
		wrong := must(manager.AsDict[string, *manager.Dict[string, int]](p))(t)
		_, err := wrong.Get(ctx, "again")
		fails(t, err, manager.ErrHandle)
		_, err = manager.AsList[int](p)
		fails(t, err, manager.ErrHandle)
		values := must(manager.NewDict[string, any](ctx, c))(t)
		for _, none := range []any{(*manager.List[int])(nil), (*manager.Proxy)(nil)} {
			ok(t, values.Set(ctx, "nil", none))
			if v := must(values.Get(ctx, "nil"))(t); v != nil {
				t.Errorf("a nil proxy is %v", v)
			}
		}
	})
}

func TestNestedRepr(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		l := must(manager.NewList[any](ctx, c))(t)
		inner := must(manager.NewList(ctx, c, 1))(t)
		ok(t, l.Append(ctx, inner))
		if got := must(l.Repr(ctx))(t); !strings.HasPrefix(got, "[<ListProxy object, typeid 'list' at 0x") {
			t.Errorf("repr: %s", got)
		}
	})
}

// TestObjects calls objects of classes that a Python program has registered.
func TestObjects(t *testing.T) {
	everyPython(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		if !c.IsPython() {
			t.Error("not a server of Python")
		}
		p := must(c.CreateWith(ctx, "Counter", []any{3}, map[string]any{"step": 2}))(t)
		if got := must(p.Call(ctx, "add"))(t); got != int64(5) {
			t.Errorf("add: %v", got)
		}
		if got := must(p.CallWith(ctx, "add", nil, map[string]any{"n": 10}))(t); got != int64(15) {
			t.Errorf("add: %v", got)
		}
		if got := must(p.Repr(ctx))(t); got != "Counter(15)" {
			t.Errorf("repr: %s", got)
		}
		if !slices.Contains(p.Methods(), "state") {
			t.Errorf("methods: %v", p.Methods())
		}
		var state struct {
			N, Step int
			Raw     []byte   `pickle:"raw"`
			Parts   []any    `pickle:"parts"`
			Big     *big.Int `pickle:"big"`
		}
		graph := must(p.Call(ctx, "state"))(t)
		ok(t, pickle.ToGo(graph, &state))
		if string(state.Raw) != "\x00\xff" || !reflect.DeepEqual(state.Parts, []any{int64(1), 2.5, nil, true}) || state.Big.BitLen() != 81 {
			t.Errorf("state: %+v", state)
		}
		_, err := p.Call(ctx, "fail", "value")
		fails(t, err, manager.ErrValue)
		var e *manager.Exception
		if !errors.As(err, &e) || e.Error() != "manager: ValueError: 'no', 3" {
			t.Errorf("the exception is %v", err)
		}
		_, err = p.Call(ctx, "fail", "own")
		if !errors.As(err, &e) || e.Name != "Own" || e.Module != "__main__" {
			t.Errorf("the exception is %#v", err)
		}
		var refused *manager.RemoteError
		_, err = p.Call(ctx, "missing")
		if !errors.As(err, &refused) || refused.Kind != "#TRACEBACK" || !strings.Contains(err.Error(), "missing") {
			t.Errorf("a method that is not there: %v", err)
		}
		_, err = p.Call(ctx, "lock")
		if !errors.As(err, &refused) || refused.Kind != "#UNSERIALIZABLE" {
			t.Errorf("a result that cannot be sent: %v", err)
		}
		_, err = c.Create(ctx, "Unknown")
		if !errors.As(err, &refused) {
			t.Errorf("a type that is not there: %v", err)
		}

		// What is registered under a name of its own, and always is the same object.
		d := must(manager.AsDict[string, int](must(c.Create(ctx, "the_dict"))(t)))(t)
		again := must(manager.AsDict[string, int](must(c.Create(ctx, "the_dict"))(t)))(t)
		ok(t, d.Set(ctx, "b", 2))
		if got := must(again.Get(ctx, "b"))(t); got != 2 || !again.Same(d) {
			t.Errorf("b is %d", got)
		}
		ok(t, again.Close())
		ok(t, d.Set(ctx, "c", 3))
		l := must(manager.AsList[int](must(c.Create(ctx, "the_list"))(t)))(t)
		ok(t, l.Append(ctx, 3))

		// Its proxy in a container, and back. Python 3.8 itself cannot do this with an AutoProxy.
		if strings.HasSuffix(t.Name(), "3.8") {
			return
		}
		box := must(manager.NewList[*manager.Proxy](ctx, c, p))(t)
		if got := must(must(box.At(ctx, 0))(t).Call(ctx, "add"))(t); got != int64(17) {
			t.Errorf("add: %v", got)
		}
	})
}

// TestIterator makes Python send a proxy of its own accord: the iterator of a dict.
func TestIterator(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		d := must(manager.NewDict(ctx, c, manager.Item[string, int]{"a", 1}, manager.Item[string, int]{"b", 2}))(t)
		it, isProxy := must(d.Call(ctx, "__iter__"))(t).(*manager.Proxy)
		if !isProxy || it.TypeID() != "Iterator" {
			t.Fatalf("__iter__ has returned %v", it)
		}
		for _, want := range []string{"a", "b"} {
			if got := must(it.Call(ctx, "__next__"))(t); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		}
		_, err := it.Call(ctx, "__next__")
		fails(t, err, manager.ErrStopIteration)
	})
}

func TestReferences(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		before := must(c.Objects(ctx))(t)
		lists := must(manager.NewDict[int, *manager.List[int]](ctx, c))(t)
		l := must(manager.NewList[int](ctx, c))(t)
		ok(t, lists.Set(ctx, 1, l))
		var others []*manager.List[int]
		for range 3 {
			others = append(others, must(lists.Get(ctx, 1))(t))
		}
		if n := must(c.Objects(ctx))(t); n != before+2 {
			t.Errorf("%d objects beside %d", n, before)
		}
		if text := must(c.Debug(ctx))(t); strings.Count(text, "refcount=1") < 2 {
			t.Errorf("three proxies of one object in one process are not one reference:\n%s", text)
		}
		ok(t, l.Close())
		ok(t, l.Close())
		_, err := l.Len(ctx)
		fails(t, err, manager.ErrClosed)
		if n := must(others[0].Len(ctx))(t); n != 0 {
			t.Errorf("Len: %d", n)
		}
		for _, other := range others {
			ok(t, other.Close())
		}
		ok(t, lists.Close())
		if n := must(c.Objects(ctx))(t); n != before {
			t.Errorf("%d objects are left, %d were there before", n, before)
		}
	})
}

// TestGarbage drops a proxy without Close.
func TestGarbage(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		before := must(c.Objects(ctx))(t)
		func() {
			l := must(manager.NewList[int](ctx, c))(t)
			ok(t, l.Append(ctx, 1))
		}()
		for must(c.Objects(ctx))(t) != before {
			runtime.GC()
			if ctx.Err() != nil {
				t.Fatal("the reference was not given back")
			}
		}
	})
}

func TestZero(t *testing.T) {
	ctx := modetest.Patient(t)
	var (
		d manager.Dict[string, int]
		p manager.Proxy
		c manager.Client
	)
	_, err := d.Get(ctx, "a")
	fails(t, err, manager.ErrHandle)
	_, err = p.Call(ctx, "x")
	fails(t, err, manager.ErrHandle)
	fails(t, d.Set(ctx, "a", 1), manager.ErrHandle)
	ok(t, d.Close())
	ok(t, c.Close())
	for _, v := range []interface{ String() string }{&d, &p, &c} {
		if !strings.HasPrefix(v.String(), "manager: no ") {
			t.Errorf("%T: %s", v, v)
		}
	}
	_, err = p.MarshalBinary()
	fails(t, err, manager.ErrHandle)
	_, err = manager.AsDict[string, int](nil)
	fails(t, err, manager.ErrHandle)
	_, err = manager.AsDict[string, int](&p)
	fails(t, err, manager.ErrHandle)
	fails(t, p.UnmarshalBinary([]byte("nonsense")), manager.ErrHandle)
	fails(t, p.UnmarshalBinary(nil), manager.ErrHandle)
	fails(t, c.UnmarshalBinary([]byte{0x80, 4, ')', '.'}), manager.ErrHandle)
}
