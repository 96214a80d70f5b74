package manager_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

// TestAllInPages: a large dict, and a large set, is iterated as a whole and in order, in pages of about a mebibyte.
func TestAllInPages(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		const n, size = 40, 100_000
		var items []manager.Item[int, string]
		for i := range n {
			items = append(items, manager.Item[int, string]{Key: i, Value: strings.Repeat("x", size)})
		}
		d := must(manager.NewDict(ctx, c, items...))(t)
		var keys []int
		for item, err := range d.All(ctx) {
			ok(t, err)
			if len(item.Value) != size {
				t.Fatalf("%d bytes", len(item.Value))
			}
			keys = append(keys, item.Key)
		}
		if want := must(d.Keys(ctx))(t); !slices.Equal(keys, want) || len(keys) != n {
			t.Errorf("%v for %v", keys, want)
		}
		for range d.All(ctx) {
			break // asks for no more
		}
		s := must(manager.NewSet[string](ctx, c))(t)
		wanted := make(map[string]bool)
		for i := range n {
			text := fmt.Sprint(i, strings.Repeat("x", size))
			wanted[text] = true
			ok(t, s.Add(ctx, text))
		}
		seen := make(map[string]bool)
		for text, err := range s.All(ctx) {
			ok(t, err)
			if seen[text] {
				t.Error("an element twice")
			}
			seen[text] = true
		}
		if !maps.Equal(seen, wanted) {
			t.Errorf("%d elements", len(seen))
		}
		for range s.All(ctx) {
			break
		}
		ok(t, d.Clear(ctx))
		ok(t, s.Clear(ctx))
		for range d.All(ctx) {
			t.Error("something is in an empty dict")
		}
		for range s.All(ctx) {
			t.Error("something is in an empty set")
		}
	})
}

// TestAllMeanwhile: of a dict of one page the loop sees what it was. Of a larger one a key that comes or goes is an error at the next page, and a value that is
// set is none.
func TestAllMeanwhile(t *testing.T) {
	ctx := modetest.Patient(t)
	c := dialOurs(t, manager.Options{})
	small := must(manager.NewDict(ctx, c, manager.Item[int, string]{1, "a"}, manager.Item[int, string]{2, "b"}))(t)
	count := 0
	for item, err := range small.All(ctx) {
		ok(t, err)
		ok(t, small.Delete(ctx, item.Key))
		count++
	}
	if count != 2 {
		t.Errorf("%d items", count)
	}
	for name, change := range map[string]func(*manager.Dict[int, string]) error{
		"another":     func(d *manager.Dict[int, string]) error { return d.Set(ctx, 1000, "") },
		"one less":    func(d *manager.Dict[int, string]) error { return d.Delete(ctx, 0) },
		"one for one": func(d *manager.Dict[int, string]) error { return errors.Join(d.Delete(ctx, 0), d.Set(ctx, 1000, "")) },
		"none":        func(d *manager.Dict[int, string]) error { return d.Clear(ctx) },
		"a value":     nil,
	} {
		d := must(manager.NewDict[int, string](ctx, c))(t)
		for i := range 30 {
			ok(t, d.Set(ctx, i, strings.Repeat("x", 100_000)))
		}
		if change == nil {
			change = func(d *manager.Dict[int, string]) error { return d.Set(ctx, 29, "new") }
		}
		var last error
		var value string
		got := 0
		for item, err := range d.All(ctx) {
			if got == 0 {
				ok(t, change(d))
			}
			if last = err; err == nil {
				got++
				value = item.Value
			}
		}
		switch {
		case name == "a value" && (last != nil || got != 30 || value != "new"):
			t.Errorf("%s: %d items, the last of them %.10q, %v", name, got, value, last)
		case name != "a value" && (!errors.Is(last, manager.ErrRuntime) || got < 5 || got > 20):
			t.Errorf("%s: %d items, %v", name, got, last)
		}
	}
	s := must(manager.NewSet[string](ctx, c))(t)
	for i := range 30 {
		ok(t, s.Add(ctx, fmt.Sprint(i, strings.Repeat("x", 100_000))))
	}
	var last error
	for text, err := range s.All(ctx) {
		if last = err; err == nil {
			ok(t, s.Discard(ctx, text))
		}
	}
	fails(t, last, manager.ErrRuntime)
}

// TestHostilePages: positions that somebody has made up.
func TestHostilePages(t *testing.T) {
	s := serve(t, manager.Options{})
	d, f := create(t, s, "dict"), open(t, s)
	want(t, f, nil, d, "__setitem__", "a", int64(1))
	all := pickle.NewTuple(nil, int64(1), pickle.NewList("a", int64(1)))
	none := pickle.NewTuple(nil, int64(1), pickle.NewList())
	for _, position := range []int64{-1 << 63, -1, 0} {
		want(t, f, all, d, "#page", position, nil)
	}
	for _, position := range []int64{1, 1 << 31, 1<<63 - 1} {
		want(t, f, none, d, "#page", position, int64(1))
	}
	for _, version := range []any{int64(0), int64(2), "text", pickle.NewList()} {
		wantText(t, f, wire.KindError, "changed size during iteration", d, "#page", int64(0), version)
	}
	wantText(t, f, wire.KindError, "TypeError", d, "#page", "text", nil)
	wantWorking(t, s)
}
