package manager

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"reflect"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/pickle"
)

// Number is what an [Array] may have in it.
type Number interface {
	~int8 | ~uint8 | ~int16 | ~uint16 | ~int32 | ~uint32 | ~int64 | ~uint64 | ~int | ~uint | ~float32 | ~float64
}

// An Array is a proxy for an array of numbers, of a fixed length: Python's array.array, in the type code of
// T. For fast access by the processes of one family see package shm.
type Array[T Number] struct{ base }

// NewArray makes an array in the server, with these numbers.
func NewArray[T Number](ctx context.Context, c *Client, numbers ...T) (*Array[T], error) {
	items, err := graphsOf(numbers)
	if err != nil {
		return nil, &CallError{Type: "Array", Method: "create", Server: c.s.place(), Err: err}
	}
	code, _ := typecode(reflect.TypeFor[T]())
	h, err := c.s.create(ctx, "Array", []any{code, &pickle.List{Items: items}}, nil)
	if err != nil {
		return nil, err
	}
	return &Array[T]{base{h}}, nil
}

// Len returns the length.
func (a *Array[T]) Len(ctx context.Context) (int, error) {
	v, err := a.call(ctx, "__len__")
	return result[int](&a.base, "__len__", v, err)
}

// At returns a number, or [ErrIndex]. Negative indexes count from the end.
func (a *Array[T]) At(ctx context.Context, i int) (T, error) {
	v, err := a.call(ctx, "__getitem__", int64(i))
	return result[T](&a.base, "__getitem__", v, err)
}

// SetAt sets a number, or returns [ErrIndex].
func (a *Array[T]) SetAt(ctx context.Context, i int, number T) error {
	v, err := graphOf(number)
	if err != nil {
		return a.failed("__setitem__", false, err)
	}
	return none(a.call(ctx, "__setitem__", int64(i), v))
}

// Slice returns the numbers from index i up to before j, as a[i:j] of Python.
func (a *Array[T]) Slice(ctx context.Context, i, j int) ([]T, error) {
	return a.slice(ctx, &pickle.Slice{Start: int64(i), Stop: int64(j)})
}

// Values returns all numbers: what the array is at one moment.
func (a *Array[T]) Values(ctx context.Context) ([]T, error) { return a.slice(ctx, &pickle.Slice{}) }

// All is Values as a sequence. An error is the last thing that it yields, and then the number is zero.
func (a *Array[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		numbers, err := a.Values(ctx)
		for _, n := range numbers {
			if !yield(n, nil) {
				return
			}
		}
		if err != nil {
			yield(0, err)
		}
	}
}

// SetSlice sets the numbers from index i on, in one step. They must be there already: an array keeps its length.
func (a *Array[T]) SetSlice(ctx context.Context, i int, numbers ...T) error {
	n, err := a.Len(ctx)
	if err != nil {
		return err
	}
	if i < 0 || len(numbers) > n-i {
		return a.failed("__setitem__", false, fmt.Errorf("%w: %d numbers from index %d on, and the length is %d", ErrIndex, len(numbers), i, n))
	}
	code, _ := typecode(reflect.TypeFor[T]())
	data, err := binary.Append(nil, binary.NativeEndian, wide(numbers))
	if err != nil {
		return a.failed("__setitem__", false, err)
	}
	array := &pickle.Object{Callable: &pickle.Global{Module: "array", Name: "array"}, Args: pickle.NewTuple(code, pickle.Bytes(data))}
	return none(a.call(ctx, "__setitem__", &pickle.Slice{Start: int64(i), Stop: int64(i + len(numbers))}, array))
}

// CompareAndSwap sets a number to new if it is old, in one step, and reports whether it did; see [Dict.CompareAndSwap].
func (a *Array[T]) CompareAndSwap(ctx context.Context, i int, old, new T) (swapped bool, err error) {
	return swapOne(ctx, &a.base, old, new, int64(i))
}

// Update sets a number to what fn makes of it, and returns that; see [Dict.Update].
func (a *Array[T]) Update(ctx context.Context, i int, fn func(old T) (T, error)) (T, error) {
	get := func() (any, error) { return a.call(ctx, "__getitem__", int64(i)) }
	return updateOne(ctx, &a.base, get, fn, int64(i))
}

func (a *Array[T]) slice(ctx context.Context, s *pickle.Slice) ([]T, error) {
	v, err := a.call(ctx, "__getitem__", s)
	if err != nil {
		return nil, err
	}
	numbers, err := numbersOf[T](v)
	if err != nil {
		return nil, a.failed("__getitem__", true, err)
	}
	return numbers, nil
}

