package state

import "github.com/multiproc-go/multiproc/pickle"

// iterator is what a method like dict.__iter__ leaves in the server: an iterator over a list or a dict, which it
// holds, and which may change meanwhile.
type iterator struct {
	class string
	over  *shared // nil once it has come to the end
	items []any   // of an iterator that came by Create, over nothing that is shared; nil once it has come to the end

	position  int // in the list, in the dict's entries, or in items
	size      int // of the dict as it was; -1 once it has changed
	remaining int // of the dict's items
}

func iteratorKind() *kind {
	return newKind("Iterator", "dict_keyiterator", newIterator, []method{
		{name: "__next__", shape: slot, run: iteratorNext},
	}, "send", "throw", "close")
}

// newIterator makes an iterator of what an iterator is pickled as. CPython's server takes any object here.
func newIterator(c *call) (object, weight, error) {
	if len(c.args) != 1 || c.hasKeywords() {
		return nil, weight{}, valueError("Without callable, must have one non-keyword argument")
	}
	o, ok := c.args[0].(*pickle.Object)
	if module, _, _ := objectClass(o, ok); module == "builtins" {
		if items, ok := c.objectItems(o); ok {
			w, err := c.weighAll(items)
			return &iterator{class: "list_iterator", items: append([]any{}, items...)}, w, err
		}
	}
	return nil, weight{}, typeError("'%s' object is not an iterator", pickle.TypeName(c.args[0]))
}

func objectClass(o *pickle.Object, ok bool) (module, name string, found bool) {
	if !ok {
		return "", "", false
	}
	return o.Class()
}

// iterator makes an iterator over the object whose method is called.
func (c *call) iterator(class string) (any, error) {
	it := &iterator{class: class, over: c.self}
	if d, ok := c.self.obj.(*dict); ok {
		it.size, it.remaining = d.Len(), d.Len()
	}
	sh, err := c.s.add(c.s.kinds["Iterator"], it, weight{})
	if err != nil {
		return nil, err
	}
	c.s.nest(sh, c.self)
	return sh, nil
}

// value returns what the iterator is pickled as: one over what remains.
func (it *iterator) value() any {
	switch over := it.content().(type) {
	case *list:
		return iterFrom(&over.List, it.position)
	case *dict:
		if it.size != over.Len() {
			return broken{raise("RuntimeError", changedSize)}
		}
		keys := []any{}
		for key, _, next, ok := over.At(it.position); ok; key, _, next, ok = over.At(next) {
			keys = append(keys, key)
		}
		return iterOver(keys)
	}
	if it.items != nil {
		return iterFrom(&pickle.List{Items: it.items}, it.position)
	}
	return iterOver(nil)
}

// iterFrom returns what an iterator over a list is pickled as.
func iterFrom(l *pickle.List, position int) *pickle.Object {
	return &pickle.Object{
		Callable: &pickle.Global{Module: "builtins", Name: "iter"}, Args: pickle.NewTuple(l), State: int64(position), HasState: true,
	}
}

// content returns what the iterator is over, or nil.
func (it *iterator) content() object {
	if it.over == nil {
		return nil
	}
	return it.over.obj
}

func (it *iterator) repr(self *shared, dst []byte, _ int) ([]byte, error) {
	return append(dst, "<"+it.class+" object at 0x"+self.ident+">"...), nil
}

// elements uses the iterator up.
func (it *iterator) elements(c *call, self *shared) ([]any, error) {
	var items []any
	for {
		v, ok, err := it.next(c.s, self)
		if err != nil || !ok {
			return items, err
		}
		items = append(items, v)
		if err := c.transient(int64(len(items))); err != nil {
			return nil, err
		}
	}
}

func iteratorNext(c *call) (any, error) {
	it := c.self.obj.(*iterator)
	position, remaining := it.position, it.remaining
	v, ok, err := it.next(c.s, c.self)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, raiseValue("StopIteration")
	}
	reply := c.encode(v)
	if !reply.sent { // nobody has seen it: it is next again
		it.position, it.remaining = position, remaining
	}
	return reply, nil
}

// next is the iterator's step; ok is false at the end, which is final.
func (it *iterator) next(s *State, self *shared) (v any, ok bool, err error) {
	switch over := it.content().(type) {
	case *list:
		if it.position < len(over.Items) {
			it.position++
			return over.Items[it.position-1], true, nil
		}
	case *dict:
		if it.size != over.Len() {
			it.size = -1 // it stays broken
			return nil, false, raise("RuntimeError", changedSize)
		}
		key, _, next, ok := over.At(it.position)
		if ok && it.remaining == 0 {
			return nil, false, raise("RuntimeError", "dictionary keys changed during iteration")
		}
		if ok {
			it.position = next
			it.remaining--
			return key, true, nil
		}
	default:
		if it.position < len(it.items) {
			it.position++
			return it.items[it.position-1], true, nil
		}
		it.items = nil
		return nil, false, nil
	}
	over := it.over
	it.over = nil
	s.unnest(self, over, 1)
	return nil, false, nil
}

const changedSize = "dictionary changed size during iteration"

// broken is a value that cannot be pickled.
type broken struct{ err error }

func (b broken) PickleValue() (any, error) { return nil, b.err }
func (b broken) PyType() string            { return "object" }
func (b broken) PyRepr() string            { return "<object>" }
