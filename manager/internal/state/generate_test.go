package state

import (
	"math"

	"github.com/multiproc-go/multiproc/pickle"
)

// position returns something to index with, mostly good.
func (m *mirror) position() any {
	switch m.r.IntN(12) {
	case 0:
		return m.scalar()
	case 1:
		return oneOf[any](m, int64(1), bigInt("0x10000000000000000000000"), bigInt("-0x10000000000000000000000"), int64(math.MaxInt64), int64(math.MinInt64), true, false)
	}
	return int64(m.r.IntN(9) - 4)
}

func (m *mirror) slice() any {
	part := func() any {
		if m.chance(35) {
			return nil
		}
		return m.position()
	}
	s := &pickle.Slice{Start: part(), Stop: part()}
	if m.chance(40) {
		s.Step = oneOf[any](m, int64(1), int64(2), int64(-1), int64(-2), int64(3), int64(0), int64(math.MinInt64), int64(math.MaxInt64), "1", true)
	}
	return s
}

// scalar returns a value that has no others in it.
func (m *mirror) scalar() any {
	switch m.r.IntN(9) {
	case 0:
		return oneOf[any](m, nil, true, false)
	case 1:
		return oneOf[any](m, 0.0, math.Copysign(0, -1), 1.0, 1.5, -2.25, 1e100, math.Inf(1), math.NaN(), 3.0, 1e16, 1e-7)
	case 2:
		return oneOf[any](m, "", "a", "b", "ab", "abc", "'", "\"'", "é", "漢字", "\n\x00", "😀", "\xed\xa0\x80")
	case 3:
		return oneOf[any](m, pickle.Bytes(""), pickle.Bytes("a"), pickle.Bytes("abcd"), pickle.Bytes("\xff'"))
	case 4:
		return oneOf[any](m, bigInt("0x8000000000000000"), bigInt("-0x8000000000000001"), bigInt("0xffffffffffffffff"), bigInt("0x10000000000000000"),
			bigInt("1000000000000000000000000000000"), int64(math.MaxInt64), int64(math.MinInt64), int64(1<<31), int64(1<<32), int64(-1<<31-1), int64(300), int64(-129), int64(70000))
	case 5:
		return oneOf[any](m, complex(1, 2), complex(0, -1), complex(1, 0))
	}
	return int64(m.r.IntN(8) - 2)
}

// any returns any value.
func (m *mirror) any() any { return m.nested(3) }

func (m *mirror) nested(depth int) any {
	if depth == 0 || m.chance(60) {
		return m.scalar()
	}
	items := func(n int) []any {
		list := make([]any, m.r.IntN(n))
		for i := range list {
			list[i] = m.nested(depth - 1)
		}
		return list
	}
	switch m.r.IntN(10) {
	case 0, 1, 2:
		return &pickle.List{Items: items(4)}
	case 3, 4:
		return &pickle.Tuple{Items: items(4)}
	case 5:
		d := pickle.NewDict()
		for range m.r.IntN(4) {
			_ = d.Set(m.key(), m.nested(depth-1))
		}
		return d
	case 6:
		s := pickle.NewSet(m.chance(50))
		if m.chance(80) { // of one element: Python's order is by hash
			_, _ = s.Add(m.key())
		}
		return s
	case 7:
		return &pickle.Range{Start: int64(m.r.IntN(4)), Stop: int64(m.r.IntN(6)), Step: oneOf[any](m, int64(1), int64(2), int64(-1))}
	case 8:
		return &pickle.ByteArray{Data: []byte(oneOf(m, "", "x", "yz"))}
	}
	return oneOf[any](m, m.slice(), &pickle.Global{Module: "builtins", Name: "len"}, &pickle.Global{Module: "builtins", Name: "int"})
}

// key returns a key, now and then one that cannot be hashed.
func (m *mirror) key() any {
	switch m.r.IntN(8) {
	case 0:
		return m.nested(2)
	case 1:
		return pickle.NewTuple(m.scalar(), m.scalar())
	case 2:
		return m.scalar()
	case 3:
		return oneOf[any](m, true, 1.0, complex(1, 0), 2.0)
	}
	return oneOf[any](m, "a", "b", "c", "d", int64(0), int64(1), int64(2))
}

// homogeneous returns values that can be sorted.
func (m *mirror) homogeneous() []any {
	items := make([]any, m.r.IntN(oneOf(m, 6, 20, 64, 200)))
	how := m.r.IntN(6)
	for i := range items {
		switch how {
		case 0:
			items[i] = int64(m.r.IntN(10))
		case 1:
			items[i] = oneOf(m, "a", "b", "ab", "", "A", "é", "Z")
		case 2:
			items[i] = oneOf[any](m, int64(m.r.IntN(5)), float64(m.r.IntN(5)), true)
		case 3:
			items[i] = pickle.NewTuple(int64(m.r.IntN(3)), oneOf(m, "x", "y"))
		case 4:
			items[i] = int64(len(items) - i)
		case 5:
			items[i] = int64(-i / 2)
		}
	}
	if m.chance(25) && len(items) > 0 && len(items) < 64 { // and one that cannot
		items[m.r.IntN(len(items))] = m.any()
	}
	return items
}

