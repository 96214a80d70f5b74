package pickle

import (
	"math"
	"math/big"
)

// intOf returns v as an int64 if it is a bool or an int that fits.
func intOf(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case *big.Int:
		if v.IsInt64() {
			return v.Int64(), true
		}
	}
	return 0, false
}

// bigOf returns v as a big.Int if it is a bool or an int.
func bigOf(v any) (*big.Int, bool) {
	if b, ok := v.(*big.Int); ok {
		return b, true
	}
	if i, ok := intOf(v); ok {
		return big.NewInt(i), true
	}
	return nil, false
}

func isNumber(v any) bool {
	switch v.(type) {
	case bool, int64, *big.Int, float64, complex128:
		return true
	}
	return false
}

// integral returns the int that f is, if it is one.
func integral(f float64) (any, bool) {
	if f != math.Trunc(f) || math.IsInf(f, 0) { // a nan differs from itself
		return nil, false
	}
	if -1<<63 <= f && f < 1<<63 {
		return int64(f), true
	}
	b, _ := new(big.Float).SetFloat64(f).Int(nil)
	return b, true
}

// equalNumbers compares by value, whatever the types, and exactly: 2**53+1 is not 2.0**53.
func equalNumbers(a, b any) bool {
	ca, isA := a.(complex128)
	cb, isB := b.(complex128)
	switch {
	case isA && isB:
		return ca == cb
	case isA:
		return imag(ca) == 0 && equalNumbers(real(ca), b)
	case isB:
		return imag(cb) == 0 && equalNumbers(a, real(cb))
	}
	order, ok := compareReals(a, b)
	return ok && order == 0
}

// compareReals orders two numbers that are not complex; ok is false for a nan.
func compareReals(a, b any) (order int, ok bool) {
	fa, isA := a.(float64)
	fb, isB := b.(float64)
	switch {
	case isA && isB:
		return compare(fa, fb), fa == fa && fb == fb
	case isA:
		order, ok = compareFloat(b, fa)
		return -order, ok
	case isB:
		return compareFloat(a, fb)
	}
	ia, smallA := intOf(a)
	ib, smallB := intOf(b)
	if smallA && smallB {
		return compare(ia, ib), true
	}
	ba, _ := bigOf(a)
	bb, _ := bigOf(b)
	return ba.Cmp(bb), true
}

// compareFloat orders the int a and the float f.
func compareFloat(a any, f float64) (order int, ok bool) {
	if f != f {
		return 0, false
	}
	if math.IsInf(f, 0) {
		return -compare(f, 0), true
	}
	whole, _ := integral(math.Trunc(f))
	order, _ = compareReals(a, whole)
	if order == 0 {
		order = -compare(f-math.Trunc(f), 0)
	}
	return order, true
}

func compare[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// length returns how many ints a range has; it may be more than an int can say.
func (r *Range) length() *big.Int {
	start, stop, step, ok := r.ints()
	if !ok {
		return new(big.Int)
	}
	n := new(big.Int)
	if step.Sign() > 0 {
		n.Sub(stop, start)
	} else {
		n.Sub(start, stop)
	}
	if n.Sign() <= 0 {
		return new(big.Int)
	}
	n.Sub(n, big.NewInt(1))
	n.Div(n, new(big.Int).Abs(step))
	return n.Add(n, big.NewInt(1))
}

// ints returns the fields; ok is false if they do not make a range.
func (r *Range) ints() (start, stop, step *big.Int, ok bool) {
	start, ok1 := bigOf(r.Start)
	stop, ok2 := bigOf(r.Stop)
	step, ok3 := bigOf(r.Step)
	return start, stop, step, ok1 && ok2 && ok3 && step.Sign() != 0
}

// appendDecimal appends v, unless it has more digits than limit. The time for many digits is not linear.
func appendDecimal(dst []byte, v *big.Int, limit int64) ([]byte, error) {
	if float64(v.BitLen())*math.Log10(2) <= float64(limit)+1 {
		out := v.Append(dst, 10)
		if n := len(out) - len(dst); int64(n) <= limit || int64(n) == limit+1 && v.Sign() < 0 {
			return out, nil
		}
	}
	return dst, &LimitError{"Digits", limit}
}
