package manager_test

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
)

// TestUpdate has many goroutines and two clients count in one dict, list, and so on.
func TestUpdate(t *testing.T) {
	const workers, rounds = 8, 50
	ctx := modetest.Patient(t)
	c := dialOurs(t, manager.Options{})
	network, address := c.Address()
	clients := []*manager.Client{c, dial(t, network, address, c.Authkey())}

	d := must(manager.NewDict[string, int](ctx, c))(t)
	l := must(manager.NewList(ctx, c, 0))(t)
	v := must(manager.NewValue(ctx, c, 0))(t)
	a := must(manager.NewArray(ctx, c, 0, 0))(t)
	n := must(manager.NewNamespace(ctx, c))(t)
	ok(t, n.Set(ctx, "x", 0))
	all := must(manager.NewList[*manager.Proxy](ctx, c))(t)
	for _, add := range []any{d, l, v, a, n} {
		_, err := all.Call(ctx, "append", add)
		ok(t, err)
	}
	var wait sync.WaitGroup
	for i := range workers {
		proxies := must(must(manager.AsList[*manager.Proxy](viewOf(t, ctx, clients[i%2], all)))(t).Values(ctx))(t)
		d := must(manager.AsDict[string, int](proxies[0]))(t)
		l := must(manager.AsList[int](proxies[1]))(t)
		v := must(manager.AsValue[int](proxies[2]))(t)
		a := must(manager.AsArray[int](proxies[3]))(t)
		n := must(manager.AsNamespace(proxies[4]))(t)
		add := func(old int) (int, error) { return old + 1, nil }
		wait.Go(func() {
			for range rounds {
				_, err1 := d.Update(ctx, "n", func(old int, found bool) (int, error) {
					if !found {
						return 1, nil
					}
					return old + 1, nil
				})
				_, err2 := l.Update(ctx, 0, add)
				_, err3 := v.Update(ctx, add)
				_, err4 := a.Update(ctx, 1, add)
				_, err5 := n.Update(ctx, "x", func(old any) (any, error) { return old.(int64) + 1, nil })
				if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	const want = workers * rounds
	if got := must(d.Get(ctx, "n"))(t); got != want {
		t.Errorf("the dict has %d, want %d", got, want)
	}
	if got := must(l.At(ctx, 0))(t); got != want {
		t.Errorf("the list has %d, want %d", got, want)
	}
	if got := must(v.Get(ctx))(t); got != want {
		t.Errorf("the Value has %d, want %d", got, want)
	}
	if got := must(a.At(ctx, 1))(t); got != want {
		t.Errorf("the array has %d, want %d", got, want)
	}
	if got := must(n.Get(ctx, "x"))(t); got != int64(want) {
		t.Errorf("the namespace has %v, want %d", got, want)
	}
}

// viewOf is a proxy of another client for the same object.
func viewOf(t testing.TB, ctx context.Context, c *manager.Client, o interface{ Ident() string }) *manager.Proxy {
	t.Helper()
	box := must(manager.NewList[any](ctx, c, o))(t)
	return must(box.At(ctx, 0))(t).(*manager.Proxy)
}

func TestCompareAndSwap(t *testing.T) {
	ctx := modetest.Patient(t)
	c := dialOurs(t, manager.Options{})
	check := func(what string, want bool) func(bool, error) {
		return func(got bool, err error) {
			t.Helper()
			if got != want || err != nil {
				t.Errorf("%s: %v, %v", what, got, err)
			}
		}
	}
	d := must(manager.NewDict(ctx, c, manager.Item[string, string]{"a", "old"}))(t)
	check("dict, another value", false)(d.CompareAndSwap(ctx, "a", "older", "new"))
	check("dict", true)(d.CompareAndSwap(ctx, "a", "old", "new"))
	check("dict, once more", false)(d.CompareAndSwap(ctx, "a", "old", "new"))
	check("dict, no key", false)(d.CompareAndSwap(ctx, "b", "old", "new"))
	l := must(manager.NewList(ctx, c, 1))(t)
	check("list", true)(l.CompareAndSwap(ctx, -1, 1, 2))
	check("list, another value", false)(l.CompareAndSwap(ctx, 0, 1, 2))
	_, err := l.CompareAndSwap(ctx, 1, 1, 2)
	fails(t, err, manager.ErrIndex)
	v := must(manager.NewValue(ctx, c, 1.5))(t)
	check("Value", true)(v.CompareAndSwap(ctx, 1.5, 2))
	check("Value, another value", false)(v.CompareAndSwap(ctx, 1.5, 2))
	a := must(manager.NewArray(ctx, c, 1))(t)
	check("array", true)(a.CompareAndSwap(ctx, 0, 1, 2))
	check("array, another value", false)(a.CompareAndSwap(ctx, 0, 1, 2))
	n := must(manager.NewNamespace(ctx, c))(t)
	ok(t, n.Set(ctx, "x", "old"))
	check("namespace", true)(n.CompareAndSwap(ctx, "x", "old", "new"))
	check("namespace, another value", false)(n.CompareAndSwap(ctx, "x", "old", "new"))

	// An error of fn changes nothing.
	stop := errors.New("stop")
	_, err = d.Update(ctx, "a", func(old string, found bool) (string, error) { return "changed", stop })
	fails(t, err, stop)
	if got := must(d.Get(ctx, "a"))(t); got != "new" {
		t.Errorf("a is %q", got)
	}
	_, err = l.Update(ctx, 5, func(old int) (int, error) { return old, nil })
	fails(t, err, manager.ErrIndex)

	// Values that are containers, and proxies.
	deep := must(manager.NewDict[string, map[string][]int](ctx, c))(t)
	for range 3 {
		_, err := deep.Update(ctx, "k", func(old map[string][]int, found bool) (map[string][]int, error) {
			if !found {
				return map[string][]int{"a": {0}}, nil
			}
			old["a"] = append(old["a"], len(old["a"]))
			return old, nil
		})
		ok(t, err)
	}
	if got := must(deep.Repr(ctx))(t); got != "{'k': {'a': [0, 1, 2]}}" {
		t.Errorf("repr: %s", got)
	}
	// A nan is not equal to itself: an Update of one must not go on for ever.
	ok(t, v.Set(ctx, math.NaN()))
	if _, err := v.Update(ctx, func(float64) (float64, error) { return 1, nil }); err == nil {
		if got := must(v.Get(ctx))(t); got != 1 {
			t.Errorf("the value is %v", got)
		}
	}
}

// TestCompareAndSwapProxies: proxies are the same if they name the same object.
func TestCompareAndSwapProxies(t *testing.T) {
	ctx := modetest.Patient(t)
	c := dialOurs(t, manager.Options{})
	l := must(manager.NewList(ctx, c, 1))(t)
	lists := must(manager.NewDict[string, *manager.List[int]](ctx, c))(t)
	second := must(manager.NewList(ctx, c, 5))(t)
	ok(t, lists.Set(ctx, "l", l))
	if swapped, err := lists.CompareAndSwap(ctx, "l", second, l); swapped || err != nil {
		t.Errorf("another proxy: %v, %v", swapped, err)
	}
	if swapped, err := lists.CompareAndSwap(ctx, "l", l, second); !swapped || err != nil {
		t.Errorf("the same proxy: %v, %v", swapped, err)
	}
	if got := must(must(lists.Get(ctx, "l"))(t).At(ctx, 0))(t); got != 5 {
		t.Errorf("in the list is %d", got)
	}
}

func TestUnsupported(t *testing.T) {
	everyPython(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		d := must(manager.NewDict(ctx, c, manager.Item[string, int]{"a", 1}))(t)
		_, err := d.CompareAndSwap(ctx, "a", 1, 2)
		fails(t, err, manager.ErrUnsupported)
		_, err = d.Update(ctx, "a", func(old int, found bool) (int, error) {
			t.Error("the function has run")
			return 2, nil
		})
		fails(t, err, errors.ErrUnsupported)
		l := must(manager.NewList(ctx, c, 1))(t)
		_, err = l.Update(ctx, 0, func(old int) (int, error) { return 2, nil })
		fails(t, err, manager.ErrUnsupported)
		_, err = l.CompareAndSwap(ctx, 0, 1, 2)
		fails(t, err, manager.ErrUnsupported)
		if got := must(l.At(ctx, 0))(t); got != 1 {
			t.Errorf("the list has %d", got)
		}
	})
}

// TestUpdateOfAValueWithProxies: each message has proxies of its own.
func TestUpdateOfAValueWithProxies(t *testing.T) {
	ctx := modetest.Patient(t)
	c := dialOurs(t, manager.Options{})
	l := must(manager.NewList(ctx, c, 1))(t)
	d := must(manager.NewDict[string, []*manager.List[int]](ctx, c))(t)
	for n := range 3 {
		got, err := d.Update(ctx, "lists", func(old []*manager.List[int], _ bool) ([]*manager.List[int], error) { return append(old, l), nil })
		ok(t, err)
		if len(got) != n+1 || !got[0].Same(l) {
			t.Errorf("after Update %d: %v", n, got)
		}
	}
	if done := must(d.CompareAndSwap(ctx, "lists", []*manager.List[int]{l, l, l}, []*manager.List[int]{l}))(t); !done {
		t.Error("not swapped")
	}
}
