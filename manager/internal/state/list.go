package state

import (
	"slices"

	"github.com/multiproc-go/multiproc/pickle"
)

// list is Python's list.
type list struct{ pickle.List }

func listKind() *kind {
	return newKind("list", "list", newList, []method{
		{name: "__add__", shape: slot, min: 1, max: 1, run: listAdd},
		{name: "__contains__", shape: slot, min: 1, max: 1, run: listContains},
		{name: "__delitem__", shape: slot, min: 1, max: 1, run: listDeleteItem},
		{name: "__getitem__", shape: oneArg, run: listGetItem},
		{name: "__imul__", shape: unpacked, min: 1, max: 1, run: listRepeatInPlace},
		{name: "__iter__", shape: slot, run: listIter},
		{name: "__len__", shape: slot, run: listLen},
		{name: "__mul__", shape: unpacked, min: 1, max: 1, run: listRepeat},
		{name: "__reversed__", shape: noArgs, run: listReversed},
		{name: "__rmul__", shape: unpacked, min: 1, max: 1, run: listRepeat},
		{name: "__setitem__", shape: unpacked, min: 2, max: 2, run: listSetItem},
		{name: "append", shape: oneArg, run: listAppend},
		{name: "clear", shape: noArgs, run: listClear},
		{name: "copy", shape: noArgs, run: listCopy},
		{name: "count", shape: oneArg, run: listCount},
		{name: "extend", shape: oneArg, run: listExtend},
		{name: "index", shape: positional, min: 1, max: 3, run: listIndex},
		{name: "insert", shape: positional, min: 2, max: 2, run: listInsert},
		{name: "pop", shape: positional, min: 0, max: 1, run: listPop},
		{name: "remove", shape: oneArg, run: listRemove},
		{name: "reverse", shape: noArgs, run: listReverse},
		{name: "sort", shape: free, run: listSort},
		{name: "#cas", shape: positional, min: 3, max: 3, run: listCompareAndSwap},
	})
}

func newList(c *call) (object, weight, error) {
	if c.hasKeywords() {
		return nil, weight{}, typeError("list() takes no keyword arguments")
	}
	if n := len(c.args); n > 1 {
		return nil, weight{}, wrongCount("list", n, 0, 1)
	}
	l := new(list)
	if len(c.args) == 0 {
		return l, weight{}, nil
	}
	items, err := c.iterate(c.args[0])
	if err != nil {
		return nil, weight{}, err
	}
	w, err := c.weighAll(items)
	l.Items = slices.Clone(items)
	return l, w, err
}

func (l *list) value() any { return &l.List }

func (l *list) repr(_ *shared, dst []byte, limit int) ([]byte, error) {
	return pickle.AppendRepr(dst, &l.List, limit)
}

func (l *list) elements(*call, *shared) ([]any, error) { return l.Items, nil }

func (c *call) list() *list { return c.self.obj.(*list) }

// at returns the position that an index means; text is what to say if there is none.
func (l *list) at(v any, text string) (int, error) {
	i, err := indexSized(v, "IndexError")
	if err != nil {
		return 0, err
	}
	if i < 0 {
		i += int64(len(l.Items))
	}
	if i < 0 || i >= int64(len(l.Items)) {
		return 0, raise("IndexError", "%s", text)
	}
	return int(i), nil
}

func wrongListIndex(v any) error {
	return typeError("list indices must be integers or slices, not %s", pickle.TypeName(v))
}

func isInteger(v any) bool {
	_, _, ok := integer(v)
	return ok
}

// drop removes the items from i to j. A list that has become much shorter gives memory back.
func (l *list) drop(i, j int) {
	l.Items = slices.Delete(l.Items, i, j)
	l.shrink()
}

func (l *list) shrink() {
	if n := len(l.Items); cap(l.Items) > 64 && n < cap(l.Items)/4 {
		l.Items = append(make([]any, 0, n+n/8), l.Items...)
	}
}

func listAdd(c *call) (any, error) {
	other, ok := c.args[0].(*pickle.List)
	if !ok {
		return nil, typeError("can only concatenate list (not \"%s\") to list", pickle.TypeName(c.args[0]))
	}
	items := c.list().Items
	if err := c.transient(int64(len(items)) + int64(len(other.Items))); err != nil {
		return nil, err
	}
	return &pickle.List{Items: slices.Concat(items, other.Items)}, nil
}

func listContains(c *call) (any, error) {
	for _, item := range c.list().Items {
		if same, err := equal(item, c.args[0]); same || err != nil {
			return same, err
		}
	}
	return false, nil
}

func listDeleteItem(c *call) (any, error) {
	l := c.list()
	if s, ok := c.args[0].(*pickle.Slice); ok {
		return nil, listDeleteSlice(c, s)
	}
	if !isInteger(c.args[0]) {
		return nil, wrongListIndex(c.args[0])
	}
	i, err := l.at(c.args[0], "list assignment index out of range")
	if err != nil {
		return nil, err
	}
	if err := c.change(weight{}, weigh(l.Items[i])); err != nil {
		return nil, err
	}
	l.drop(i, i+1)
	return nil, nil
}

func listGetItem(c *call) (any, error) {
	l := c.list()
	if s, ok := c.args[0].(*pickle.Slice); ok {
		return listGetSlice(l, s)
	}
	if !isInteger(c.args[0]) {
		return nil, wrongListIndex(c.args[0])
	}
	i, err := l.at(c.args[0], "list index out of range")
	if err != nil {
		return nil, err
	}
	return l.Items[i], nil
}