// iterable returns something to iterate over, mostly.
func (m *mirror) iterable() any {
	switch m.r.IntN(10) {
	case 0:
		return m.any()
	case 1:
		return &pickle.Range{Start: m.r.Int64N(5), Stop: m.r.Int64N(10), Step: int64(1)}
	case 2:
		return oneOf[any](m, "abc", "é漢", pickle.Bytes("\x01\xff"), &pickle.ByteArray{Data: []byte("q")})
	case 3:
		return oneOf[any](m, iterOver([]any{int64(1), "x"}), &pickle.Object{
			Callable: &pickle.Global{Module: "builtins", Name: "reversed"},
			Args:     pickle.NewTuple(pickle.NewList(int64(1), int64(2), int64(3))), State: int64(m.r.IntN(3)), HasState: true,
		}, m.arrayValue())
	case 4:
		return &pickle.Range{Start: int64(0), Stop: oneOf[any](m, int64(1)<<61, bigInt("0x1000000000000000000000")), Step: int64(1)}
	case 5:
		return &pickle.Tuple{Items: m.homogeneous()}
	case 6:
		d := pickle.NewDict()
		for range m.r.IntN(4) {
			_ = d.Set(m.key(), m.any())
		}
		return d
	}
	return &pickle.List{Items: m.homogeneous()}
}

func (m *mirror) pairs() any {
	if m.chance(40) {
		return m.iterable()
	}
	var items []any
	for range m.r.IntN(5) {
		pair := []any{m.key(), m.any()}
		if m.chance(10) {
			pair = append(pair, m.any())
		}
		items = append(items, oneOf[any](m, &pickle.Tuple{Items: pair}, &pickle.List{Items: pair}, "xy"))
	}
	if m.chance(10) {
		items = append(items, m.any())
	}
	return &pickle.List{Items: items}
}

func (m *mirror) arrayValue() any {
	code := oneOf(m, "b", "B", "h", "H", "i", "I", "l", "L", "q", "Q", "f", "d")
	a := &array{code: typecodeOf(code)}
	for range m.r.IntN(5) {
		_ = a.fill([]any{int64(m.r.IntN(100))})
	}
	return a.value()
}

func (m *mirror) keywords(names ...string) *pickle.Dict {
	d := pickle.NewDict()
	for _, name := range names {
		if m.chance(50) {
			_ = d.Set(name, m.any())
		}
	}
	return d
}

// constructor returns the arguments of a constructor.
func (m *mirror) constructor(typeid string) (*pickle.Tuple, *pickle.Dict) {
	if args, kwargs, ok := m.syncConstructor(typeid); ok {
		return args, kwargs
	}
	none := pickle.NewDict()
	if m.chance(8) {
		return &pickle.Tuple{Items: m.some(4)}, m.keywords("qqqq")
	}
	switch typeid {
	case "set":
		if m.chance(15) {
			return pickle.NewTuple(), none
		}
		return m.setArguments("issubset")
	case "list":
		if m.chance(15) {
			return pickle.NewTuple(), none
		}
		return pickle.NewTuple(m.iterable()), none
	case "dict":
		if m.chance(30) {
			return pickle.NewTuple(), m.keywords("a", "b", "zzzz")
		}
		return pickle.NewTuple(m.pairs()), m.keywords("a")
	case "Namespace":
		return pickle.NewTuple(), m.keywords("a", "b", "_hidden", "zzzz")
	case "Value":
		args := pickle.NewTuple(oneOf[any](m, "i", "d", m.any()), m.any())
		if m.chance(20) {
			args.Items = append(args.Items, m.any())
		}
		if m.chance(20) {
			args.Items = args.Items[:1]
		}
		if m.chance(20) {
			_ = none.Set(oneOf(m, "value", "lock", "qqqqqqqq"), m.any())
		}
		return args, none
	case "Array":
		code := oneOf[any](m, "b", "B", "h", "H", "i", "I", "l", "L", "q", "Q", "f", "d", "u", "w")
		if m.chance(5) {
			code = m.any()
		}
		switch {
		case code == "u" || code == "w": // from bytes come code points that are none
		case m.chance(10):
			return pickle.NewTuple(code, m.any()), none
		case m.chance(10):
			return pickle.NewTuple(code, oneOf[any](m, pickle.Bytes("abcdefgh"), pickle.Bytes("abc"), "text", m.arrayValue(), &pickle.ByteArray{Data: []byte("12345678")})), none
		case m.chance(5):
			return pickle.NewTuple(code), none
		}
		var items []any
		for range m.r.IntN(8) {
			items = append(items, m.element(code))
		}
		return pickle.NewTuple(code, &pickle.List{Items: items}), none
	}
	return pickle.NewTuple(iterOver(m.some(4))), none
}

// element returns a good item for an array, mostly.
func (m *mirror) element(code any) any {
	if m.chance(5) {
		return m.scalar()
	}
	if code == "u" || code == "w" {
		return oneOf(m, "a", "é", "漢", "😀")
	}
	return int64(m.r.IntN(100))
}

