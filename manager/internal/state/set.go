package state

import "github.com/multiproc-go/multiproc/pickle"

// set is Python's set, whose elements have an order here: that in which they came.
type set struct {
	pickle.Set
	keys uint64 // how often an element has come or gone
}

func setKind() *kind {
	return newKind("set", "set", newSet, []method{
		{name: "__and__", shape: slot, min: 1, max: 1, run: setOperator(intersection, false)},
		{name: "__contains__", shape: oneArg, run: setContains},
		{name: "__ge__", shape: slot, min: 1, max: 1, run: setCompare(func(a, b *pickle.Set) bool { return within(b, a) })},
		{name: "__gt__", shape: slot, min: 1, max: 1, run: setCompare(func(a, b *pickle.Set) bool { return within(b, a) && b.Len() < a.Len() })},
		{name: "__iand__", shape: slot, min: 1, max: 1, run: setInPlace(intersection)},
		{name: "__ior__", shape: slot, min: 1, max: 1, run: setInPlace(unionOf)},
		{name: "__isub__", shape: slot, min: 1, max: 1, run: setInPlace(difference)},
		{name: "__iter__", shape: slot, run: setIter},
		{name: "__ixor__", shape: slot, min: 1, max: 1, run: setInPlace(symmetricDifference)},
		{name: "__le__", shape: slot, min: 1, max: 1, run: setCompare(within)},
		{name: "__len__", shape: slot, run: func(c *call) (any, error) { return int64(c.ownSet().Len()), nil }},
		{name: "__lt__", shape: slot, min: 1, max: 1, run: setCompare(func(a, b *pickle.Set) bool { return within(a, b) && a.Len() < b.Len() })},
		{name: "__or__", shape: slot, min: 1, max: 1, run: setOperator(unionOf, false)},
		{name: "__rand__", shape: slot, min: 1, max: 1, run: setOperator(intersection, true)},
		{name: "__ror__", shape: slot, min: 1, max: 1, run: setOperator(unionOf, true)},
		{name: "__rsub__", shape: slot, min: 1, max: 1, run: setOperator(difference, true)},
		{name: "__rxor__", shape: slot, min: 1, max: 1, run: setOperator(symmetricDifference, true)},
		{name: "__sub__", shape: slot, min: 1, max: 1, run: setOperator(difference, false)},
		{name: "__xor__", shape: slot, min: 1, max: 1, run: setOperator(symmetricDifference, false)},
		{name: "add", shape: oneArg, run: func(c *call) (any, error) { return nil, c.insert(c.args[0]) }},
		{name: "clear", shape: noArgs, run: setClear},
		{name: "copy", shape: noArgs, run: func(c *call) (any, error) { return &c.ownSet().Set, nil }},
		{name: "difference", shape: free, run: setMethod("difference", difference, difference)},
		{name: "difference_update", shape: free, run: setEach("difference_update", func(c *call, v any) error { _, err := c.takeOut(v); return err })},
		{name: "discard", shape: oneArg, run: setDiscard},
		{name: "intersection", shape: free, run: setMethod("intersection", intersection, intersectionWith)},
		{name: "intersection_update", shape: free, run: setUpdate("intersection_update", intersection, intersectionWith)},
		{name: "isdisjoint", shape: oneArg, run: setWhile(false)},
		{name: "issubset", shape: oneArg, run: setWith(within)},
		{name: "issuperset", shape: oneArg, run: setWhile(true)},
		{name: "pop", shape: noArgs, run: setPop},
		{name: "remove", shape: oneArg, run: setRemove},
		{name: "symmetric_difference", shape: oneArg, run: setMethod("symmetric_difference", symmetricDifference, symmetricDifference)},
		{name: "symmetric_difference_update", shape: oneArg, run: setUpdate("symmetric_difference_update", symmetricDifference, symmetricDifference)},
		{name: "union", shape: free, run: setMethod("union", unionOf, unionOf)},
		{name: "update", shape: free, run: setEach("update", (*call).insert)},
		{name: "#page", shape: positional, min: 2, max: 2, run: page("Set")},
	})
}

func newSet(c *call) (object, weight, error) {
	if c.hasKeywords() {
		return nil, weight{}, typeError("set() takes no keyword arguments")
	}
	if n := len(c.args); n > 1 {
		return nil, weight{}, wrongCount("set", n, 0, 1)
	}
	s := new(set)
	if len(c.args) == 0 {
		return s, weight{}, nil
	}
	from, err := c.asSet(c.args[0])
	if err != nil {
		return nil, weight{}, err
	}
	var w weight
	for v := range from.All() {
		if _, err := s.Add(v); err != nil {
			return nil, w, err
		}
		w.bytes += entryBytes
		if w.add(v); w.bytes > c.s.options.MaxObjectBytes {
			return nil, w, memoryError("the bytes of an object", c.s.options.MaxObjectBytes)
		}
	}
	return s, w, nil
}