func listSetItem(c *call) (any, error) {
	l := c.list()
	if s, ok := c.args[0].(*pickle.Slice); ok {
		return nil, listSetSlice(c, s, c.args[1])
	}
	if !isInteger(c.args[0]) {
		return nil, wrongListIndex(c.args[0])
	}
	i, err := l.at(c.args[0], "list assignment index out of range")
	if err != nil {
		return nil, err
	}
	return nil, c.swap(&l.Items[i], c.args[1])
}

// swap puts a value where another one stands.
func (c *call) swap(place *any, v any) error {
	if err := c.change(weigh(v), weigh(*place)); err != nil {
		return err
	}
	*place = v
	return nil
}

// compareAndSwap puts a value where one stands that is equal to old, and reports whether it did.
func (c *call) compareAndSwap(place *any, old, v any) (any, error) {
	if same, err := unchanged(*place, old); !same || err != nil {
		return false, err
	}
	return true, c.swap(place, v)
}

func listCompareAndSwap(c *call) (any, error) {
	l := c.list()
	if !isInteger(c.args[0]) {
		return nil, wrongListIndex(c.args[0])
	}
	i, err := l.at(c.args[0], "list assignment index out of range")
	if err != nil {
		return nil, err
	}
	return c.compareAndSwap(&l.Items[i], c.args[1], c.args[2])
}

func listIter(c *call) (any, error) { return c.iterator("list_iterator") }

func listLen(c *call) (any, error) { return int64(len(c.list().Items)), nil }

func listReversed(c *call) (any, error) {
	l := c.list()
	o := &pickle.Object{Callable: &pickle.Global{Module: "builtins", Name: "reversed"}, Args: pickle.NewTuple(&l.List)}
	if n := len(l.Items); n > 0 {
		o.State, o.HasState = int64(n-1), true
	}
	return o, nil
}

func listAppend(c *call) (any, error) {
	l := c.list()
	if err := c.change(weigh(c.args[0]), weight{}); err != nil {
		return nil, err
	}
	l.Items = append(l.Items, c.args[0])
	return nil, nil
}

func listClear(c *call) (any, error) {
	if err := c.empty(); err != nil {
		return nil, err
	}
	c.list().Items = nil
	return nil, nil
}

func listCopy(c *call) (any, error) { return &c.list().List, nil }

func listCount(c *call) (any, error) {
	n := int64(0)
	for _, item := range c.list().Items {
		same, err := equal(item, c.args[0])
		if err != nil {
			return nil, err
		}
		if same {
			n++
		}
	}
	return n, nil
}

func listExtend(c *call) (any, error) {
	l := c.list()
	items, err := c.iterate(c.args[0])
	if err != nil {
		return nil, err
	}
	add, err := c.weighAll(items)
	if err != nil {
		return nil, err
	}
	if err := c.change(add, weight{}); err != nil {
		return nil, err
	}
	l.Items = append(l.Items, items...)
	return nil, nil
}

func listIndex(c *call) (any, error) {
	l := c.list()
	size := int64(len(l.Items))
	bounds := [2]int64{0, size}
	for i := range bounds {
		if i+1 >= len(c.args) {
			break
		}
		n, err := sliceIndexNotNone(c.args[i+1])
		if err != nil {
			return nil, err
		}
		if n < 0 {
			n = max(n+size, 0)
		}
		bounds[i] = min(n, size)
	}
	for i := bounds[0]; i < bounds[1]; i++ {
		if same, err := equal(l.Items[i], c.args[0]); same || err != nil {
			return i, err
		}
	}
	text, err := pickle.AppendRepr(nil, c.args[0], int(c.s.options.MaxRepr))
	if err != nil {
		return nil, reprError(err, c.s.options.MaxRepr)
	}
	return nil, valueError("%s is not in list", text)
}

func listInsert(c *call) (any, error) {
	l := c.list()
	i, err := ssize(c.args[0])
	if err != nil {
		return nil, err
	}
	size := int64(len(l.Items))
	if i < 0 {
		i = max(i+size, 0)
	}
	if err := c.change(weigh(c.args[1]), weight{}); err != nil {
		return nil, err
	}
	l.Items = slices.Insert(l.Items, int(min(i, size)), c.args[1])
	return nil, nil
}

func listPop(c *call) (any, error) {
	l := c.list()
	i, err := ssize(c.argument(0, int64(-1)))
	if err != nil {
		return nil, err
	}
	if len(l.Items) == 0 {
		return nil, raise("IndexError", "pop from empty list")
	}
	if i < 0 {
		i += int64(len(l.Items))
	}
	if i < 0 || i >= int64(len(l.Items)) {
		return nil, raise("IndexError", "pop index out of range")
	}
	v := l.Items[i]
	reply := c.encode(v)
	if !reply.sent {
		return reply, nil
	}
	if err := c.change(weight{}, weigh(v)); err != nil {
		return nil, err
	}
	l.drop(int(i), int(i)+1)
	return reply, nil
}

func listRemove(c *call) (any, error) {
	l := c.list()
	for i, item := range l.Items {
		same, err := equal(item, c.args[0])
		if err != nil {
			return nil, err
		}
		if same {
			if err := c.change(weight{}, weigh(item)); err != nil {
				return nil, err
			}
			l.drop(i, i+1)
			return nil, nil
		}
	}
	return nil, valueError("list.remove(x): x not in list")
}

func listReverse(c *call) (any, error) {
	slices.Reverse(c.list().Items)
	return nil, nil
}

// equal is Python's == of an item and an argument.
func equal(a, b any) (bool, error) {
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			return x == y, nil
		}
	case int64:
		if y, ok := b.(int64); ok {
			return x == y, nil
		}
	}
	return pickle.Equal(a, b)
}
