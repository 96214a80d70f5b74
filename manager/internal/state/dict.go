package state

import "github.com/multiproc-go/multiproc/pickle"

// dict is Python's dict.
type dict struct {
	pickle.Dict
	keys uint64 // how often a key has come or gone
}

func dictKind() *kind {
	return newKind("dict", "dict", newDict, []method{
		{name: "__contains__", shape: oneArg, run: dictContains},
		{name: "__delitem__", shape: slot, min: 1, max: 1, run: dictDeleteItem},
		{name: "__getitem__", shape: oneArg, run: dictGetItem},
		{name: "__ior__", shape: slot, min: 1, max: 1, run: dictUnionInPlace},
		{name: "__iter__", shape: slot, run: dictIter},
		{name: "__len__", shape: slot, run: dictLen},
		{name: "__or__", shape: slot, min: 1, max: 1, run: dictUnion},
		{name: "__reversed__", shape: noArgs, run: dictReversed},
		{name: "__ror__", shape: slot, min: 1, max: 1, run: dictReflectedUnion},
		{name: "__setitem__", shape: unpacked, min: 2, max: 2, run: dictSetItem},
		{name: "clear", shape: noArgs, run: dictClear},
		{name: "copy", shape: noArgs, run: dictCopy},
		{name: "fromkeys", shape: positional, min: 1, max: 2, run: dictFromKeys},
		{name: "get", shape: positional, min: 1, max: 2, run: dictGet},
		{name: "items", shape: noArgs, run: dictItems},
		{name: "keys", shape: noArgs, run: dictKeys},
		{name: "pop", shape: positional, min: 1, max: 2, run: dictPop},
		{name: "popitem", shape: noArgs, run: dictPopItem},
		{name: "setdefault", shape: positional, min: 1, max: 2, run: dictSetDefault},
		{name: "update", shape: free, run: dictUpdate},
		{name: "values", shape: noArgs, run: dictValues},
		{name: "#add", shape: positional, min: 2, max: 2, run: dictAdd},
		{name: "#cas", shape: positional, min: 3, max: 3, run: dictCompareAndSwap},
		{name: "#page", shape: positional, min: 2, max: 2, run: page("dictionary")},
		{name: "#remove", shape: positional, min: 2, max: 2, run: dictCompareAndDelete},
	})
}

func (d *dict) value() any { return &d.Dict }

func (d *dict) repr(_ *shared, dst []byte, limit int) ([]byte, error) {
	return pickle.AppendRepr(dst, &d.Dict, limit)
}

func (d *dict) elements(c *call, _ *shared) ([]any, error) { return c.iterate(&d.Dict) }

func (c *call) dict() *dict { return c.self.obj.(*dict) }

// set sets an item and accounts for it.
func (c *call) set(d *dict, key, v any) error {
	old, ok, err := d.Get(key)
	if err != nil {
		return err
	}
	add := weigh(v)
	if ok {
		err = c.change(add, weigh(old))
	} else {
		add.bytes += entryBytes
		add.add(key)
		err = c.change(add, weight{})
	}
	if err != nil {
		return err
	}
	if !ok {
		d.keys++
	}
	return d.Set(key, v)
}

// take removes an item that is there, and accounts for it.
func (c *call) take(d *dict, key, v any) error {
	drop := weigh(key)
	if drop.dag {
		// An equal key may weigh less than the one that the dict has.
		for stored := range d.All() {
			if same, err := equal(stored, key); err != nil {
				return err
			} else if same {
				drop = weigh(stored)
				break
			}
		}
	}
	drop.bytes += entryBytes
	drop.add(v)
	if err := c.change(weight{}, drop); err != nil {
		return err
	}
	d.keys++
	_, _, err := d.Delete(key)
	return err
}

// takeReply removes an item that is there if the result of the method can be sent, and returns its reply.
func (c *call) takeReply(d *dict, key, v, result any) (any, error) {
	reply := c.encode(result)
	if !reply.sent {
		return reply, nil
	}
	return reply, c.take(d, key, v)
}

func dictContains(c *call) (any, error) {
	_, ok, err := c.dict().Get(c.args[0])
	return ok, err
}

func dictGetItem(c *call) (any, error) {
	v, ok, err := c.dict().Get(c.args[0])
	if err == nil && !ok {
		err = raiseValue("KeyError", c.args[0])
	}
	return v, err
}

