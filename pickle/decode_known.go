package pickle

import "math/big"

// known calls what this package has a type for. What does not fit is left to be an Object.
func (m *machine) known(g *Global, args []any) (v any, ok bool, err error) {
	switch g.Module {
	case "builtins":
	case "_codecs":
		if g.Name == "encode" && len(args) == 2 && (args[1] == "latin1" || args[1] == "latin-1") {
			s, _ := args[0].(string)
			m.memory -= int64(len(s)) + 16 // also if it fails
			b, ok := latin1(s)
			return Bytes(b), ok, nil
		}
		return nil, false, nil
	case "copyreg": // what NEWOBJ and NEWOBJ_EX are in older protocols
		o := madeByNew(g.Name, args)
		m.nodes--
		m.memory -= objectSize + 16*int64(len(args))
		return o, o != nil, nil
	default:
		return nil, false, nil
	}
	switch g.Name {
	case "set", "frozenset":
		s := &Set{frozen: g.Name == "frozenset"}
		items, ok := itemsOf(args)
		if !ok {
			break
		}
		m.memory -= 96
		return s, true, m.fillSet(s, items)
	case "bytearray":
		data, ok := m.bytesArg(args)
		m.memory -= int64(len(data)) + 24
		if ok {
			return &ByteArray{[]byte(data)}, true, nil
		}
	case "bytes":
		if len(args) == 0 {
			return Bytes(""), true, nil
		}
	case "complex":
		if len(args) == 2 {
			re, ok1 := args[0].(float64)
			im, ok2 := args[1].(float64)
			return complex(re, im), ok1 && ok2, nil
		}
	case "range":
		if len(args) == 3 && isRangeInt(args[0]) && isRangeInt(args[1]) && isRangeInt(args[2]) && Truth(args[2]) {
			m.memory -= 48
			return &Range{args[0], args[1], args[2]}, true, nil
		}
	case "slice":
		if len(args) == 3 {
			m.memory -= 48
			return &Slice{args[0], args[1], args[2]}, true, nil
		}
	case "getattr":
		// Until protocol 4 this is how a class in a class is named.
		if m.proto < 4 && len(args) == 2 {
			outer, ok1 := args[0].(*Global)
			name, ok2 := args[1].(string)
			if ok1 && ok2 && name != "" && len(outer.Name)+len(name) < 1000 {
				m.memory -= 1000
				return &Global{outer.Module, outer.Name + "." + name}, true, nil
			}
		}
	}
	return nil, false, nil
}

func madeByNew(name string, args []any) *Object {
	switch {
	case name == "__newobj__" && len(args) > 0:
		return &Object{How: ByNew, Callable: args[0], Args: newTuple(args[1:])}
	case name == "__newobj_ex__" && len(args) == 3:
		positional, ok1 := args[1].(*Tuple)
		keywords, ok2 := args[2].(*Dict)
		if ok1 && ok2 {
			return &Object{How: ByNewEx, Callable: args[0], Args: positional, Kwargs: keywords}
		}
	}
	return nil
}

// itemsOf returns what the one argument of a set has in it.
func itemsOf(args []any) ([]any, bool) {
	if len(args) == 0 {
		return nil, true
	}
	if len(args) > 1 {
		return nil, false
	}
	switch arg := args[0].(type) {
	case *List:
		return arg.Items, true
	case *Tuple:
		return arg.Items, true
	}
	return nil, false
}

// bytesArg returns what the arguments of a bytearray say: nothing, bytes, or Latin-1 as from Python 2.
func (m *machine) bytesArg(args []any) (string, bool) {
	switch len(args) {
	case 0:
		return "", true
	case 1:
		b, ok := args[0].(Bytes)
		return string(b), ok
	case 2:
		if s, ok := args[0].(string); ok && args[1] == "latin-1" {
			m.memory -= int64(len(s))
			return latin1(s)
		}
	}
	return "", false
}

// isRangeInt reports whether v is an int that arithmetic on a range can afford.
func isRangeInt(v any) bool {
	switch v := v.(type) {
	case int64:
		return true
	case *big.Int:
		return v.BitLen() <= 4096
	}
	return false
}
