package pickle

import "strings"

// Less reports whether a < b in Python: numbers but complex ones by value, str by code points, bytes, tuples and
// lists by their first difference, sets if a is a proper subset. All else gives an *UnorderedError, and what is nested
// too deeply a *DepthError.
func Less(a, b any) (bool, error) {
	var c comparer
	for range maxDepth {
		switch x := a.(type) {
		case string:
			if y, ok := b.(string); ok {
				return x < y, nil // UTF-8 is ordered as its code points are, surrogates included
			}
		case Bytes, *ByteArray:
			if y, ok := bytesOf(b); ok {
				s, _ := bytesOf(x)
				return strings.Compare(s, y) < 0, nil
			}
		case *Set:
			if y, ok := b.(*Set); ok {
				if x.Len() >= y.Len() {
					return false, nil
				}
				return c.tables(&x.table, &y.table, false)
			}
		default:
			if isReal(a) && isReal(b) {
				order, ok := compareReals(a, b)
				return ok && order < 0, nil
			}
		}
		x, y, ok := sequences(a, b)
		if !ok {
			return false, &UnorderedError{"<", TypeName(a), TypeName(b)}
		}
		i, err := c.difference(x, y)
		if err != nil {
			return false, err
		}
		if i == len(x) || i == len(y) {
			return len(x) < len(y), nil
		}
		a, b = x[i], y[i]
	}
	return false, &DepthError{"in comparison"}
}

func isReal(v any) bool {
	_, imaginary := v.(complex128)
	return isNumber(v) && !imaginary
}

// sequences returns the items of two tuples, two lists or two slices.
func sequences(a, b any) (x, y []any, ok bool) {
	switch a := a.(type) {
	case *Tuple:
		if b, ok := b.(*Tuple); ok {
			return a.Items, b.Items, true
		}
	case *List:
		if b, ok := b.(*List); ok {
			return a.Items, b.Items, true
		}
	case *Slice:
		if b, ok := b.(*Slice); ok {
			return []any{a.Start, a.Stop, a.Step}, []any{b.Start, b.Stop, b.Step}, true
		}
	}
	return nil, nil, false
}

// difference returns where x and y differ first, or the length of the shorter one.
func (c *comparer) difference(x, y []any) (int, error) {
	n := min(len(x), len(y))
	for i := range n {
		if same, err := c.item(x[i], y[i]); !same || err != nil {
			return i, err
		}
	}
	return n, nil
}
