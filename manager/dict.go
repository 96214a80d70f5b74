package manager

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/multiproc-go/multiproc/pickle"
)

// A Dict is a proxy for a dict. Keys are compared as Python does: 1 and 1.0 are one key, 1 and "1" are two.
// Items keep the order in which their keys came.
//
// K and V say what is put in and taken out here; the server and other processes, in Python too, may see other
// types. What does not fit is an error where it is read. V may be any, or a type of proxy: a
// Dict[string, *List[int]] holds lists that are shared themselves, so that appending to one that was got
// changes it for all. A Go slice in a dict is a copy, here as in Python.
type Dict[K comparable, V any] struct{ base }

// An Item is a key of a dict and its value.
type Item[K, V any] struct {
	Key   K
	Value V
}

// NewDict makes a dict in the server, with these items, in this order.
func NewDict[K comparable, V any](ctx context.Context, c *Client, items ...Item[K, V]) (*Dict[K, V], error) {
	var args []any
	if len(items) > 0 {
		pairs, err := pairsOf(items)
		if err != nil {
			return nil, &CallError{Type: "dict", Method: "create", Server: c.s.place(), Err: err}
		}
		args = []any{pairs}
	}
	h, err := c.s.create(ctx, "dict", args, nil)
	if err != nil {
		return nil, err
	}
	return &Dict[K, V]{base{h}}, nil
}

func pairsOf[K, V any](items []Item[K, V]) (*pickle.List, error) {
	list := &pickle.List{Items: make([]any, len(items))}
	for i, item := range items {
		key, err := graphOf(item.Key)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i, err)
		}
		value, err := graphOf(item.Value)
		if err != nil {
			return nil, fmt.Errorf("value %d: %w", i, err)
		}
		list.Items[i] = pickle.NewTuple(key, value)
	}
	return list, nil
}

// Get returns the value of a key, or [ErrKey].
func (d *Dict[K, V]) Get(ctx context.Context, key K) (V, error) {
	v, err := d.keyed(ctx, "__getitem__", key)
	return result[V](&d.base, "__getitem__", v, err)
}

// Lookup returns the value of a key, and whether it is there.
func (d *Dict[K, V]) Lookup(ctx context.Context, key K) (value V, ok bool, err error) {
	value, err = d.Get(ctx, key)
	if errors.Is(err, ErrKey) {
		return value, false, nil
	}
	return value, err == nil, err
}

// Set sets the value of a key.
func (d *Dict[K, V]) Set(ctx context.Context, key K, value V) error {
	v, err := graphOf(value)
	if err != nil {
		return d.failed("__setitem__", false, err)
	}
	return none(d.keyed(ctx, "__setitem__", key, v))
}

// SetAll sets the values of many keys in one call, as Python's update: all of them, or none.
func (d *Dict[K, V]) SetAll(ctx context.Context, items ...Item[K, V]) error {
	pairs, err := pairsOf(items)
	if err != nil {
		return d.failed("update", false, err)
	}
	return none(d.call(ctx, "update", pairs))
}

// SetMap is SetAll with the items of a map, in no order.
func (d *Dict[K, V]) SetMap(ctx context.Context, items map[K]V) error {
	list := make([]Item[K, V], 0, len(items))
	for key, value := range items {
		list = append(list, Item[K, V]{key, value})
	}
	return d.SetAll(ctx, list...)
}

// SetDefault returns the value of a key. If it is not there, it is set before.
func (d *Dict[K, V]) SetDefault(ctx context.Context, key K, value V) (V, error) {
	v, err := graphOf(value)
	if err != nil {
		var none V
		return none, d.failed("setdefault", false, err)
	}
	got, err := d.keyed(ctx, "setdefault", key, v)
	return result[V](&d.base, "setdefault", got, err)
}

// Delete removes a key, or returns [ErrKey].
func (d *Dict[K, V]) Delete(ctx context.Context, key K) error {
	return none(d.keyed(ctx, "__delitem__", key))
}

// Pop removes a key and returns the value that it had, or [ErrKey].
func (d *Dict[K, V]) Pop(ctx context.Context, key K) (V, error) {
	v, err := d.keyed(ctx, "pop", key)
	return result[V](&d.base, "pop", v, err)
}

// PopItem removes the item whose key came last and returns it, or [ErrKey] if there is none.
func (d *Dict[K, V]) PopItem(ctx context.Context) (Item[K, V], error) {
	v, err := d.call(ctx, "popitem")
	if err != nil {
		return Item[K, V]{}, err
	}
	item, err := itemOf[K, V](v)
	if err != nil {
		err = d.failed("popitem", true, err)
	}
	return item, err
}

// Contains reports whether a key is there.
func (d *Dict[K, V]) Contains(ctx context.Context, key K) (bool, error) {
	v, err := d.keyed(ctx, "__contains__", key)
	return result[bool](&d.base, "__contains__", v, err)
}

