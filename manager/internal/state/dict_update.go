package state

import "github.com/multiproc-go/multiproc/pickle"

// filler is what takes the items of an update: the dict of a method, or a new one.
type filler func(key, v any) error

// newDict is dict(...): what an update of an empty dict makes.
func newDict(c *call) (object, weight, error) {
	if n := len(c.args); n > 1 {
		return nil, weight{}, wrongCount("dict", n, 0, 1)
	}
	d := new(dict)
	if err := c.update(d.Set); err != nil {
		return nil, weight{}, err
	}
	var w weight
	for key, v := range d.All() {
		w.bytes += entryBytes
		w.add(key)
		w.add(v)
		if limit := c.s.options.MaxObjectBytes; w.bytes > limit {
			return nil, w, memoryError("the bytes of an object", limit)
		}
	}
	return d, w, nil
}

func dictUpdate(c *call) (any, error) {
	if n := len(c.args); n > 1 {
		return nil, wrongCount("update", n, 0, 1)
	}
	d := c.dict()
	return nil, c.update(func(key, v any) error { return c.set(d, key, v) })
}

func dictUnionInPlace(c *call) (any, error) {
	d := c.dict()
	if err := c.updateFrom(c.args[0], func(key, v any) error { return c.set(d, key, v) }); err != nil {
		return nil, err
	}
	return &d.Dict, nil
}

// update does what the arguments of dict and dict.update say: a mapping or pairs, then keywords.
func (c *call) update(set filler) error {
	if len(c.args) > 0 {
		if err := c.updateFrom(c.args[0], set); err != nil {
			return err
		}
	}
	if c.kwargs != nil {
		return each(c.kwargs, set)
	}
	return nil
}

// each sets all items of a dict, which must not be the one that is set.
func each(d *pickle.Dict, set filler) error {
	for key, v := range d.All() {
		if err := set(key, v); err != nil {
			return err
		}
	}
	return nil
}

// updateFrom sets what a mapping or an iterable of pairs has. What comes before an error stays set.
func (c *call) updateFrom(from any, set filler) error {
	if d := mappingOf(from); d != nil {
		return each(d, set)
	}
	if sh, err := c.s.asProxy(from); err != nil {
		return err
	} else if sh != nil {
		if d, ok := sh.obj.(*dict); ok {
			return c.updateFromDict(d, set)
		}
	}
	if r, ok := from.(*pickle.Range); ok && pickle.Truth(r) {
		return notASequence(0)
	}
	items, err := c.iterate(from)
	if err != nil {
		return err
	}
	for i, item := range items {
		if !c.isIterable(item) {
			return notASequence(i)
		}
		pair, err := c.iterate(item)
		if err != nil {
			return err
		}
		if len(pair) != 2 {
			return valueError("dictionary update sequence element #%d has length %d; 2 is required", i, len(pair))
		}
		if err := c.spendKey(pair[0]); err != nil {
			return err
		}
		if err := set(pair[0], pair[1]); err != nil {
			return err
		}
	}
	return nil
}

func notASequence(i int) error {
	return typeError("cannot convert dictionary update sequence element #%d to a sequence", i)
}

// updateFromDict sets what another shared dict has, or the same one.
func (c *call) updateFromDict(d *dict, set filler) error {
	if err := c.transient(2 * int64(d.Len())); err != nil {
		return err
	}
	items := make([]any, 0, 2*d.Len())
	for key, v := range d.All() {
		items = append(items, key, v)
	}
	items, err := c.copies(items)
	for i := 0; err == nil && i < len(items); i += 2 {
		err = set(items[i], items[i+1])
	}
	return err
}

// notImplemented is what Python's operators return for types that they do not know.
func notImplemented() any { return &pickle.Global{Module: "builtins", Name: "NotImplemented"} }

func dictUnion(c *call) (any, error) { return union(&c.dict().Dict, mappingOf(c.args[0])) }

func dictReflectedUnion(c *call) (any, error) { return union(mappingOf(c.args[0]), &c.dict().Dict) }

// union is a | b; the operand that is no dict is nil.
func union(a, b *pickle.Dict) (any, error) {
	if a == nil || b == nil {
		return notImplemented(), nil
	}
	d := a.Copy()
	return d, each(b, d.Set)
}

func dictFromKeys(c *call) (any, error) {
	keys, err := c.iterate(c.args[0])
	if err != nil {
		return nil, err
	}
	d := pickle.NewDict()
	for _, key := range keys {
		if err := c.spendKey(key); err != nil {
			return nil, err
		}
		if err := d.Set(key, c.argument(1, nil)); err != nil {
			return nil, err
		}
	}
	return d, nil
}
