package state

import (
	"slices"
	"strings"

	"github.com/multiproc-go/multiproc/pickle"
)

// namespace is multiprocessing.managers.Namespace: an object with attributes.
type namespace struct{ attributes dict }

func namespaceKind() *kind {
	return newKind("Namespace", managers+".Namespace", newNamespace, []method{
		{name: "__getattribute__", shape: slot, min: 1, max: 1, run: namespaceGet},
		{name: "__setattr__", shape: unpacked, min: 2, max: 2, run: namespaceSet},
		{name: "__delattr__", shape: slot, min: 1, max: 1, run: namespaceDelete},
		{name: "#cas", shape: positional, min: 3, max: 3, run: namespaceCompareAndSwap},
	})
}

func newNamespace(c *call) (object, weight, error) {
	if n := len(c.args); n > 0 {
		return nil, weight{}, typeError("Namespace.__init__() takes 1 positional argument but %d were given", n+1)
	}
	n := new(namespace)
	var w weight
	if c.kwargs != nil {
		for name, v := range c.kwargs.All() {
			w.bytes += entryBytes
			w.add(name)
			w.add(v)
			if err := n.attributes.Set(name, v); err != nil {
				return nil, w, err
			}
		}
	}
	return n, w, nil
}

// instance returns what an object of the class in module managers is pickled as: bare, with a dict of attributes.
func instance(class string, attributes *pickle.Dict) *pickle.Object {
	o := &pickle.Object{How: pickle.ByNew, Callable: &pickle.Global{Module: managers, Name: class}, Args: pickle.NewTuple()}
	if attributes.Len() > 0 {
		o.State, o.HasState = attributes, true
	}
	return o
}

func (n *namespace) value() any { return instance("Namespace", &n.attributes.Dict) }

// repr writes the attributes whose names do not begin with _, sorted as they are written.
func (n *namespace) repr(_ *shared, dst []byte, limit int) ([]byte, error) {
	var items []string
	left := limit
	for key, v := range n.attributes.All() {
		name := key.(string)
		if strings.HasPrefix(name, "_") {
			continue
		}
		item, err := pickle.AppendRepr([]byte(name+"="), v, max(1, left))
		if err != nil {
			return append(append(dst, "Namespace("...), item...), err
		}
		left -= len(item) + 2
		items = append(items, string(item))
	}
	slices.Sort(items)
	dst = append(dst, "Namespace("...)
	dst = append(dst, strings.Join(items, ", ")...)
	if left < 0 {
		return dst, &pickle.LimitError{Budget: "Output", Limit: int64(limit)}
	}
	return append(dst, ')'), nil
}

func (c *call) namespace() *namespace { return c.self.obj.(*namespace) }

// attributeName returns the name that is the first argument.
func (c *call) attributeName() (string, error) {
	name, ok := c.args[0].(string)
	if !ok {
		return "", typeError("attribute name must be string, not '%s'", pickle.TypeName(c.args[0]))
	}
	return name, nil
}

func noAttribute(name, known string) error {
	return &raised{"builtins", "AttributeError", []any{"'Namespace' object has no attribute '" + name + "'"}, known}
}

func namespaceGet(c *call) (any, error) {
	name, err := c.attributeName()
	if err != nil {
		return nil, err
	}
	n := c.namespace()
	if v, ok, _ := n.attributes.Get(name); ok {
		return v, nil
	}
	switch name { // of the class; its methods cannot be pickled
	case "__dict__":
		return &n.attributes.Dict, nil
	case "__class__":
		return &pickle.Global{Module: managers, Name: "Namespace"}, nil
	case "__module__":
		return managers, nil
	case "__doc__":
		return nil, nil
	}
	return nil, noAttribute(name, name)
}

func namespaceSet(c *call) (any, error) {
	name, err := c.attributeName()
	if err != nil {
		return nil, err
	}
	switch name { // they are not attributes like others
	case "__class__":
		return nil, typeError("__class__ must be set to a class, not '%s' object", pickle.TypeName(c.args[1]))
	case "__dict__":
		return nil, typeError("__dict__ must be set to a dictionary, not a '%s'", pickle.TypeName(c.args[1]))
	}
	return nil, c.set(&c.namespace().attributes, name, c.args[1])
}

func namespaceDelete(c *call) (any, error) {
	name, err := c.attributeName()
	if err != nil {
		return nil, err
	}
	n := c.namespace()
	switch name {
	case "__class__":
		return nil, typeError("can't delete __class__ attribute")
	case "__dict__":
		if err := c.empty(); err != nil {
			return nil, err
		}
		n.attributes.Clear()
		return nil, nil
	}
	v, ok, _ := n.attributes.Get(name)
	if !ok {
		return nil, noAttribute(name, "")
	}
	return nil, c.take(&n.attributes, name, v)
}

func namespaceCompareAndSwap(c *call) (any, error) {
	name, err := c.attributeName()
	if err != nil {
		return nil, err
	}
	n := c.namespace()
	v, ok, _ := n.attributes.Get(name)
	if !ok {
		return nil, noAttribute(name, "")
	}
	if same, err := unchanged(v, c.args[1]); !same || err != nil {
		return false, err
	}
	return true, c.set(&n.attributes, name, c.args[2])
}