// Len returns the number of items.
func (d *Dict[K, V]) Len(ctx context.Context) (int, error) {
	v, err := d.call(ctx, "__len__")
	return result[int](&d.base, "__len__", v, err)
}

// Clear removes all items.
func (d *Dict[K, V]) Clear(ctx context.Context) error { return none(d.call(ctx, "clear")) }

// Keys returns all keys, in order.
func (d *Dict[K, V]) Keys(ctx context.Context) ([]K, error) {
	v, err := d.call(ctx, "keys")
	return result[[]K](&d.base, "keys", v, err)
}

// Values returns all values, in the order of their keys.
func (d *Dict[K, V]) Values(ctx context.Context) ([]V, error) {
	v, err := d.call(ctx, "values")
	return result[[]V](&d.base, "values", v, err)
}

// Items returns all items, in order: what the dict is at one moment.
func (d *Dict[K, V]) Items(ctx context.Context) ([]Item[K, V], error) {
	v, err := d.call(ctx, "items")
	if err != nil {
		return nil, err
	}
	pairs, ok := itemsOf(v)
	if !ok {
		return nil, d.failed("items", true, errNoItem)
	}
	items := make([]Item[K, V], len(pairs))
	for i, pair := range pairs {
		if items[i], err = itemOf[K, V](pair); err != nil {
			return nil, d.failed("items", true, err)
		}
	}
	return items, nil
}

// All yields the items, in order. An error is the last thing that it yields, and then the item is zero.
//
// Up to about a mebibyte of them comes in one call when the sequence begins, and to change such a dict meanwhile is safe, and is not seen. A
// larger one comes in pages of that size, of which each is got when it is needed, so that neither side has a copy of the whole: if somebody has
// added or removed a key since the first page, the next one is [ErrRuntime], as a loop over a dict of Python raises it; values that are set meanwhile are those of
// their page's moment. [Dict.Items] is what the dict is at one moment, whatever its size. So is All on a server of CPython, in one call.
//
//	for item, err := range d.All(ctx) {
//		if err != nil {
//			return err
//		}
//		…
//	}
func (d *Dict[K, V]) All(ctx context.Context) iter.Seq2[Item[K, V], error] {
	return func(yield func(Item[K, V], error) bool) {
		stopped := false
		give := func(item Item[K, V], err error) bool {
			stopped = stopped || !yield(item, err)
			return !stopped
		}
		known, err := d.pages(ctx, "dict", func(graphs []any) bool {
			items, err := d.itemsOf(graphs)
			if err != nil {
				give(Item[K, V]{}, err)
				stopped = true
			}
			for _, item := range items {
				if !give(item, nil) {
					break
				}
			}
			return !stopped
		})
		if !known {
			var items []Item[K, V]
			items, err = d.Items(ctx)
			for _, item := range items {
				if !give(item, nil) {
					return
				}
			}
		}
		if err != nil {
			yield(Item[K, V]{}, err)
		}
	}
}

// itemsOf makes items of a page.
func (d *Dict[K, V]) itemsOf(graphs []any) ([]Item[K, V], error) {
	if len(graphs)%2 != 0 {
		return nil, d.failed(methodPage, true, errNoPage)
	}
	items := make([]Item[K, V], len(graphs)/2)
	for i := range items {
		var err error
		if items[i], err = itemOf[K, V](pickle.NewTuple(graphs[2*i], graphs[2*i+1])); err != nil {
			return nil, d.failed(methodPage, true, err)
		}
	}
	return items, nil
}

// Map returns the items as a map of Go, without their order. As in any map, keys are then compared as Go does.
func (d *Dict[K, V]) Map(ctx context.Context) (map[K]V, error) {
	items, err := d.Items(ctx)
	if err != nil {
		return nil, err
	}
	m := make(map[K]V, len(items))
	for _, item := range items {
		m[item.Key] = item.Value
	}
	return m, nil
}

// keyed calls a method whose first argument is a key.
func (d *Dict[K, V]) keyed(ctx context.Context, method string, key K, more ...any) (any, error) {
	k, err := graphOf(key)
	if err != nil {
		return nil, d.failed(method, false, fmt.Errorf("the key: %w", err))
	}
	args := make([]any, 1, 4)
	args[0] = k
	return d.call(ctx, method, append(args, more...)...)
}

var errNoItem = errors.New("the server has sent something else than items")

func itemOf[K, V any](graph any) (item Item[K, V], err error) {
	pair, ok := itemsOf(graph)
	if !ok || len(pair) != 2 {
		return item, errNoItem
	}
	if item.Key, err = fromGraph[K](pair[0]); err != nil {
		return item, fmt.Errorf("a key: %w", err)
	}
	if item.Value, err = fromGraph[V](pair[1]); err != nil {
		return item, fmt.Errorf("a value: %w", err)
	}
	return item, nil
}
