package state

import (
	"math/big"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/multiproc-go/multiproc/pickle"
)

// iterable is an object that can be used where a method takes an iterable, by a proxy.
type iterable interface {
	object
	// elements returns what an iterator over it yields.
	elements(c *call, self *shared) ([]any, error)
}

// iterate returns what Python's iterator over v yields. It may be the memory of v itself: it must not be changed.
func (c *call) iterate(v any) ([]any, error) {
	switch v := v.(type) {
	case *pickle.List:
		return v.Items, nil
	case *pickle.Tuple:
		return v.Items, nil
	case string:
		if err := c.transient(int64(len(v))); err != nil {
			return nil, err
		}
		return characters(v), nil
	case pickle.Bytes:
		return c.bytes([]byte(v))
	case *pickle.ByteArray:
		return c.bytes(v.Data)
	case *pickle.Dict:
		if err := c.transient(int64(v.Len())); err != nil {
			return nil, err
		}
		items := make([]any, 0, v.Len())
		for key := range v.All() {
			items = append(items, key)
		}
		return items, nil
	case *pickle.Set:
		if err := c.transient(int64(v.Len())); err != nil {
			return nil, err
		}
		items := make([]any, 0, v.Len())
		for item := range v.All() {
			items = append(items, item)
		}
		return items, nil
	case *pickle.Range:
		return c.rangeItems(v)
	case *pickle.Object:
		if items, ok := c.objectItems(v); ok {
			return items, nil
		}
	case *Proxy:
		sh, err := c.s.asProxy(v)
		if err != nil {
			return nil, err
		}
		if from, ok := sh.obj.(iterable); ok {
			items, err := from.elements(c, sh)
			if err != nil {
				return nil, err
			}
			return c.copies(items)
		}
	}
	return nil, notIterable(v)
}

func notIterable(v any) error { return typeError("'%s' object is not iterable", pickle.TypeName(v)) }

// isIterable reports whether iterate would begin.
func (c *call) isIterable(v any) bool {
	switch v := v.(type) {
	case *pickle.List, *pickle.Tuple, string, pickle.Bytes, *pickle.ByteArray, *pickle.Dict, *pickle.Set, *pickle.Range:
		return true
	case *pickle.Object:
		_, ok := c.objectItems(v)
		return ok
	case *Proxy:
		sh := c.s.target(v)
		if sh == nil {
			return true // and iterate says what is wrong
		}
		_, ok := sh.obj.(iterable)
		return ok
	}
	return false
}

// characters returns the characters of a str.
func characters(s string) []any {
	items := make([]any, 0, len(s))
	for len(s) > 0 {
		n := characterSize(s)
		items = append(items, s[:n])
		s = s[n:]
	}
	return items
}

// characterSize returns how many bytes the first character has. A lone surrogate has three.
func characterSize(s string) int {
	if _, n := utf8.DecodeRuneInString(s); n > 1 || s[0] < utf8.RuneSelf {
		return n
	}
	return min(3, len(s))
}

func (c *call) bytes(data []byte) ([]any, error) {
	if err := c.transient(int64(len(data))); err != nil {
		return nil, err
	}
	return bytesItems(data), nil
}

func bytesItems(data []byte) []any {
	items := make([]any, len(data))
	for i, b := range data {
		items[i] = int64(b)
	}
	return items
}

func (c *call) rangeItems(r *pickle.Range) ([]any, error) {
	start, step, n, ok := rangeOf(r)
	if n < 0 {
		return nil, raise("OverflowError", "Python int too large to convert to C ssize_t")
	}
	if err := c.transient(n); err != nil {
		return nil, err
	}
	items := make([]any, n)
	if ok {
		for i := range items {
			items[i] = start
			start += step // beyond the last it may overflow
		}
		return items, nil
	}
	first, _ := bigOf(r.Start)
	by, ok := bigOf(r.Step)
	if !ok || by.Sign() == 0 {
		return nil, notIterable(r)
	}
	for i := range items {
		items[i] = pickle.Int(first)
		first = new(big.Int).Add(first, by)
	}
	return items, nil
}

