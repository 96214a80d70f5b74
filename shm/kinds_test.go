package shm_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/multiproc-go/multiproc/shm"
)

type (
	celsius float64
	count   int32
	tiny    int8
	flag    bool
	grid    [2][3]int16

	b3  [3]byte
	b5  struct{ A [5]uint8 }
	b6  struct{ A, B, C uint16 }
	b7  [7]int8
	b8  struct{ A, B float32 }
	b9  [9]byte
	b10 struct{ A, B, C, D, E uint16 }
	b63 [63]byte
	b65 struct {
		A [64]byte
		B bool
	}
	b200 struct {
		Name  [31]byte
		Flag  bool
		Pairs [4]struct {
			K int64
			V float64
		}
		Deep [2][2]struct{ X, Y, Z int8 }
		Tail [23]uint32
	}
	padded struct { // 8 bytes, 3 of them padding
		A uint8
		B uint32
	}
	paddedBig struct { // 24 bytes, 10 of them padding
		A uint8
		B uint64
		C uint32
		D uint8
	}
	blank struct { // not all of an assignment has to copy its blank field
		A uint16
		_ uint16
		B uint32
	}
	hidden struct{ a, b int32 } // unexported fields lie in memory as others do
)

func TestValueKinds(t *testing.T) {
	const maxUint = ^uint(0)
	t.Run("bool", kind(true, false))
	t.Run("int", kind(0, 1, -1, math.MaxInt, math.MinInt))
	t.Run("int8", kind[int8](0, 1, -1, math.MaxInt8, math.MinInt8))
	t.Run("int16", kind[int16](0, 1, -1, math.MaxInt16, math.MinInt16))
	t.Run("int32", kind[int32](0, 1, -1, math.MaxInt32, math.MinInt32))
	t.Run("int64", kind[int64](0, 1, -1, math.MaxInt64, math.MinInt64))
	t.Run("uint", kind(0, 1, maxUint))
	t.Run("uint8", kind[uint8](0, 1, math.MaxUint8))
	t.Run("uint16", kind[uint16](0, 1, math.MaxUint16))
	t.Run("uint32", kind[uint32](0, 1, math.MaxUint32))
	t.Run("uint64", kind[uint64](0, 1, math.MaxUint64))
	t.Run("float32", kind[float32](0, -1.5, math.MaxFloat32, math.SmallestNonzeroFloat32, float32(math.Inf(-1))))
	t.Run("float64", kind(0, -1.5, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1)))
	t.Run("complex64", kind[complex64](0, 1-2i))
	t.Run("complex128", kind(0, 1e300-2i))
	t.Run("celsius", kind[celsius](0, -273.15))
	t.Run("count", kind[count](0, -7, math.MaxInt32))
	t.Run("tiny", kind[tiny](0, -128))
	t.Run("flag", kind[flag](true, false))
	t.Run("grid", kind(grid{}, grid{{1, 2, 3}, {-4, -5, math.MinInt16}}))
	t.Run("1", kind([1]byte{}, [1]byte{0xff}))
	t.Run("2", kind([2]bool{}, [2]bool{true, false}))
	t.Run("3", kind(b3{}, b3{1, 2, 3}, b3{0xff, 0xff, 0xff}))
	t.Run("5", kind(b5{}, b5{[5]uint8{1, 2, 3, 4, 5}}))
	t.Run("6", kind(b6{}, b6{1, 2, math.MaxUint16}))
	t.Run("7", kind(b7{}, b7{-1, 2, -3, 4, -5, 6, -7}))
	t.Run("8", kind(b8{}, b8{-1.5, math.MaxFloat32}))
	t.Run("9", kind(b9{}, b9{1, 2, 3, 4, 5, 6, 7, 8, 9}, b9{8: 0xff}))
	t.Run("10", kind(b10{}, b10{1, 2, 3, 4, math.MaxUint16}))
	t.Run("63", kind(b63{}, b63{0: 1, 62: 0xff}))
	t.Run("65", kind(b65{}, b65{[64]byte{63: 7}, true}))
	t.Run("200", kind(b200{}, sample200()))
	t.Run("padded", kind(padded{}, padded{0xff, math.MaxUint32}))
	t.Run("padded big", kind(paddedBig{}, paddedBig{1, math.MaxUint64, 3, 0xff}))
	t.Run("hidden", kind(hidden{}, hidden{-1, 2}))
	t.Run("blank", kind(blank{}, blank{A: 1, B: math.MaxUint32}))
}

