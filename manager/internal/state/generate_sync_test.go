package state

import (
	"math"
	"strings"

	"github.com/multiproc-go/multiproc/pickle"
)

// syncTypes are those that CPython makes of threading and queue.
var syncTypes = []string{"Queue", "JoinableQueue", "Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "Event", "Barrier"}

// wrong returns something that is no number.
func (m *mirror) wrong() any {
	return oneOf[any](m, "x", pickle.NewList(), pickle.NewTuple(int64(1)), pickle.Bytes("b"))
}

// timeout returns a time that is over soon, or none at all if nobody minds waiting.
func (m *mirror) timeout() any {
	switch {
	case m.chance(8):
		return m.wrong()
	case m.t == nil && m.chance(40):
		return nil
	case m.t == nil && m.chance(30):
		return float64(m.r.IntN(2000)) / 1000
	}
	return oneOf[any](m, int64(0), 0.0, false, int64(-3), -0.5, 0.0005, 0.001, 1e-12, math.Copysign(0, -1))
}

// bad are too many arguments, or a keyword that is unknown.
func (m *mirror) bad() (*pickle.Tuple, *pickle.Dict) {
	none := pickle.NewDict()
	if m.chance(40) {
		_ = none.Set(oneOf(m, "q", "qqqq"), int64(1))
		return pickle.NewTuple(), none
	}
	var items []any
	for range m.r.IntN(5) {
		items = append(items, m.wrong())
	}
	return &pickle.Tuple{Items: items}, none
}

func (m *mirror) syncConstructor(typeid string) (args *pickle.Tuple, kwargs *pickle.Dict, ok bool) {
	none := pickle.NewDict()
	word := func(name string, v any) (*pickle.Tuple, *pickle.Dict, bool) {
		if m.chance(30) {
			_ = none.Set(name, v)
			return pickle.NewTuple(), none, true
		}
		return pickle.NewTuple(v), none, true
	}
	switch typeid {
	case "Queue", "JoinableQueue", "Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "Event", "Barrier", "RWLock", "Counter":
	default:
		return nil, nil, false
	}
	if m.chance(8) && typeid != "Queue" && typeid != "JoinableQueue" && typeid != "Lock" && typeid != "RLock" {
		args, kwargs = m.bad()
		return args, kwargs, true
	}
	switch typeid {
	case "Queue", "JoinableQueue":
		return word("maxsize", oneOf[any](m, int64(0), int64(1), int64(2), int64(3), int64(-1), true))
	case "Semaphore", "BoundedSemaphore":
		return word("value", oneOf[any](m, int64(0), int64(1), int64(2), int64(3), int64(-1)))
	case "Counter":
		return word("value", oneOf[any](m, int64(0), int64(7), bigInt("0x8000000000000000"), "x"))
	case "Barrier":
		if m.chance(30) {
			return pickle.NewTuple(int64(m.r.IntN(4)), nil, m.timeout()), none, true
		}
		return word("parties", int64(m.r.IntN(4)))
	case "Condition":
		if m.chance(20) {
			return pickle.NewTuple(oneOf[any](m, nil, int64(1), "x")), none, true
		}
	}
	return pickle.NewTuple(), none, true
}

func (m *mirror) syncArguments(typeid, method string) (args *pickle.Tuple, kwargs *pickle.Dict, ok bool) {
	none := pickle.NewDict()
	if _, _, ok := m.syncConstructor(typeid); !ok {
		return nil, nil, false
	}
	harmless := method != "wait" && method != "get" && method != "acquire" && method != "join" // without arguments they may wait
	if m.chance(8) && (harmless || m.t == nil) {
		args, kwargs = m.bad()
		return args, kwargs, true
	}
	if m.chance(3) {
		return &pickle.Tuple{Items: []any{m.wrong(), m.wrong(), m.wrong(), m.wrong()}}, none, true
	}
	tuple := func(args ...any) (*pickle.Tuple, *pickle.Dict, bool) { return &pickle.Tuple{Items: args}, none, true }
	switch method {
	case "acquire", "acquire_read", "acquire_write":
		if m.chance(30) {
			return tuple(oneOf[any](m, false, int64(0), nil, ""))
		}
		if m.t == nil && m.chance(50) {
			return tuple()
		}
		if m.chance(20) {
			return tuple(false, m.timeout())
		}
		timeout := m.timeout()
		if typeid != "Semaphore" && typeid != "BoundedSemaphore" && m.chance(10) {
			timeout = oneOf[any](m, math.NaN(), math.Inf(1), 1e20, int64(-2), bigInt("0x100000000000000000000"), int64(1)<<40)
		}
		if m.chance(20) {
			_ = none.Set("timeout", timeout)
			return tuple()
		}
		return tuple(true, timeout)
	case "wait":
		if m.chance(20) {
			_ = none.Set("timeout", m.timeout())
			return tuple()
		}
		return tuple(m.timeout())
	case "release":
		if typeid == "Semaphore" || typeid == "BoundedSemaphore" {
			if m.chance(50) {
				return tuple(oneOf[any](m, int64(1), int64(2), int64(0), int64(-1), true, m.wrong()))
			}
		}
	case "notify":
		if m.chance(60) {
			return tuple(oneOf[any](m, int64(1), int64(2), int64(0), true))
		}
	case "put", "#put":
		if m.chance(30) {
			_ = none.Set("timeout", m.timeout())
			return tuple(m.any())
		}
		if m.chance(30) {
			return tuple(m.any(), oneOf[any](m, false, int64(0)))
		}
		return tuple(m.any(), true, m.timeout())
	case "put_nowait":
		return tuple(m.any())
	case "get":
		if m.chance(30) {
			return tuple(false)
		}
		return tuple(true, m.timeout())
	case "shutdown":
		if m.chance(60) {
			return tuple(oneOf[any](m, true, false, int64(1), "", "x"))
		}
	case "__getattribute__":
		return tuple(oneOf[any](m, "parties", "n_waiting", "broken", "_timeout", "nothing", int64(3)))
	case "add", "sub", "set":
		return tuple(oneOf[any](m, int64(1), int64(-5), int64(math.MaxInt64), int64(math.MinInt64), bigInt("0x10000000000000000"), m.wrong()))
	case "compare_and_set":
		return tuple(oneOf[any](m, int64(0), 1.0), int64(m.r.IntN(5)))
	case "#lock", "#rlock", "#acquire", "#get":
		if m.chance(50) {
			return tuple(int64(m.r.IntN(1_000_000_000)))
		}
		return tuple(oneOf[any](m, nil, int64(0)))
	}
	return tuple()
}

// hasNaN finds what is not equal to itself: sets with it cannot be compared.
func hasNaN(v any) bool { return strings.Contains(pickle.Repr(v), "nan") }

// setArguments are those of a set's method.
func (m *mirror) setArguments(method string) (*pickle.Tuple, *pickle.Dict) {
	none := pickle.NewDict()
	if args := m.some(4); m.chance(10) && !hasNaN(&pickle.Tuple{Items: args}) {
		return &pickle.Tuple{Items: args}, none
	}
	operand := func() any {
		s := pickle.NewSet(m.chance(20))
		for range m.r.IntN(5) {
			_, _ = s.Add(int64(m.r.IntN(100)))
			_, _ = s.Add(oneOf[any](m, int64(1), int64(2), "a", "b", true))
		}
		return s
	}
	iterable := func() any {
		v := m.iterable()
		if _, huge := v.(*pickle.Range); huge || hasNaN(v) {
			return "huge" // Python would begin
		}
		return v
	}
	switch method {
	case "add", "discard", "remove", "__contains__":
		if m.chance(10) {
			return pickle.NewTuple(operand()), none
		}
		key := m.key()
		if hasNaN(key) {
			key = "nan"
		}
		return pickle.NewTuple(oneOf(m, key, any(int64(m.r.IntN(5))), any(oneOf(m, "a", "b")))), none
	case "clear", "copy", "pop", "__len__", "__iter__":
		return pickle.NewTuple(), none
	case "isdisjoint", "issubset", "issuperset", "symmetric_difference", "symmetric_difference_update":
		return pickle.NewTuple(oneOf(m, operand(), iterable())), none
	case "union", "update", "difference", "difference_update", "intersection", "intersection_update":
		var items []any
		for range m.r.IntN(3) {
			items = append(items, oneOf(m, operand(), operand(), iterable()))
		}
		if m.chance(3) {
			_ = none.Set("q", int64(1))
		}
		return &pickle.Tuple{Items: items}, none
	}
	if m.chance(10) {
		return pickle.NewTuple(m.any()), none
	}
	return pickle.NewTuple(operand()), none
}