// objectItems returns what iterators, arrays and the containers of collections yield, as far as their pickles say it.
func (c *call) objectItems(o *pickle.Object) ([]any, bool) {
	module, name, _ := o.Class()
	switch module + "." + name {
	case "builtins.iter", "builtins.reversed":
		return c.iteratorItems(o, name == "reversed")
	case "array.array":
		if a, ok := c.asArray(o); ok && c.transient(int64(a.len())) == nil {
			return a.items(), true
		}
	case "collections.deque":
		return o.Items, true
	case "collections.OrderedDict", "collections.defaultdict":
		if c.transient(int64(len(o.Pairs))) != nil {
			return nil, false
		}
		items := make([]any, 0, len(o.Pairs))
		for _, p := range o.Pairs {
			items = append(items, p.Key)
		}
		return items, true
	case "collections.Counter":
		if d := mappingOf(o); d != nil {
			items, err := c.iterate(d)
			return items, err == nil
		}
	}
	return nil, false
}

// iteratorItems returns what remains of a pickled iterator: the call of iter or reversed, and how far it has come.
func (c *call) iteratorItems(o *pickle.Object, reversed bool) ([]any, bool) {
	if o.How != pickle.ByReduce || o.Args == nil || len(o.Args.Items) != 1 {
		return nil, false
	}
	switch o.Args.Items[0].(type) {
	case *pickle.Object, *Proxy: // one in another is not worth the depth
		return nil, false
	}
	items, err := c.iterate(o.Args.Items[0])
	if err != nil {
		return nil, false
	}
	at, _, isInt := integer(o.State)
	if o.HasState && !isInt {
		return nil, false
	}
	if !reversed {
		return items[min(max(at, 0), int64(len(items))):], true
	}
	if !o.HasState {
		at = int64(len(items)) - 1
	}
	if c.transient(int64(len(items))) != nil {
		return nil, false
	}
	backwards := []any{}
	for i := min(at, int64(len(items))-1); i >= 0; i-- {
		backwards = append(backwards, items[i])
	}
	return backwards, true
}

// mappingOf returns a dict for a value that is one, or a subclass of it in collections; else nil.
func mappingOf(v any) *pickle.Dict {
	switch v := v.(type) {
	case *pickle.Dict:
		return v
	case *pickle.Object:
		module, name, _ := v.Class()
		switch module + "." + name {
		case "collections.OrderedDict", "collections.defaultdict":
			d := pickle.NewDict()
			for _, p := range v.Pairs {
				if d.Set(p.Key, p.Value) != nil {
					return nil
				}
			}
			return d
		case "collections.Counter":
			if v.Args != nil && len(v.Args.Items) == 1 {
				d, _ := v.Args.Items[0].(*pickle.Dict)
				return d
			}
		}
	}
	return nil
}

// copies returns items as if they had come through a proxy, which is how CPython's server gets them: each container is
// a new one.
func (c *call) copies(items []any) ([]any, error) {
	if err := c.transient(int64(len(items))); err != nil {
		return nil, err
	}
	result := make([]any, len(items))
	for i, item := range items {
		var err error
		if result[i], err = c.copyOf(item); err != nil {
			return nil, err
		}
	}
	return result, nil
}

func (c *call) copyOf(v any) (any, error) {
	if err := c.spend(weigh(v).bytes); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case string:
		return strings.Clone(v), nil
	case pickle.Bytes:
		return pickle.Bytes(strings.Clone(string(v))), nil
	case *pickle.ByteArray:
		return &pickle.ByteArray{Data: slices.Clone(v.Data)}, nil
	}
	if _, scalar := scalarBytes(v); scalar {
		return v, nil
	}
	data, err := pickle.Append(nil, v, highest)
	if err != nil {
		return nil, err
	}
	decoder := pickle.Decoder{Reduce: Resolve}
	return decoder.DecodeBytes(data)
}
