package state

import (
	"math"
	"math/big"
	"time"

	"github.com/multiproc-go/multiproc/pickle"
)

// pyTime is CPython's conversion of seconds to PyTime_t, which rounds away from zero for timeouts.
func pyTime(v any) (time.Duration, error) {
	if f, ok := v.(float64); ok {
		if math.IsNaN(f) {
			return 0, valueError("Invalid value NaN (not a number)")
		}
		ns := f * 1e9
		if ns >= 0 {
			ns = math.Ceil(ns)
		} else {
			ns = math.Floor(ns)
		}
		if !(ns > -1<<63 && ns < 1<<63) {
			return 0, raise("OverflowError", "timestamp out of range for platform time_t")
		}
		return time.Duration(ns), nil
	}
	n, beyond, ok := integer(v)
	switch {
	case !ok:
		return 0, notAnInteger(v)
	case beyond != 0, n > math.MaxInt64/int64(time.Second), n < math.MinInt64/int64(time.Second):
		return 0, raise("OverflowError", "timestamp too large to convert to C PyTime_t")
	}
	return time.Duration(n) * time.Second, nil
}

// number returns v as a float, for a comparison with 0 or a sum.
func number(v any) (f float64, ok bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case *big.Int:
		f, _ = new(big.Float).SetInt(v).Float64()
		return f, true
	}
	n, _, ok := integer(v)
	return float64(n), ok
}

// patience is how long a call waits.
type patience struct {
	limited bool
	span    time.Duration // 0 if it does not wait at all
}

// forever is the patience of a call without a timeout.
func forever() patience { return patience{} }

// none reports whether a call that would have to wait is over at once.
func (p patience) none() bool { return p.limited && p.span <= 0 }

// patienceOf reads the timeout of a method that is written in Python: None is for ever, and what is not positive does not wait.
// It is only read if the call has to wait. op is the operator by which Python first meets the timeout.
func patienceOf(v any, op string) (patience, error) {
	if v == nil {
		return forever(), nil
	}
	f, ok := number(v)
	if !ok {
		if op == "+" {
			return patience{}, typeError("unsupported operand type(s) for +: 'float' and '%s'", pickle.TypeName(v))
		}
		return patience{}, notOrdered(op, v)
	}
	if !(f > 0) {
		return patience{limited: true}, nil
	}
	if op != ">" { // Python has added it to the time, which is a float
		if math.IsInf(f, 0) && v != f {
			return patience{}, raise("OverflowError", "int too large to convert to float")
		}
		v = f
	}
	d, err := pyTime(v)
	return patience{limited: true, span: d}, err
}

// notOrdered says that v cannot be compared with an int.
func notOrdered(op string, v any) error {
	return typeError("'%s' not supported between instances of '%s' and 'int'", op, pickle.TypeName(v))
}

// lockPatience reads the arguments of the acquire of a lock, which is written in C.
func (c *call) lockPatience() (patience, error) {
	blocking, timeout := any(true), any(int64(-1))
	words := 0
	if c.kwargs != nil {
		words = c.kwargs.Len()
	}
	if n := len(c.args) + words; n > 2 {
		what := ""
		if len(c.args) == 0 {
			what = "keyword "
		}
		return patience{}, typeError("acquire() takes at most 2 %sarguments (%d given)", what, n)
	}
	for i, v := range c.args {
		if i == 0 {
			blocking = v
		} else {
			timeout = v
		}
	}
	if words > 0 {
		for key, v := range c.kwargs.All() {
			i := 0
			switch key {
			case "blocking":
				blocking = v
			case "timeout":
				timeout, i = v, 1
			default:
				return patience{}, typeError("acquire() got an unexpected keyword argument '%s'", key)
			}
			if i < len(c.args) {
				return patience{}, typeError("argument for acquire() given by name ('%s') and position (%d)", key, i+1)
			}
		}
	}
	d, err := pyTime(timeout)
	const unset = -time.Second
	switch block := pickle.Truth(blocking); {
	case err != nil:
		return patience{}, err
	case !block && d != unset:
		return patience{}, valueError("can't specify a timeout for a non-blocking call")
	case d < 0 && d != unset:
		return patience{}, valueError("timeout value must be a non-negative number")
	case !block:
		return patience{limited: true}, nil
	case d == unset:
		return forever(), nil
	}
	return patience{limited: true, span: d}, nil
}

// goPatience reads the argument of a method that only our client calls: the time in nanoseconds, or None.
func (c *call) goPatience() (patience, error) {
	v := c.argument(0, nil)
	if v == nil {
		return forever(), nil
	}
	n, _, ok := integer(v)
	if !ok {
		return patience{}, notAnInteger(v)
	}
	return patience{limited: true, span: time.Duration(n)}, nil
}

// await makes the call wait in a line, as long as it has patience.
func (c *call) await(l *line, p patience, data any) *waiter {
	w := c.wait(p.span, p.limited, data)
	l.push(w)
	return w
}
