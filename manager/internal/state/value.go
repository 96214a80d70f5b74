package state

import "github.com/multiproc-go/multiproc/pickle"

// box is multiprocessing.managers.Value: a type code that means nothing, and any value.
type box struct{ typecode, content any }

func valueKind() *kind {
	return newKind("Value", managers+".Value", newBox, []method{
		{name: "get", shape: free, run: boxGet},
		{name: "set", shape: free, run: boxSet},
		{name: "#cas", shape: positional, min: 2, max: 2, run: boxCompareAndSwap},
	})
}

func newBox(c *call) (object, weight, error) {
	args, err := signature{"Value.__init__", 1, []string{"typecode", "value", "lock"}, 2}.bind(c.args, c.kwargs)
	if err != nil {
		return nil, weight{}, err
	}
	w := weigh(args[0])
	w.add(args[1])
	return &box{args[0], args[1]}, w, nil
}

func (b *box) value() any {
	attributes := pickle.NewDict()
	_ = attributes.Set("_typecode", b.typecode) // a str is hashable
	_ = attributes.Set("_value", b.content)
	return instance("Value", attributes)
}

func (b *box) repr(_ *shared, dst []byte, limit int) ([]byte, error) {
	at := len(dst)
	dst, err := pickle.AppendRepr(append(dst, "Value("...), b.typecode, limit)
	if err != nil {
		return dst, err
	}
	dst, err = pickle.AppendRepr(append(dst, ", "...), b.content, limit)
	if err == nil && len(dst)-at >= limit {
		err = &pickle.LimitError{Budget: "Output", Limit: int64(limit)}
	}
	return append(dst, ')'), err
}

func (c *call) box() *box { return c.self.obj.(*box) }

func boxGet(c *call) (any, error) {
	if len(c.args) > 0 || c.hasKeywords() {
		if _, err := (signature{"Value.get", 1, nil, 0}).bind(c.args, c.kwargs); err != nil {
			return nil, err
		}
	}
	return c.box().content, nil
}

func boxSet(c *call) (any, error) {
	if len(c.args) == 1 && !c.hasKeywords() {
		return nil, c.swap(&c.box().content, c.args[0])
	}
	args, err := signature{"Value.set", 1, []string{"value"}, 1}.bind(c.args, c.kwargs)
	if err != nil {
		return nil, err
	}
	return nil, c.swap(&c.box().content, args[0])
}

func boxCompareAndSwap(c *call) (any, error) {
	return c.compareAndSwap(&c.box().content, c.args[0], c.args[1])
}
