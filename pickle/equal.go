package pickle

import "math/big"

// Equal reports whether a == b in Python. Containers compare what is in them, by identity first, as in Python; two
// Objects are equal if they were made and changed in the same way. What is nested too deeply or in itself gives a
// *DepthError, if nothing differs before. The cost is about that of walking both once, also if parts are shared.
func Equal(a, b any) (bool, error) {
	if isNumber(a) && isNumber(b) {
		return equalNumbers(a, b), nil
	}
	var c comparer
	return c.item(a, b)
}

// comparer compares two values. Its zero value is ready.
type comparer struct {
	budget   *budget // nil: no end
	identity bool    // Objects are equal only if they are identical

	depth   int
	steps   int
	classes *classes // once there were many steps
}

// item is "a is b or a == b": how containers compare what is in them, and all but numbers that stand alone.
func (c *comparer) item(a, b any) (bool, error) {
	c.steps++
	if identical(a, b) {
		return true, nil
	}
	return c.compare(a, b)
}

func (c *comparer) compare(a, b any) (bool, error) {
	if err := c.budget.spend(1); err != nil {
		return false, err
	}
	switch x := a.(type) {
	case nil:
		return b == nil, nil
	case string:
		y, ok := b.(string)
		return ok && x == y, c.budget.spend(len(x) >> 6)
	case Bytes:
		y, ok := bytesOf(b)
		return ok && string(x) == y, c.budget.spend(len(x) >> 6)
	case *ByteArray:
		y, ok := bytesOf(b)
		return ok && stringOf(x.Data) == y, c.budget.spend(len(x.Data) >> 6)
	case bool, int64, *big.Int, float64, complex128:
		return isNumber(b) && equalNumbers(a, b), nil
	case *Global:
		y, ok := b.(*Global)
		return ok && *x == *y, nil
	case *Range:
		y, ok := b.(*Range)
		return ok && equalRanges(x, y), nil
	case *Tuple:
		if y, ok := b.(*Tuple); ok && len(x.Items) == len(y.Items) {
			return c.nested(a, b, func() (bool, error) { return c.items(x.Items, y.Items) })
		}
	case *List:
		if y, ok := b.(*List); ok && len(x.Items) == len(y.Items) {
			return c.nested(a, b, func() (bool, error) { return c.items(x.Items, y.Items) })
		}
	case *Slice:
		if y, ok := b.(*Slice); ok {
			return c.nested(a, b, func() (bool, error) {
				return c.items([]any{x.Start, x.Stop, x.Step}, []any{y.Start, y.Stop, y.Step})
			})
		}
	case *Dict:
		if y, ok := b.(*Dict); ok && x.Len() == y.Len() {
			return c.nested(a, b, func() (bool, error) { return c.tables(&x.table, &y.table, true) })
		}
	case *Set:
		if y, ok := b.(*Set); ok && x.Len() == y.Len() {
			return c.nested(a, b, func() (bool, error) { return c.tables(&x.table, &y.table, false) })
		}
	case *Object:
		if y, ok := b.(*Object); ok && !c.identity && x.How == y.How {
			return c.nested(a, b, func() (bool, error) { return c.objects(x, y) })
		}
	}
	return false, nil
}

// nested compares two containers by inside, unless it is known what comes of it. Those that are in themselves end at
// maxDepth, as in Python.
func (c *comparer) nested(a, b any, inside func() (bool, error)) (bool, error) {
	if c.depth++; c.depth > maxDepth {
		return false, &DepthError{"in comparison"}
	}
	defer func() { c.depth-- }()
	left, right := wordOf(a), wordOf(b)
	if c.classes != nil {
		if same, known := c.classes.lookup(left, right); known {
			return same, nil
		}
	}
	before := c.steps
	same, err := inside()
	if err != nil || c.steps < memoAfter {
		return same, err
	}
	if c.classes == nil {
		c.classes = newClasses()
	}
	switch {
	case same:
		c.classes.join(left, right)
	case c.steps-before >= memoAfter: // else there could be too many, as of keys that look alike
		c.classes.unequal[[2]address{left, right}] = true
	}
	return same, nil
}

func (c *comparer) items(a, b []any) (bool, error) {
	for i := range a {
		if same, err := c.item(a[i], b[i]); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

// tables reports whether all of a is in b, with equal values if they are dicts.
func (c *comparer) tables(a, b *table, values bool) (bool, error) {
	for i := range a.entries {
		e := &a.entries[i]
		if e.hash == dead {
			continue
		}
		at, err := b.findHash(e.hash, e.key, c)
		if at < 0 || err != nil {
			return false, err
		}
		if values {
			if same, err := c.item(e.value, b.entries[at].value); !same || err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

func (c *comparer) objects(a, b *Object) (bool, error) {
	if len(a.Pairs) != len(b.Pairs) || len(a.Items) != len(b.Items) || a.HasState != b.HasState || len(a.After) != len(b.After) {
		return false, nil
	}
	if same, err := c.items(a.parts(), b.parts()); !same || err != nil {
		return false, err
	}
	for i := range a.After {
		x, y := &a.After[i], &b.After[i]
		if x.Kind != y.Kind || len(x.Items) != len(y.Items) || len(x.Pairs) != len(y.Pairs) {
			return false, nil
		}
		if same, err := c.items(x.parts(), y.parts()); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

// parts returns all that an Object was made from but After.
func (o *Object) parts() []any {
	parts := append([]any{o.Callable, nil, nil, o.State}, o.Items...)
	if o.Args != nil {
		parts[1] = o.Args
	}
	if o.Kwargs != nil {
		parts[2] = o.Kwargs
	}
	return appendPairs(parts, o.Pairs)
}

func (s *Step) parts() []any {
	return appendPairs(append([]any{s.Callable, s.State}, s.Items...), s.Pairs)
}

func appendPairs(parts []any, pairs []Pair) []any {
	for _, p := range pairs {
		parts = append(parts, p.Key, p.Value)
	}
	return parts
}

// bytesOf returns the bytes of a bytes or bytearray, which compare equal. A bytearray must not change meanwhile.
func bytesOf(v any) (string, bool) {
	switch v := v.(type) {
	case Bytes:
		return string(v), true
	case *ByteArray:
		return stringOf(v.Data), true
	}
	return "", false
}

// equalRanges compares what ranges yield, without going through it.
func equalRanges(a, b *Range) bool {
	n := a.length()
	if n.Cmp(b.length()) != 0 {
		return false
	}
	return n.Sign() == 0 || equalNumbers(a.Start, b.Start) && (n.Cmp(big.NewInt(1)) == 0 || equalNumbers(a.Step, b.Step))
}