func (c *call) ownSet() *set { return c.self.obj.(*set) }

func (s *set) value() any { return &s.Set }

func (s *set) repr(_ *shared, dst []byte, limit int) ([]byte, error) {
	return pickle.AppendRepr(dst, &s.Set, limit)
}

func (s *set) elements(c *call, _ *shared) ([]any, error) { return c.iterate(&s.Set) }

// asSet makes a set of an iterable, or returns the one that it is.
func (c *call) asSet(v any) (*pickle.Set, error) {
	if s, ok := v.(*pickle.Set); ok {
		return s, nil
	}
	items, err := c.iterate(v)
	if err != nil {
		return nil, err
	}
	s := pickle.NewSet(false)
	for _, item := range items {
		if err := c.spendKey(item); err != nil {
			return nil, err
		}
		if _, err := s.Add(item); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// operation makes a new set of two, of the kind of a. Errors of hashing cannot be: the elements have been hashed.
type operation func(a, b *pickle.Set) *pickle.Set

func has(s *pickle.Set, v any) bool {
	ok, err := s.Has(v)
	return ok && err == nil
}

// filtered returns the elements of a that are in b, or are not.
func filtered(a, b *pickle.Set, in bool) *pickle.Set {
	s := pickle.NewSet(a.Frozen())
	for v := range a.All() {
		if has(b, v) == in {
			_, _ = s.Add(v)
		}
	}
	return s
}

// intersection has the elements of the smaller one, and of b if they are of one size. Only equal ones of different types, such as 1
// and True, let anybody see that.
func intersection(a, b *pickle.Set) *pickle.Set {
	small, large := b, a
	if b.Len() > a.Len() {
		small, large = a, b
	}
	return unionOf(pickle.NewSet(a.Frozen()), filtered(small, large, true))
}

// intersectionWith is the intersection with what is no set in Python: it has b's elements.
func intersectionWith(a, b *pickle.Set) *pickle.Set {
	return unionOf(pickle.NewSet(a.Frozen()), filtered(b, a, true))
}

func difference(a, b *pickle.Set) *pickle.Set { return filtered(a, b, false) }

func unionOf(a, b *pickle.Set) *pickle.Set {
	s := a.Copy()
	for v := range b.All() {
		_, _ = s.Add(v)
	}
	return s
}

func symmetricDifference(a, b *pickle.Set) *pickle.Set {
	return unionOf(difference(a, b), difference(b, a))
}

func within(a, b *pickle.Set) bool {
	if a.Len() > b.Len() {
		return false
	}
	for v := range a.All() {
		if !has(b, v) {
			return false
		}
	}
	return true
}

// setOperator is an operator, for which both operands are sets.
func setOperator(op operation, reflected bool) func(*call) (any, error) {
	return func(c *call) (any, error) {
		other, err := c.operand(c.args[0])
		if other == nil || err != nil {
			return notImplemented(), err
		}
		if reflected {
			return op(other, &c.ownSet().Set), nil
		}
		return op(&c.ownSet().Set, other), nil
	}
}

// operand returns an operand that is a set, or a proxy of one of ours.
func (c *call) operand(v any) (*pickle.Set, error) {
	if s, ok := v.(*pickle.Set); ok {
		return s, nil
	}
	sh, err := c.s.asProxy(v)
	if sh == nil || err != nil {
		return nil, err
	}
	if _, ok := sh.obj.(*set); !ok {
		return nil, nil
	}
	return c.asSet(v)
}

func setCompare(test func(a, b *pickle.Set) bool) func(*call) (any, error) {
	return func(c *call) (any, error) {
		other, err := c.operand(c.args[0])
		if other == nil || err != nil {
			return notImplemented(), err
		}
		return test(&c.ownSet().Set, other), nil
	}
}

// setWith is a comparison with any iterable.
func setWith(test func(a, b *pickle.Set) bool) func(*call) (any, error) {
	return func(c *call) (any, error) {
		other, err := c.asSet(c.args[0])
		if err != nil {
			return nil, err
		}
		return test(&c.ownSet().Set, other), nil
	}
}

// setWhile is a comparison that looks at elements of any iterable only as long as they are in the set, or are not.
func setWhile(in bool) func(*call) (any, error) {
	return func(c *call) (any, error) {
		items, err := c.iterate(c.args[0])
		if err != nil {
			return nil, err
		}
		for _, v := range items {
			if err := c.spendKey(v); err != nil {
				return nil, err
			}
			if ok, err := c.ownSet().Has(v); ok != in || err != nil {
				return false, err
			}
		}
		return true, nil
	}
}

func setInPlace(op operation) func(*call) (any, error) {
	return func(c *call) (any, error) {
		other, err := c.operand(c.args[0])
		if other == nil || err != nil {
			return notImplemented(), err
		}
		if err := c.become(op(&c.ownSet().Set, other)); err != nil {
			return nil, err
		}
		return &c.ownSet().Set, nil
	}
}

// setMethod is an operator for any number of iterables: op for sets, with for others.
func setMethod(name string, op, with operation) func(*call) (any, error) {
	return func(c *call) (any, error) { return c.combine(name, op, with) }
}

func setUpdate(name string, op, with operation) func(*call) (any, error) {
	return func(c *call) (any, error) {
		to, err := c.combine(name, op, with)
		if err != nil {
			return nil, err
		}
		return nil, c.become(to)
	}
}

// setEach does something with each element of any number of iterables. What comes before an error stays done.
func setEach(name string, do func(*call, any) error) func(*call) (any, error) {
	return func(c *call) (any, error) {
		if c.hasKeywords() {
			return nil, typeError("set.%s() takes no keyword arguments", name)
		}
		for _, arg := range c.args {
			items, err := c.iterate(arg)
			if err != nil {
				return nil, err
			}
			for _, v := range items {
				if err := c.spendKey(v); err != nil {
					return nil, err
				}
				if err := do(c, v); err != nil {
					return nil, err
				}
			}
		}
		return nil, nil
	}
}

func (c *call) combine(name string, op, with operation) (*pickle.Set, error) {
	if c.hasKeywords() {
		return nil, typeError("set.%s() takes no keyword arguments", name)
	}
	s := c.ownSet().Copy()
	for _, arg := range c.args {
		if err := c.transient(int64(s.Len())); err != nil {
			return nil, err
		}
		other, err := c.asSet(arg)
		if err != nil {
			return nil, err
		}
		if _, ok := arg.(*pickle.Set); ok {
			s = op(s, other)
		} else {
			s = with(s, other)
		}
	}
	return s, nil
}

// become makes the set have these elements, in place of equal ones too.
func (c *call) become(to *pickle.Set) error {
	s := c.ownSet()
	add, drop := weighSet(to), weighSet(&s.Set)
	if err := c.change(add, drop); err != nil {
		return err
	}
	s.keys++
	s.Clear()
	for v := range to.All() {
		_, _ = s.Add(v)
	}
	return nil
}

// weighSet is what the elements weigh in a set of ours.
func weighSet(s *pickle.Set) (w weight) {
	for v := range s.All() {
		w.bytes += entryBytes
		w.add(v)
	}
	return w
}

// insert adds an element.
func (c *call) insert(v any) error {
	s := c.ownSet()
	if ok, err := s.Has(v); ok || err != nil {
		return err
	}
	add := weigh(v)
	add.bytes += entryBytes
	if err := c.change(add, weight{}); err != nil {
		return err
	}
	s.keys++
	_, err := s.Add(v)
	return err
}

// lookup returns v as an element is looked for: a set as a frozenset.
func lookup(v any) any {
	s, ok := v.(*pickle.Set)
	if !ok || s.Frozen() {
		return v
	}
	return unionOf(pickle.NewSet(true), s)
}

func setContains(c *call) (any, error) { return c.ownSet().Has(lookup(c.args[0])) }

// takeOut removes an element if it is there.
func (c *call) takeOut(v any) (bool, error) {
	s := c.ownSet()
	ok, err := s.Has(v)
	if !ok || err != nil {
		return false, err
	}
	drop := weigh(v)
	if drop.dag { // an equal one may weigh less than the one that is there
		for stored := range s.All() {
			if same, err := equal(stored, v); err != nil {
				return false, err
			} else if same {
				drop = weigh(stored)
				break
			}
		}
	}
	drop.bytes += entryBytes
	if err := c.change(weight{}, drop); err != nil {
		return false, err
	}
	s.keys++
	return s.Remove(v)
}

func setDiscard(c *call) (any, error) {
	_, err := c.takeOut(lookup(c.args[0]))
	return nil, err
}

func setRemove(c *call) (any, error) {
	ok, err := c.takeOut(lookup(c.args[0]))
	if !ok && err == nil {
		err = raiseValue("KeyError", c.args[0])
	}
	return nil, err
}

func setPop(c *call) (any, error) {
	v, ok := c.ownSet().Last()
	if !ok {
		return nil, raiseValue("KeyError", "pop from an empty set")
	}
	reply := c.encode(v)
	if !reply.sent {
		return reply, nil
	}
	_, err := c.takeOut(v)
	return reply, err
}

func setClear(c *call) (any, error) {
	if err := c.empty(); err != nil {
		return nil, err
	}
	c.ownSet().keys++
	c.ownSet().Clear()
	return nil, nil
}

// setIter returns what the iterator is pickled as: it has the elements as they are now.
func setIter(c *call) (any, error) {
	items, err := c.iterate(&c.ownSet().Set)
	return iterOver(items), err
}
