package manager_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
	"github.com/multiproc-go/multiproc/pickle"
)

// TestOtherServer keeps a proxy of one server in a dict of another, which has the same key.
func TestOtherServer(t *testing.T) {
	ctx := modetest.Patient(t)
	key := []byte("of both")
	for _, o := range []manager.Options{{Authkey: key}, {Authkey: key, Network: "tcp"}} {
		a, b := dialOurs(t, manager.Options{Authkey: key}), dialOurs(t, o)
		l := must(manager.NewList(ctx, b, 1))(t)
		d := must(manager.NewDict[string, *manager.List[int]](ctx, a))(t)
		ok(t, d.Set(ctx, "l", l))
		got := must(d.Get(ctx, "l"))(t)
		ok(t, got.Append(ctx, 2))
		if n := must(l.Len(ctx))(t); n != 2 {
			t.Errorf("Len: %d", n)
		}
		c := got.Client()
		_, want := b.Address()
		if _, at := c.Address(); at != want {
			t.Errorf("the list is at %s, not at %s", at, want)
		}
		ok(t, c.Close())
		ok(t, got.Close())
	}
}

func TestLarge(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		text := strings.Repeat("ü1234567", 1<<18) // 2.25 MiB
		v := must(manager.NewValue(ctx, c, text))(t)
		if got := must(v.Get(ctx))(t); got != text {
			t.Errorf("of %d bytes came %d", len(text), len(got))
		}
		network, address := c.Address()
		small := must(manager.Dial(ctx, network, address, manager.DialOptions{
			Authkey: c.Authkey(), MaxMessage: 64 << 10, Decode: pickle.Limits{Nodes: 100},
		}))(t)
		defer small.Close()
		seen := must(manager.AsValue[string](viewOf(t, ctx, small, v)))(t)
		_, err := seen.Get(ctx)
		fails(t, err, conn.ErrTooLarge)
		var e *manager.CallError
		if !errors.As(err, &e) || !e.Sent {
			t.Errorf("the error is %#v", err)
		}
		l := must(manager.NewList[int](ctx, small))(t)
		ok(t, l.Extend(ctx, make([]int, 1000)...))
		_, err = l.Values(ctx)
		var limit *pickle.LimitError
		if !errors.As(err, &limit) {
			t.Errorf("a list of 1000, where 100 nodes are the limit: %v", err)
		}
		ok(t, l.Clear(ctx))
		if n := must(l.Len(ctx))(t); n != 0 {
			t.Errorf("Len: %d", n)
		}
	})
}

// TestWrongTypes: what does not fit is an error, and says where.
func TestWrongTypes(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		p := must(c.Create(ctx, "dict", map[string]any{"a": "text", "b": 1}))(t)
		d := must(manager.AsDict[string, int](p))(t)
		_, err := d.Get(ctx, "a")
		var mismatch *pickle.UnmarshalTypeError
		if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), "dict.__getitem__") {
			t.Errorf("a str for an int: %v", err)
		}
		_, err = d.Items(ctx)
		if !errors.As(err, &mismatch) {
			t.Errorf("items with a str for an int: %v", err)
		}
		count := 0
		for item, err := range d.All(ctx) {
			if err == nil || item != (manager.Item[string, int]{}) {
				t.Errorf("All has yielded %v, %v", item, err)
			}
			count++
		}
		if count != 1 {
			t.Errorf("All has yielded %d times", count)
		}
		if n := must(d.Get(ctx, "b"))(t); n != 1 {
			t.Errorf("b is %d", n)
		}
		funcs := must(manager.AsDict[string, any](p))(t)
		var e *manager.CallError
		if err := funcs.Set(ctx, "f", func() {}); !errors.As(err, &e) || e.Sent {
			t.Errorf("a function as a value: %v", err)
		}
		lists := must(manager.NewDict[any, int](ctx, c))(t)
		fails(t, lists.Set(ctx, pickle.NewList(), 1), manager.ErrType)
	})
}