// some returns up to n-1 values.
func (m *mirror) some(n int) []any {
	items := make([]any, m.r.IntN(n))
	for i := range items {
		items[i] = m.any()
	}
	return items
}

// arguments returns the arguments of a method: good ones, mostly.
func (m *mirror) arguments(typeid, method string) (*pickle.Tuple, *pickle.Dict) {
	if args, kwargs, ok := m.syncArguments(typeid, method); ok {
		return args, kwargs
	}
	if typeid == "set" {
		return m.setArguments(method)
	}
	none := pickle.NewDict()
	if m.chance(6) {
		return &pickle.Tuple{Items: m.some(5)}, m.keywords("qqqq")
	}
	tuple := func(args ...any) (*pickle.Tuple, *pickle.Dict) {
		if m.chance(3) {
			_ = none.Set("qqqq", int64(1))
		}
		if m.chance(2) && len(args) > 0 {
			args = args[:len(args)-1]
		}
		return &pickle.Tuple{Items: args}, none
	}
	where := func() any {
		if m.chance(45) {
			return m.slice()
		}
		return m.position()
	}
	switch typeid + "." + method {
	case "list.__add__":
		return tuple(oneOf[any](m, m.any(), &pickle.List{Items: m.some(4)}))
	case "list.__getitem__", "list.__delitem__", "Array.__getitem__":
		return tuple(where())
	case "list.__setitem__":
		if m.chance(50) {
			return tuple(m.slice(), m.iterable())
		}
		return tuple(m.position(), m.any())
	case "list.__mul__", "list.__imul__", "list.__rmul__":
		if m.chance(50) {
			return tuple(int64(m.r.IntN(3)))
		}
		return tuple(oneOf[any](m, int64(-1), int64(0), true, int64(1)<<62, bigInt("0x100000000000000000000"), m.any()))
	case "list.extend":
		return tuple(m.iterable())
	case "list.insert":
		return tuple(m.position(), m.any())
	case "list.pop":
		if m.chance(40) {
			return tuple()
		}
		return tuple(m.position())
	case "list.index":
		args := []any{m.scalar(), m.position(), m.position()}
		return tuple(args[:1+m.r.IntN(3)]...)
	case "list.sort":
		if m.chance(40) {
			_ = none.Set("reverse", oneOf[any](m, true, false, int64(1), nil, m.any()))
		}
		if m.chance(40) {
			_ = none.Set("key", oneOf[any](m, nil, global("len"), global("abs"), global("str"), global("repr"), int64(5), &pickle.Object{
				Callable: global("getattr"), Args: pickle.NewTuple(global("str"), oneOf(m, "lower", "upper", "strip")),
			}, &pickle.Object{
				Callable: &pickle.Global{Module: "operator", Name: "itemgetter"}, Args: &pickle.Tuple{Items: []any{m.position(), int64(0)}[:1+m.r.IntN(2)]},
			}))
		}
		return &pickle.Tuple{}, none
	case "list.append", "list.count", "list.remove", "list.__contains__":
		return tuple(m.any())
	case "dict.__contains__", "dict.__getitem__", "dict.__delitem__":
		return tuple(m.key())
	case "dict.__setitem__":
		return tuple(m.key(), m.any())
	case "dict.get", "dict.pop", "dict.setdefault":
		if m.chance(50) {
			return tuple(m.key())
		}
		return tuple(m.key(), m.any())
	case "dict.update":
		if m.chance(30) {
			return pickle.NewTuple(), m.keywords("a", "b", "zzzz")
		}
		return pickle.NewTuple(m.pairs()), m.keywords("a")
	case "dict.__or__", "dict.__ror__", "dict.__ior__":
		return tuple(m.pairs())
	case "dict.fromkeys":
		keys := m.iterable()
		if _, huge := keys.(*pickle.Range); huge {
			keys = "huge" // Python would begin
		}
		return tuple([]any{keys, m.any()}[:1+m.r.IntN(2)]...)
	case "Namespace.__delattr__":
		return tuple(oneOf[any](m, "a", "b", "c", "_hidden", "__class__", m.any()))
	case "Namespace.__getattribute__":
		return tuple(oneOf[any](m, "a", "b", "c", "_hidden", "__class__", "__dict__", m.any()))
	case "Namespace.__setattr__":
		return tuple(oneOf[any](m, "a", "b", "c", "d", "_x", m.any()), m.any())
	case "Value.set":
		if m.chance(15) {
			_ = none.Set(oneOf(m, "value", "qqqqqqqq"), m.any())
			return &pickle.Tuple{Items: m.some(2)}, none
		}
		return tuple(m.any())
	case "Array.__setitem__":
		if m.chance(40) {
			return tuple(m.slice(), oneOf(m, m.any(), m.arrayValue(), m.arrayValue()))
		}
		return tuple(m.position(), m.element("i"))
	}
	return tuple()
}

func global(name string) *pickle.Global { return &pickle.Global{Module: "builtins", Name: name} }
