package manager

import (
	"context"
	"fmt"
	"iter"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/pickle"
)

// A Set is a proxy for a set: Python's, which its managers have from 3.14, or where a program has registered one. Elements are compared as Python
// does. Those of a set of ours have the order in which they came. What is said of types at [Dict] holds here too.
type Set[T comparable] struct{ base }

// NewSet makes a set in the server, of these values.
func NewSet[T comparable](ctx context.Context, c *Client, values ...T) (*Set[T], error) {
	var args []any
	if len(values) > 0 {
		items, err := graphsOf(values)
		if err != nil {
			return nil, &CallError{Type: "set", Method: "create", Server: c.s.place(), Err: err}
		}
		args = []any{&pickle.List{Items: items}}
	}
	b, err := newBase(ctx, c, "set", args...)
	if err != nil {
		return nil, err
	}
	return &Set[T]{b}, nil
}

// Add adds a value, if it is not there.
func (s *Set[T]) Add(ctx context.Context, value T) error { return none(s.valued(ctx, "add", value)) }

// AddAll adds several values in one call.
func (s *Set[T]) AddAll(ctx context.Context, values ...T) error {
	return s.listed(ctx, "update", values)
}

// Remove removes a value, or returns [ErrKey].
func (s *Set[T]) Remove(ctx context.Context, value T) error {
	return none(s.valued(ctx, "remove", value))
}

// Discard removes a value, if it is there.
func (s *Set[T]) Discard(ctx context.Context, value T) error {
	return none(s.valued(ctx, "discard", value))
}

// DiscardAll removes those of several values that are there, in one call.
func (s *Set[T]) DiscardAll(ctx context.Context, values ...T) error {
	return s.listed(ctx, "difference_update", values)
}

// Retain removes all but these values, in one call.
func (s *Set[T]) Retain(ctx context.Context, values ...T) error {
	return s.listed(ctx, "intersection_update", values)
}

// Pop removes some value and returns it, or [ErrKey] if there is none. A server of ours takes the last that came.
func (s *Set[T]) Pop(ctx context.Context) (T, error) {
	v, err := s.call(ctx, "pop")
	return result[T](&s.base, "pop", v, err)
}

// Clear removes all values.
func (s *Set[T]) Clear(ctx context.Context) error { return none(s.call(ctx, "clear")) }

// Contains reports whether a value is there.
func (s *Set[T]) Contains(ctx context.Context, value T) (bool, error) {
	v, err := s.valued(ctx, "__contains__", value)
	return result[bool](&s.base, "__contains__", v, err)
}

// Len returns the number of values.
func (s *Set[T]) Len(ctx context.Context) (int, error) {
	v, err := s.call(ctx, "__len__")
	return wantInt(&s.base, "__len__", v, err)
}

// Values returns all values: what the set is at one moment.
func (s *Set[T]) Values(ctx context.Context) ([]T, error) { return s.elements(ctx, "copy") }

// All yields the values. An error is the last thing that it yields, and then the value is zero. What is so of a large set, and of one that
// changes meanwhile, [Dict.All] says; [Set.Values] is what the set is at one moment.
func (s *Set[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		stopped := false
		all := func(values []T, err error) error {
			for _, v := range values {
				if !yield(v, nil) {
					stopped = true
					break
				}
			}
			return err
		}
		known, err := s.pages(ctx, "set", func(graphs []any) bool {
			values, err := result[[]T](&s.base, methodPage, &pickle.List{Items: graphs}, nil)
			if all(values, err) != nil && !stopped {
				var none T
				yield(none, err)
				stopped = true
			}
			return !stopped
		})
		if !known {
			err = all(s.Values(ctx))
		}
		if err != nil && !stopped {
			var none T
			yield(none, err)
		}
	}
}

// Union returns the values of this set or another one of the same server.
func (s *Set[T]) Union(ctx context.Context, other *Set[T]) ([]T, error) {
	return s.elements(ctx, "union", &Proxy{other.base})
}

// Intersection returns the values that both sets have.
func (s *Set[T]) Intersection(ctx context.Context, other *Set[T]) ([]T, error) {
	return s.elements(ctx, "intersection", &Proxy{other.base})
}

// Difference returns the values of this set that the other has not.
func (s *Set[T]) Difference(ctx context.Context, other *Set[T]) ([]T, error) {
	return s.elements(ctx, "difference", &Proxy{other.base})
}

// SymmetricDifference returns the values that only one of the sets has.
func (s *Set[T]) SymmetricDifference(ctx context.Context, other *Set[T]) ([]T, error) {
	return s.elements(ctx, "symmetric_difference", &Proxy{other.base})
}

// IsSubset reports whether the other set has all values of this.
func (s *Set[T]) IsSubset(ctx context.Context, other *Set[T]) (bool, error) {
	v, err := s.call(ctx, "issubset", &Proxy{other.base})
	return result[bool](&s.base, "issubset", v, err)
}

// IsDisjoint reports whether the sets have no value in common.
func (s *Set[T]) IsDisjoint(ctx context.Context, other *Set[T]) (bool, error) {
	v, err := s.call(ctx, "isdisjoint", &Proxy{other.base})
	return result[bool](&s.base, "isdisjoint", v, err)
}

// valued calls a method of one value.
func (s *Set[T]) valued(ctx context.Context, method string, value T) (any, error) {
	v, err := graphOf(value)
	if err != nil {
		return nil, s.failed(method, false, err)
	}
	return s.call(ctx, method, v)
}

// listed calls a method of several values.
func (s *Set[T]) listed(ctx context.Context, method string, values []T) error {
	items, err := graphsOf(values)
	if err != nil {
		return s.failed(method, false, err)
	}
	return none(s.call(ctx, method, &pickle.List{Items: items}))
}

// elements calls a method that returns a set.
func (s *Set[T]) elements(ctx context.Context, method string, args ...any) ([]T, error) {
	v, err := s.call(ctx, method, args...)
	if err != nil {
		return nil, err
	}
	graph, ok := v.(*pickle.Set)
	if !ok {
		return nil, s.failed(method, true, fmt.Errorf("the result is a %s", pickle.TypeName(v)))
	}
	values := make([]T, 0, graph.Len())
	for element := range graph.All() {
		value, err := fromGraph[T](element)
		if err != nil {
			return nil, s.failed(method, true, err)
		}
		values = append(values, value)
	}
	return values, nil
}

// AsSet returns a typed view of a proxy, which shares its reference. The error wraps [ErrHandle] if the object is no set, as far as
// its proxy tells.
func AsSet[T comparable](p *Proxy) (*Set[T], error) {
	s := new(Set[T])
	return s, s.UnmarshalPickle(p)
}

// UnmarshalPickle makes s the proxy that a graph has; package pickle calls it.
func (s *Set[T]) UnmarshalPickle(graph any) error {
	return s.wants(graph, "SetProxy", "add", "discard")
}

// MarshalBinary is that of [Proxy].
func (s *Set[T]) MarshalBinary() ([]byte, error) { return s.marshal() }

// UnmarshalBinary is that of [Proxy]. Other proxies than those of a set are [ErrHandle].
func (s *Set[T]) UnmarshalBinary(data []byte) error {
	return s.unmarshalAs(data, "SetProxy", "add", "discard")
}

// BindMember marks a handle; multiproc calls it where an argument arrives in goroutine mode.
func (s *Set[T]) BindMember(*family.Member) {}
