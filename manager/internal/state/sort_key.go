package state

import (
	"math"
	"math/big"
	"strings"

	"github.com/multiproc-go/multiproc/pickle"
)

// applyKey calls the key function of a sort. Only some functions of Python can be had here: nothing of Python is run.
func (c *call) applyKey(key, v any) (any, error) {
	switch f := key.(type) {
	case *pickle.Global:
		return c.applyGlobal(f, v)
	case *pickle.Object:
		module, name, _ := f.Class()
		switch {
		case module == "builtins" && name == "getattr" && f.Args != nil && len(f.Args.Items) == 2:
			class, ok1 := f.Args.Items[0].(*pickle.Global)
			attr, ok2 := f.Args.Items[1].(string)
			if ok1 && ok2 {
				return c.applyGlobal(&pickle.Global{Module: class.Module, Name: class.Name + "." + attr}, v)
			}
		case module == "operator" && name == "itemgetter" && f.Args != nil && len(f.Args.Items) > 0:
			return itemsAt(v, f.Args.Items)
		}
	}
	if o, ok := key.(*pickle.Object); ok {
		return nil, typeError("the server runs no Python and does not have the key function %s", pickle.Repr(o.Callable))
	}
	return nil, typeError("'%s' object is not callable", pickle.TypeName(key))
}

func (c *call) applyGlobal(f *pickle.Global, v any) (any, error) {
	if f.Module == "builtins" {
		switch f.Name {
		case "len":
			return length(v)
		case "abs":
			return absolute(v)
		case "repr":
			text := pickle.Repr(v)
			return text, c.spend(int64(len(text)))
		case "str":
			if s, ok := v.(string); ok {
				return s, nil
			}
			text := pickle.Repr(v)
			return text, c.spend(int64(len(text)))
		case "bool":
			return pickle.Truth(v), nil
		case "str.lower", "str.upper", "str.strip":
			s, ok := v.(string)
			if !ok {
				return nil, typeError("descriptor '%s' for 'str' objects doesn't apply to a '%s' object", lastName(f.Name), pickle.TypeName(v))
			}
			switch f.Name {
			case "str.lower":
				return strings.ToLower(s), nil
			case "str.upper":
				return strings.ToUpper(s), nil
			}
			return strings.TrimSpace(s), nil
		}
	}
	return nil, typeError("the server runs no Python and does not have the key function %s.%s", f.Module, f.Name)
}

// length is Python's len.
func length(v any) (any, error) {
	switch v := v.(type) {
	case string:
		n := int64(0)
		for len(v) > 0 {
			v = v[characterSize(v):]
			n++
		}
		return n, nil
	case pickle.Bytes:
		return int64(len(v)), nil
	case *pickle.ByteArray:
		return int64(len(v.Data)), nil
	case *pickle.List:
		return int64(len(v.Items)), nil
	case *pickle.Tuple:
		return int64(len(v.Items)), nil
	case *pickle.Dict:
		return int64(v.Len()), nil
	case *pickle.Set:
		return int64(v.Len()), nil
	case *pickle.Range:
		if _, _, n, _ := rangeOf(v); n >= 0 {
			return n, nil
		}
		return nil, raise("OverflowError", "Python int too large to convert to C ssize_t")
	}
	return nil, typeError("object of type '%s' has no len()", pickle.TypeName(v))
}

// absolute is Python's abs.
func absolute(v any) (any, error) {
	switch v := v.(type) {
	case float64:
		return math.Abs(v), nil
	case complex128:
		return math.Hypot(real(v), imag(v)), nil
	case bool, int64, *big.Int:
		b, _ := bigOf(v)
		return pickle.Int(new(big.Int).Abs(b)), nil
	}
	return nil, typeError("bad operand type for abs(): '%s'", pickle.TypeName(v))
}

// itemsAt is operator.itemgetter.
func itemsAt(v any, indices []any) (any, error) {
	items := make([]any, len(indices))
	for i, index := range indices {
		item, err := itemAt(v, index)
		if err != nil {
			return nil, err
		}
		items[i] = item
	}
	if len(items) == 1 {
		return items[0], nil
	}
	return &pickle.Tuple{Items: items}, nil
}

func itemAt(v, index any) (any, error) {
	var n int64
	var at func(int64) any
	name := pickle.TypeName(v)
	of, where := name+" indices must be integers or slices, not %s", name+" index out of range"
	switch v := v.(type) {
	case *pickle.Dict:
		item, ok, err := v.Get(index)
		if err == nil && !ok {
			err = raiseValue("KeyError", index)
		}
		return item, err
	case *pickle.List:
		n, at = int64(len(v.Items)), func(i int64) any { return v.Items[i] }
	case *pickle.Tuple:
		n, at = int64(len(v.Items)), func(i int64) any { return v.Items[i] }
	case string:
		of, where = "string indices must be integers, not '%s'", "string index out of range"
		size, _ := length(v)
		n = size.(int64)
		at = func(i int64) any { return character(v, i) }
	case pickle.Bytes:
		n, at = int64(len(v)), func(i int64) any { return int64(v[i]) }
		of, where = "byte indices must be integers or slices, not %s", "index out of range"
	case *pickle.ByteArray:
		n, at = int64(len(v.Data)), func(i int64) any { return int64(v.Data[i]) }
	case *pickle.Range:
		where = "range object index out of range"
		if i, ok := rangeIndex(v, index); ok {
			return i, nil
		} else if isInteger(index) {
			return nil, raise("IndexError", "%s", where)
		}
	default:
		if g, ok := v.(*pickle.Global); ok && name == "type" {
			return nil, typeError("type '%s' is not subscriptable", g.Name)
		}
		return nil, typeError("'%s' object is not subscriptable", name)
	}
	i, beyond, ok := integer(index)
	switch {
	case !ok:
		return nil, typeError(of, pickle.TypeName(index))
	case beyond != 0:
		return nil, raise("IndexError", "cannot fit 'int' into an index-sized integer")
	case i < 0:
		i += n
	}
	if i < 0 || i >= n {
		return nil, raise("IndexError", "%s", where)
	}
	return at(i), nil
}

// character returns the i-th character of a str.
func character(s string, i int64) string {
	for ; i > 0; i-- {
		s = s[characterSize(s):]
	}
	return s[:characterSize(s)]
}

// rangeIndex returns an int of a range by its position.
func rangeIndex(r *pickle.Range, index any) (any, bool) {
	i, ok1 := bigOf(index)
	start, ok2 := bigOf(r.Start)
	step, ok3 := bigOf(r.Step)
	_, _, n, _ := rangeOf(r)
	if !ok1 || !ok2 || !ok3 || n < 0 {
		return nil, false
	}
	if i.Sign() < 0 {
		i = new(big.Int).Add(i, big.NewInt(n))
	}
	if i.Sign() < 0 || i.Cmp(big.NewInt(n)) >= 0 {
		return nil, false
	}
	return pickle.Int(new(big.Int).Add(start, new(big.Int).Mul(i, step))), true
}
