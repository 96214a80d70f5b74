package pickle

import "math/big"

// Bytes is Python's bytes.
type Bytes string

// ByteArray is Python's bytearray.
type ByteArray struct{ Data []byte }

// Tuple is Python's tuple. Its Items must not change once it is a key of a Dict or in a Set.
type Tuple struct{ Items []any }

// NewTuple returns a tuple of items, which it keeps.
func NewTuple(items ...any) *Tuple { return &Tuple{Items: items} }

// List is Python's list.
type List struct{ Items []any }

// NewList returns a list of items, which it keeps.
func NewList(items ...any) *List { return &List{Items: items} }

// Slice is Python's slice: three values of any type, mostly ints or nil. It is hashable, as from Python 3.12.
type Slice struct{ Start, Stop, Step any }

// Range is Python's range. Its fields are ints: int64 or *big.Int.
type Range struct{ Start, Stop, Step any }

// Global names a class or a function. A Name with dots leads into a class. Two Globals with equal fields are the
// same object to Python, wherever they stand.
type Global struct{ Module, Name string }

// Custom is a value of another package that may stand in a graph. It should be a pointer: its identity in Python is
// that of the Go value, also as a key and in comparisons.
type Custom interface {
	// PickleValue returns the graph that the value is pickled as. It is asked once for each message.
	PickleValue() (any, error)
	// PyType returns the name of the value's class in Python.
	PyType() string
	// PyRepr returns the value's repr in Python.
	PyRepr() string
}

// Int returns b as an int of a graph: an int64 if it fits, else b itself.
func Int(b *big.Int) any {
	if b.IsInt64() {
		return b.Int64()
	}
	return b
}

// TypeName returns the name of v's class in Python without its module: "int", "list", "NoneType".
func TypeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int64, *big.Int:
		return "int"
	case float64:
		return "float"
	case complex128:
		return "complex"
	case string:
		return "str"
	case Bytes:
		return "bytes"
	case *ByteArray:
		return "bytearray"
	case *Tuple:
		return "tuple"
	case *List:
		return "list"
	case *Dict:
		return "dict"
	case *Set:
		if v.frozen {
			return "frozenset"
		}
		return "set"
	case *Slice:
		return "slice"
	case *Range:
		return "range"
	case *Global:
		return v.typeName()
	case *Object:
		_, name, ok := v.Class()
		if !ok {
			return "object"
		}
		return lastName(name)
	case Custom:
		return v.PyType()
	}
	return goTypeName(v)
}

// Truth reports whether v is true in Python: not None, zero or empty. An Object is true.
func Truth(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case *big.Int:
		return v.Sign() != 0
	case float64:
		return v != 0
	case complex128:
		return v != 0
	case string:
		return v != ""
	case Bytes:
		return v != ""
	case *ByteArray:
		return len(v.Data) > 0
	case *Tuple:
		return len(v.Items) > 0
	case *List:
		return len(v.Items) > 0
	case *Dict:
		return v.Len() > 0
	case *Set:
		return v.Len() > 0
	case *Range:
		return v.length().Sign() > 0
	}
	return true
}