func sample200() b200 {
	x := b200{Flag: true}
	copy(x.Name[:], "thirty-one bytes of name, no NUL")
	for i := range x.Pairs {
		x.Pairs[i].K, x.Pairs[i].V = -int64(i), math.Sqrt(float64(i))
	}
	x.Deep[1][0].Y = math.MinInt8
	for i := range x.Tail {
		x.Tail[i] = math.MaxUint32 - uint32(i)
	}
	return x
}

// kind stores every one of values over every other, in all the ways there are.
func kind[T comparable](values ...T) func(t *testing.T) {
	return func(t *testing.T) {
		for _, first := range values {
			v := newValue(t, first)
			same := func(how string, got, want T) {
				t.Helper()
				if got != want {
					t.Errorf("%s: %v, want %v", how, got, want)
				}
			}
			same("NewValue", v.Load(), first)
			other := travel(t, v)
			for _, x := range values {
				v.Store(x)
				same("Store", other.Load(), x)
				v.Store(first)
				if err := other.Update(t.Context(), func(p *T) error {
					same("in Update", *p, first)
					*p = x
					same("during Update", v.Load(), first)
					return nil
				}); err != nil {
					t.Error(err)
				}
				same("Update", v.Load(), x)
			}
		}
		a := newArray[T](t, len(values)+1)
		for i, x := range values {
			a.Set(i, x)
		}
		for i, x := range values {
			if a.At(i) != x || a.Slice()[i] != x {
				t.Errorf("element %d: %v, want %v", i, a.At(i), x)
			}
		}
		var zero T
		if a.At(len(values)) != zero {
			t.Errorf("an element that was never set is %v", a.At(len(values)))
		}
	}
}

// travel is v as another process would have it.
func travel[T any](t testing.TB, v *shm.Value[T]) *shm.Value[T] {
	t.Helper()
	b, err := v.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	other := new(shm.Value[T])
	if err := other.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	if !other.Equal(v) || !v.Equal(other) {
		t.Errorf("%v is not %v after its travel", other, v)
	}
	return other
}

// TestFloatBits: a float is its bits, NaNs and the sign of zero included.
func TestFloatBits(t *testing.T) {
	for _, bits := range []uint64{1 << 63, 0x7ff8000000000001, 0xfff0dead0000beef, 0x7ff0000000000001} {
		v := newValue(t, math.Float64frombits(bits))
		if got := math.Float64bits(v.Load()); got != bits {
			t.Errorf("%#x became %#x", bits, got)
		}
		// A NaN is not equal to itself; Update must not wait until it is.
		if err := v.Update(t.Context(), func(x *float64) error { *x = 1; return nil }); err != nil || v.Load() != 1 {
			t.Errorf("Update of %#x: %v, %v", bits, v.Load(), err)
		}
		v.Store(math.Float64frombits(bits))
		if sum := shm.Add(v, 1); sum != math.Float64frombits(bits)+1 && !math.IsNaN(sum) {
			t.Errorf("%#x + 1 = %v", bits, sum)
		}
	}
	v32 := newValue(t, math.Float32frombits(0xff800001))
	if got := math.Float32bits(v32.Load()); got != 0xff800001 {
		t.Errorf("0xff800001 became %#x", got)
	}
}

func TestValueString(t *testing.T) {
	v, w := newValue(t, 1), newValue(t, 1)
	if v.String() == w.String() || fmt.Sprint(v) != v.String() || v.Equal(w) {
		t.Errorf("two values: %v and %v, equal: %v", v, w, v.Equal(w))
	}
}
