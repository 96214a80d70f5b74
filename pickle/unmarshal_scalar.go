package pickle

import (
	"math"
	"math/big"
	"reflect"
)

// setScalar stores what is neither container nor bytes; it reports whether it fits.
func setScalar(v reflect.Value, graph any) (fits bool) {
	switch x := graph.(type) {
	case bool:
		if fits = v.Kind() == reflect.Bool; fits {
			v.SetBool(x)
		}
	case string:
		if fits = v.Kind() == reflect.String && v.Type() != bytesType; fits {
			v.SetString(x)
		}
	case int64:
		switch {
		case v.CanInt():
			if fits = !v.OverflowInt(x); fits {
				v.SetInt(x)
			}
		case v.CanUint():
			if fits = x >= 0 && !v.OverflowUint(uint64(x)); fits {
				v.SetUint(uint64(x))
			}
		default:
			return setScalar(v, float64(x))
		}
	case *big.Int:
		if v.CanUint() {
			if fits = x.IsUint64() && !v.OverflowUint(x.Uint64()); fits {
				v.SetUint(x.Uint64())
			}
		} else if x.BitLen() <= 1024 {
			f, _ := new(big.Float).SetInt(x).Float64()
			return !math.IsInf(f, 0) && setScalar(v, f)
		}
	case float64:
		switch {
		case v.CanFloat():
			if fits = !v.OverflowFloat(x); fits {
				v.SetFloat(x)
			}
		case v.CanComplex():
			return setScalar(v, complex(x, 0))
		}
	case complex128:
		if fits = v.CanComplex() && !v.OverflowComplex(x); fits {
			v.SetComplex(x)
		}
	}
	return fits
}