var errNoArray = errors.New("the server has sent something else than an array")

// numbersOf makes Go numbers of an array.array, which comes as the bytes that it has in the memory of the server, or
// of a list. The server's machine is taken for one of the same byte order, as Python does.
func numbersOf[T Number](graph any) ([]T, error) {
	if items, ok := itemsOf(graph); ok {
		return fromGraph[[]T](&pickle.List{Items: items})
	}
	o, ok := graph.(*pickle.Object)
	if !ok || o.Args == nil || len(o.Args.Items) != 2 {
		return nil, errNoArray
	}
	module, name, _ := o.Class()
	code, ok := o.Args.Items[0].(string)
	if module != "array" || name != "array" || !ok {
		return nil, errNoArray
	}
	if items, ok := itemsOf(o.Args.Items[1]); ok {
		return fromGraph[[]T](&pickle.List{Items: items})
	}
	data, ok := o.Args.Items[1].(pickle.Bytes)
	if !ok {
		return nil, errNoArray
	}
	return numbersOfBytes[T](code, []byte(data))
}

func numbersOfBytes[T Number](code string, data []byte) ([]T, error) {
	numbers, err := []T(nil), error(nil)
	switch code {
	case "b":
		numbers, err = convert[T, int8](data)
	case "B":
		numbers, err = convert[T, uint8](data)
	case "h":
		numbers, err = convert[T, int16](data)
	case "H":
		numbers, err = convert[T, uint16](data)
	case "i":
		numbers, err = convert[T, int32](data)
	case "I":
		numbers, err = convert[T, uint32](data)
	case "q", "l": // l has 8 bytes on all systems that have 64 bits and are not Windows
		numbers, err = convert[T, int64](data)
	case "Q", "L":
		numbers, err = convert[T, uint64](data)
	case "f":
		numbers, err = convert[T, float32](data)
	case "d":
		numbers, err = convert[T, float64](data)
	default:
		return nil, fmt.Errorf("%w: of numbers, but of the type %q", errNoArray, code)
	}
	return numbers, err
}

// convert reads numbers of the type S, and returns them as T if they fit.
func convert[T, S Number](data []byte) ([]T, error) {
	size := binary.Size(S(0))
	if len(data)%size != 0 {
		return nil, fmt.Errorf("%w: %d bytes for numbers of %d", errNoArray, len(data), size)
	}
	from := make([]S, len(data)/size)
	if _, err := binary.Decode(data, binary.NativeEndian, from); err != nil {
		return nil, err
	}
	to := make([]T, len(from))
	for i, n := range from {
		to[i] = T(n)
		if S(to[i]) != n && n == n || (to[i] < 0) != (n < 0) {
			return nil, fmt.Errorf("%v does not fit %T", n, to[i])
		}
	}
	return to, nil
}

// wide makes numbers of a fixed size of those of type int and uint.
func wide[T Number](numbers []T) any {
	switch kind := reflect.TypeFor[T]().Kind(); kind {
	case reflect.Int:
		out := make([]int64, len(numbers))
		for i, n := range numbers {
			out[i] = int64(n)
		}
		return out
	case reflect.Uint:
		out := make([]uint64, len(numbers))
		for i, n := range numbers {
			out[i] = uint64(n)
		}
		return out
	}
	return numbers
}

// AsArray returns a typed view of a proxy, which shares its reference. It is for objects that a
// server has registered under a name of its own. The error wraps [ErrHandle] if the
// object is no Array, as far as its proxy tells.
func AsArray[T Number](p *Proxy) (*Array[T], error) {
	a := new(Array[T])
	return a, a.UnmarshalPickle(p)
}

// UnmarshalPickle makes a the proxy that a graph has; package pickle calls it.
func (a *Array[T]) UnmarshalPickle(graph any) error {
	return a.wants(graph, arrayClass, arrayMethods()...)
}

// MarshalBinary is that of [Proxy].
func (a *Array[T]) MarshalBinary() ([]byte, error) { return a.marshal() }

// UnmarshalBinary is that of [Proxy]. Other proxies than those of a Array are [ErrHandle].
func (a *Array[T]) UnmarshalBinary(b []byte) error {
	return a.unmarshalAs(b, arrayClass, arrayMethods()...)
}

// BindMember marks a handle; multiproc calls it where an argument arrives in goroutine mode.
func (a *Array[T]) BindMember(*family.Member) {}

const arrayClass = "ArrayProxy"

// arrayMethods are what tells an object of this type from others.
func arrayMethods() []string { return []string{"__getitem__", "__setitem__", "__len__"} }