func dictSetItem(c *call) (any, error) { return nil, c.set(c.dict(), c.args[0], c.args[1]) }

func dictDeleteItem(c *call) (any, error) {
	d := c.dict()
	v, ok, err := d.Get(c.args[0])
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, raiseValue("KeyError", c.args[0])
	}
	return nil, c.take(d, c.args[0], v)
}

func dictIter(c *call) (any, error) { return c.iterator("dict_keyiterator") }

func dictLen(c *call) (any, error) { return int64(c.dict().Len()), nil }

// dictReversed returns what the iterator is pickled as.
func dictReversed(c *call) (any, error) {
	d := c.dict()
	keys := make([]any, d.Len())
	i := len(keys)
	for key := range d.All() {
		i--
		keys[i] = key
	}
	return iterOver(keys), nil
}

// iterOver returns what an iterator is pickled as that has these items before it.
func iterOver(items []any) *pickle.Object {
	return &pickle.Object{
		Callable: &pickle.Global{Module: "builtins", Name: "iter"},
		Args:     pickle.NewTuple(&pickle.List{Items: items}),
	}
}

func dictClear(c *call) (any, error) {
	if err := c.empty(); err != nil {
		return nil, err
	}
	c.dict().keys++
	c.dict().Clear()
	return nil, nil
}

func dictCopy(c *call) (any, error) { return &c.dict().Dict, nil }

func dictGet(c *call) (any, error) {
	v, ok, err := c.dict().Get(c.args[0])
	if !ok && err == nil {
		v = c.argument(1, nil)
	}
	return v, err
}

func dictKeys(c *call) (any, error) {
	keys, err := c.iterate(&c.dict().Dict)
	return &pickle.List{Items: keys}, err
}

func dictValues(c *call) (any, error) {
	d := c.dict()
	values := make([]any, 0, d.Len())
	for _, v := range d.All() {
		values = append(values, v)
	}
	return &pickle.List{Items: values}, nil
}

func dictItems(c *call) (any, error) {
	d := c.dict()
	items := make([]any, 0, d.Len())
	for key, v := range d.All() {
		items = append(items, pickle.NewTuple(key, v))
	}
	return &pickle.List{Items: items}, nil
}

func dictPop(c *call) (any, error) {
	d := c.dict()
	var v any
	var ok bool
	var err error
	if d.Len() > 0 { // an empty dict does not mind what cannot be hashed
		v, ok, err = d.Get(c.args[0])
	}
	switch {
	case err != nil:
		return nil, err
	case ok:
		return c.takeReply(d, c.args[0], v, v)
	case len(c.args) == 2:
		return c.args[1], nil
	}
	return nil, raiseValue("KeyError", c.args[0])
}

func dictPopItem(c *call) (any, error) {
	d := c.dict()
	key, v, ok := d.Last()
	if !ok {
		return nil, raiseValue("KeyError", "popitem(): dictionary is empty")
	}
	return c.takeReply(d, key, v, pickle.NewTuple(key, v))
}

func dictSetDefault(c *call) (any, error) {
	d := c.dict()
	v, ok, err := d.Get(c.args[0])
	if ok || err != nil {
		return v, err
	}
	v = c.argument(1, nil)
	return v, c.set(d, c.args[0], v)
}

// dictAdd sets an item if its key is not there, and reports whether it did.
func dictAdd(c *call) (any, error) {
	d := c.dict()
	if _, ok, err := d.Get(c.args[0]); ok || err != nil {
		return false, err
	}
	return true, c.set(d, c.args[0], c.args[1])
}

func dictCompareAndSwap(c *call) (any, error) {
	d := c.dict()
	v, ok, err := d.Get(c.args[0])
	if !ok || err != nil {
		return false, err
	}
	if same, err := unchanged(v, c.args[1]); !same || err != nil {
		return false, err
	}
	return true, c.set(d, c.args[0], c.args[2])
}

func dictCompareAndDelete(c *call) (any, error) {
	d := c.dict()
	v, ok, err := d.Get(c.args[0])
	if !ok || err != nil {
		return false, err
	}
	if same, err := unchanged(v, c.args[1]); !same || err != nil {
		return false, err
	}
	return true, c.take(d, c.args[0], v)
}
