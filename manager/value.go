package manager

import (
	"context"
	"reflect"

	"github.com/multiproc-go/multiproc/internal/family"
)

// A Value is a proxy for one value. That of a manager may be of any type; for fast access
// by the processes of one family see package shm.
type Value[T any] struct{ base }

// NewValue makes a Value in the server. Its type code, which Python only shows, is that of T, or "O".
func NewValue[T any](ctx context.Context, c *Client, value T) (*Value[T], error) {
	v, err := graphOf(value)
	if err != nil {
		return nil, &CallError{Type: "Value", Method: "create", Server: c.s.place(), Err: err}
	}
	code, ok := typecode(reflect.TypeFor[T]())
	if !ok {
		code = "O"
	}
	h, err := c.s.create(ctx, "Value", []any{code, v}, nil)
	if err != nil {
		return nil, err
	}
	return &Value[T]{base{h}}, nil
}

// Get returns the value.
func (v *Value[T]) Get(ctx context.Context) (T, error) {
	got, err := v.call(ctx, "get")
	return result[T](&v.base, "get", got, err)
}

// Set sets the value.
func (v *Value[T]) Set(ctx context.Context, value T) error {
	to, err := graphOf(value)
	if err != nil {
		return v.failed("set", false, err)
	}
	return none(v.call(ctx, "set", to))
}

// CompareAndSwap sets the value to new if it is old, in one step, and reports whether it did; see
// [Dict.CompareAndSwap].
func (v *Value[T]) CompareAndSwap(ctx context.Context, old, new T) (swapped bool, err error) {
	return swapOne(ctx, &v.base, old, new)
}

// Update sets the value to what fn makes of it, and returns that; see [Dict.Update].
func (v *Value[T]) Update(ctx context.Context, fn func(old T) (T, error)) (T, error) {
	return updateOne(ctx, &v.base, func() (any, error) { return v.call(ctx, "get") }, fn)
}

// typecode is the letter that Python's module array has for numbers of a type.
func typecode(t reflect.Type) (string, bool) {
	switch t.Kind() {
	case reflect.Int8:
		return "b", true
	case reflect.Uint8:
		return "B", true
	case reflect.Int16:
		return "h", true
	case reflect.Uint16:
		return "H", true
	case reflect.Int32:
		return "i", true
	case reflect.Uint32:
		return "I", true
	case reflect.Int64, reflect.Int:
		return "q", true
	case reflect.Uint64, reflect.Uint:
		return "Q", true
	case reflect.Float32:
		return "f", true
	case reflect.Float64:
		return "d", true
	}
	return "", false
}

// AsValue returns a typed view of a proxy, which shares its reference. It is for objects that a
// server has registered under a name of its own. The error wraps [ErrHandle] if the
// object is no Value, as far as its proxy tells.
func AsValue[T any](p *Proxy) (*Value[T], error) {
	v := new(Value[T])
	return v, v.UnmarshalPickle(p)
}

// UnmarshalPickle makes v the proxy that a graph has; package pickle calls it.
func (v *Value[T]) UnmarshalPickle(graph any) error {
	return v.wants(graph, valueClass, valueMethods()...)
}

// MarshalBinary is that of [Proxy].
func (v *Value[T]) MarshalBinary() ([]byte, error) { return v.marshal() }

// UnmarshalBinary is that of [Proxy]. Other proxies than those of a Value are [ErrHandle].
func (v *Value[T]) UnmarshalBinary(b []byte) error {
	return v.unmarshalAs(b, valueClass, valueMethods()...)
}

// BindMember marks a handle; multiproc calls it where an argument arrives in goroutine mode.
func (v *Value[T]) BindMember(*family.Member) {}

const valueClass = "ValueProxy"

// valueMethods are what tells an object of this type from others.
func valueMethods() []string { return []string{"get", "set"} }
