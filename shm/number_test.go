package shm_test

import (
	"math"
	"sync"
	"testing"

	"github.com/multiproc-go/multiproc/shm"
)

func TestAdd(t *testing.T) {
	t.Run("int", adds(math.MinInt, math.MaxInt))
	t.Run("int8", adds[int8](math.MinInt8, math.MaxInt8))
	t.Run("int16", adds[int16](math.MinInt16, math.MaxInt16))
	t.Run("int32", adds[int32](math.MinInt32, math.MaxInt32))
	t.Run("int64", adds[int64](math.MinInt64, math.MaxInt64))
	t.Run("uint", adds[uint](0, math.MaxUint))
	t.Run("uint8", adds[uint8](0, math.MaxUint8))
	t.Run("uint16", adds[uint16](0, math.MaxUint16))
	t.Run("uint32", adds[uint32](0, math.MaxUint32))
	t.Run("uint64", adds[uint64](0, math.MaxUint64))
	t.Run("count", adds[count](math.MinInt32, math.MaxInt32))
	t.Run("tiny", adds[tiny](math.MinInt8, math.MaxInt8))
	t.Run("serial", adds[serial](0, math.MaxUint64))
}

type serial uint64

// adds wraps around at both ends. The bytes beside a small T must not see the carry:
// CompareAndSwap, which compares all of the word, would.
func adds[T shm.Integer](least, most T) func(*testing.T) {
	return func(t *testing.T) {
		v := newValue(t, most)
		step := func(delta, want T) {
			t.Helper()
			old := v.Load()
			if got := shm.Add(v, delta); got != want || v.Load() != want {
				t.Errorf("%v + %v = %v, then %v; want %v", old, delta, got, v.Load(), want)
			}
			if !shm.CompareAndSwap(v, want, want) {
				t.Errorf("after %v + %v the value is not equal to %v", old, delta, want)
			}
		}
		one := T(1)
		step(one, least)
		step(-one, most)
		step(0, most)
		step(most, most+most)
		v.Store(least)
		step(-one, most)
		v.Store(0)
		step(-one, -one)
		step(one, 0)

		if shm.CompareAndSwap(v, 1, 2) || v.Load() != 0 {
			t.Errorf("swapped 1 where 0 was; now %v", v.Load())
		}
		if !shm.CompareAndSwap(v, 0, most) || v.Load() != most {
			t.Errorf("did not swap 0; now %v", v.Load())
		}
		if !shm.CompareAndSwap(v, most, least) || v.Load() != least {
			t.Errorf("did not swap %v; now %v", most, v.Load())
		}
	}
}

func TestAddFloats(t *testing.T) {
	v := newValue(t, 0.5)
	if x := shm.Add(v, 0.25); x != 0.75 || v.Load() != 0.75 {
		t.Errorf("%v, %v", x, v.Load())
	}
	if x := shm.Add(v, math.Inf(-1)); !math.IsInf(x, -1) {
		t.Errorf("%v", x)
	}
	if x := shm.Add(v, math.Inf(1)); !math.IsNaN(x) {
		t.Errorf("%v", x)
	}
	v32 := newValue(t, float32(1<<24))
	if x := shm.Add(v32, 1); x != 1<<24 { // rounded as float32 is
		t.Errorf("%v", x)
	}
	named := newValue(t, celsius(-1))
	if x := shm.Add(named, -2.5); x != -3.5 {
		t.Errorf("%v", x)
	}
}

func TestCompareAndSwapBool(t *testing.T) {
	v := newValue(t, flag(false))
	if shm.CompareAndSwap(v, true, false) || !shm.CompareAndSwap(v, false, true) || !bool(v.Load()) {
		t.Error("wrong with bools")
	}
}

// TestAddByMany: no increment of any width is lost between goroutines.
func TestAddByMany(t *testing.T) {
	const goroutines, each = 8, 5000
	total := goroutines * each
	i8, u16, i32, f64 := newValue(t, int8(0)), newValue(t, uint16(0)), newValue(t, int32(0)), newValue(t, 0.0)
	named, swapped, updated := newValue(t, serial(0)), newValue(t, int64(0)), newValue(t, uint16(0))
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range each {
				shm.Add(i8, 1)
				shm.Add(u16, 1)
				shm.Add(i32, 1)
				shm.Add(f64, 1)
				shm.Add(named, 1)
				for n := int64(0); !shm.CompareAndSwap(swapped, n, n+1); n++ {
					n = shm.Add(swapped, 0) - 1
				}
			}
			for range each / 10 {
				updated.Update(t.Context(), func(x *uint16) error { *x++; return nil })
				shm.Add(updated, 1) // comes between, and must not be lost
			}
		})
	}
	wg.Wait()
	for name, got := range map[string]int{
		"int8": int(i8.Load()) - int(int8(total%256)) + total, "uint16": int(u16.Load()), "int32": int(i32.Load()),
		"float64": int(f64.Load()), "uint64": int(named.Load()), "CompareAndSwap": int(swapped.Load()),
		"Update and Add": int(updated.Load()) * 5,
	} {
		if got != total {
			t.Errorf("%s: %d, want %d", name, got, total)
		}
	}
}
