package handoff

import (
	"errors"
	"reflect"
	"unsafe"

	"github.com/multiproc-go/multiproc/internal/family"
)

// A Coder carries many small values of one type where only bytes can go. Numbers, booleans, strings and arrays of numbers travel as their bytes,
// all else as a [Codec] encodes it.
type Coder[T any] struct {
	raw   bool
	text  bool
	codec *Codec
}

// NewCoder returns the coder of T; the errors are those of [NewCodec].
func NewCoder[T any]() (*Coder[T], error) {
	t := reflect.TypeFor[T]()
	switch {
	case t == reflect.TypeFor[string]():
		return &Coder[T]{text: true}, nil
	case isScalar(t):
		return &Coder[T]{raw: true}, nil
	}
	codec, err := NewCodec(t)
	return &Coder[T]{codec: codec}, err
}

// isScalar tells types whose bytes are all there is to them. One with methods may have an encoding of its own.
func isScalar(t reflect.Type) bool {
	switch k := t.Kind(); {
	case reflect.PointerTo(t).NumMethod() > 0:
		return false
	case k == reflect.Array:
		return isScalar(t.Elem())
	case k == reflect.Uintptr:
		return false
	default:
		return k >= reflect.Bool && k <= reflect.Float64
	}
}

// Append appends the encoding of *v to b.
func (c *Coder[T]) Append(b []byte, v *T) ([]byte, error) {
	switch {
	case c.raw:
		return append(b, bytesOf(v)...), nil
	case c.text:
		return append(b, *textOf(v)...), nil
	}
	x := *v // on the heap, which *v need not be on for the types above
	err := c.codec.Encode(&x, func(encoded []byte) error {
		b = append(b, encoded...)
		return nil
	})
	return b, err
}

// Decode decodes b into *v, a zero value.
func (c *Coder[T]) Decode(b []byte, v *T, m *family.Member) error {
	switch {
	case c.raw:
		if into := bytesOf(v); copy(into, b) != len(into) || len(b) != len(into) {
			return &DecodeError{Type: reflect.TypeFor[T](), Err: errLength}
		}
		return nil
	case c.text:
		*textOf(v) = string(b)
		return nil
	}
	x := new(T) // as above
	err := c.codec.Decode(b, x, m)
	*v = *x
	return err
}

var errLength = errors.New("another number of bytes")

// bytesOf is the memory of *v.
func bytesOf[T any](v *T) []byte {
	// SAFETY: the coder is raw, so that T has no pointers; the caller uses the bytes as long as v only.
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}

// textOf is v, whose type is string.
func textOf[T any](v *T) *string {
	// SAFETY: the coder says that T is string.
	return (*string)(unsafe.Pointer(v))
}
