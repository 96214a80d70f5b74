package state

import (
	"math"
	"math/big"

	"github.com/multiproc-go/multiproc/pickle"
)

// integer returns v as an int64; big is 1 or -1 if it is an int beyond that, and ok is false if it is no int at all.
func integer(v any) (n int64, beyond int, ok bool) {
	switch v := v.(type) {
	case int64:
		return v, 0, true
	case bool:
		if v {
			return 1, 0, true
		}
		return 0, 0, true
	case *big.Int:
		return 0, v.Sign(), true
	}
	return 0, 0, false
}

func notAnInteger(v any) error {
	return typeError("'%s' object cannot be interpreted as an integer", pickle.TypeName(v))
}

// ssize is the conversion of an argument to Py_ssize_t.
func ssize(v any) (int64, error) {
	n, beyond, ok := integer(v)
	switch {
	case !ok:
		return 0, notAnInteger(v)
	case beyond != 0:
		return 0, raise("OverflowError", "Python int too large to convert to C ssize_t")
	}
	return n, nil
}

// indexSized is PyNumber_AsSsize_t, which raises class if v is too large.
func indexSized(v any, class string) (int64, error) {
	n, beyond, ok := integer(v)
	switch {
	case !ok:
		return 0, notAnInteger(v)
	case beyond != 0:
		return 0, raise(class, "cannot fit '%s' into an index-sized integer", pickle.TypeName(v))
	}
	return n, nil
}

// span is what a slice says of a sequence of some length: n positions from start on, step apart.
type span struct{ start, stop, step, n int64 }

// spanOf is PySlice_Unpack and PySlice_AdjustIndices.
func spanOf(s *pickle.Slice, length int) (span, error) {
	size := int64(length)
	step, err := sliceIndex(s.Step, 1)
	if err != nil {
		return span{}, err
	}
	if step == 0 {
		return span{}, valueError("slice step cannot be zero")
	}
	step = max(step, -math.MaxInt64)
	first, last := int64(0), size // where None leads to
	lowest, highest := int64(0), size
	if step < 0 {
		first, last = size-1, -1
		lowest, highest = -1, size-1
	}
	start, stop := first, last
	if s.Start != nil {
		if start, err = sliceIndex(s.Start, 0); err != nil {
			return span{}, err
		}
		start = clamp(start, size, lowest, highest)
	}
	if s.Stop != nil {
		if stop, err = sliceIndex(s.Stop, 0); err != nil {
			return span{}, err
		}
		stop = clamp(stop, size, lowest, highest)
	}
	p := span{start: start, stop: stop, step: step}
	switch {
	case step > 0 && start < stop:
		p.n = (stop-start-1)/step + 1
	case step < 0 && stop < start:
		p.n = (start-stop-1)/-step + 1
	}
	return p, nil
}

// clamp brings an index of a slice, which counts from the end if it is negative, between lowest and highest.
func clamp(i, size, lowest, highest int64) int64 {
	if i < 0 {
		i += size // cannot overflow: they have different signs
	}
	return min(max(i, lowest), highest)
}

// sliceIndex is _PyEval_SliceIndex.
func sliceIndex(v any, none int64) (int64, error) {
	if v == nil {
		return none, nil
	}
	n, beyond, ok := integer(v)
	switch {
	case !ok:
		return 0, typeError("slice indices must be integers or None or have an __index__ method")
	case beyond > 0:
		return math.MaxInt64, nil
	case beyond < 0:
		return math.MinInt64, nil
	}
	return n, nil
}

// sliceIndexNotNone is _PyEval_SliceIndexNotNone.
func sliceIndexNotNone(v any) (int64, error) {
	if _, _, ok := integer(v); !ok {
		return 0, typeError("slice indices must be integers or have an __index__ method")
	}
	return sliceIndex(v, 0)
}

// rangeOf returns a range as int64s with its length; ok is false if one of them does not fit, and a length that does
// not is -1.
func rangeOf(r *pickle.Range) (start, step, n int64, ok bool) {
	a, ok1 := bigOf(r.Start)
	b, ok2 := bigOf(r.Stop)
	c, ok3 := bigOf(r.Step)
	if !ok1 || !ok2 || !ok3 || c.Sign() == 0 {
		return 0, 0, 0, false
	}
	length := new(big.Int).Sub(b, a)
	if c.Sign() < 0 {
		length.Neg(length)
	}
	if length.Sign() <= 0 {
		return 0, 0, 0, true
	}
	length.Sub(length, big.NewInt(1))
	length.Div(length, new(big.Int).Abs(c))
	length.Add(length, big.NewInt(1))
	if !length.IsInt64() {
		return 0, 0, -1, false
	}
	return a.Int64(), c.Int64(), length.Int64(), a.IsInt64() && b.IsInt64() && c.IsInt64()
}

func bigOf(v any) (*big.Int, bool) {
	if b, ok := v.(*big.Int); ok {
		return b, true
	}
	n, _, ok := integer(v)
	return big.NewInt(n), ok
}
