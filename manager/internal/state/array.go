package state

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/multiproc-go/multiproc/pickle"
)

// array is array.array: items of one type, as their bytes in little-endian order.
type array struct {
	code *typecode
	data []byte
}

func arrayKind() *kind {
	return newKind("Array", "array.array", newArray, []method{
		{name: "__len__", shape: slot, run: arrayLen},
		{name: "__getitem__", shape: slot, min: 1, max: 1, run: arrayGetItem},
		{name: "__setitem__", shape: unpacked, min: 2, max: 2, run: arraySetItem},
		{name: "#cas", shape: positional, min: 3, max: 3, run: arrayCompareAndSwap},
	})
}

func newArray(c *call) (object, weight, error) {
	args, err := signature{"Array", 0, []string{"typecode", "sequence", "lock"}, 2}.bind(c.args, c.kwargs)
	if err != nil {
		return nil, weight{}, err
	}
	name, ok := args[0].(string)
	if !ok {
		what := pickle.TypeName(args[0])
		if args[0] == nil {
			what = "None"
		}
		return nil, weight{}, typeError("array() argument 1 must be a unicode character, not %s", what)
	}
	if n, _ := length(name); n != int64(1) {
		return nil, weight{}, typeError("array() argument 1 must be a unicode character, not str")
	}
	code := typecodeOf(name)
	from := args[1]
	text, isText := from.(string)
	other, isArray := c.asArray(from)
	switch {
	case isText && (code == nil || !code.text):
		return nil, weight{}, typeError("cannot use a str to initialize an array with typecode '%s'", name)
	case isArray && other.code.text && (code == nil || !code.text):
		return nil, weight{}, typeError("cannot use a unicode array to initialize an array with typecode '%s'", name)
	case !isArray && !c.isIterable(from):
		return nil, weight{}, notIterable(from)
	case code == nil:
		return nil, weight{}, valueError("bad typecode (must be b, B, u, h, H, i, I, l, L, q, Q, f or d)")
	}
	a := &array{code: code}
	switch from := from.(type) {
	case pickle.Bytes:
		a.data = []byte(from)
	case *pickle.ByteArray:
		a.data = slices.Clone(from.Data)
	default:
		var items []any
		switch {
		case isText:
			items = characters(text)
		case isArray:
			items = other.items()
		default:
			if items, err = c.iterate(from); err != nil {
				return nil, weight{}, err
			}
		}
		if err := a.fill(items); err != nil {
			return nil, weight{}, err
		}
	}
	if len(a.data)%code.size != 0 {
		return nil, weight{}, valueError("bytes length not a multiple of item size")
	}
	return a, weight{bytes: int64(len(a.data))}, nil
}

// fill appends items.
func (a *array) fill(items []any) error {
	a.data = slices.Grow(a.data, len(items)*a.code.size)
	for _, item := range items {
		at := len(a.data)
		a.data = a.data[:at+a.code.size]
		if err := a.code.put(a.data[at:], item); err != nil {
			return err
		}
	}
	return nil
}

// arrayOf returns the array that a pickled one is: by what the module array says of itself, or what multiprocessing
// does.
func arrayOf(o *pickle.Object) (*array, bool) {
	if o.Args == nil {
		return nil, false
	}
	module, name, _ := o.Class()
	args := o.Args.Items
	if module != "array" || name != "array" || o.How != pickle.ByReduce || len(args) != 2 {
		return nil, false
	}
	text, _ := args[0].(string)
	a := &array{code: typecodeOf(text)}
	if a.code == nil {
		return nil, false
	}
	switch from := args[1].(type) {
	case pickle.Bytes:
		a.data = []byte(from)
		return a, len(a.data)%a.code.size == 0
	case *pickle.List:
		return a, a.fill(from.Items) == nil
	}
	return nil, false
}

// asArray returns the array that an argument is.
func (c *call) asArray(v any) (*array, bool) {
	if o, ok := v.(*pickle.Object); ok && c.spend(weigh(o).bytes) == nil {
		return arrayOf(o)
	}
	return nil, false
}

func (a *array) len() int { return len(a.data) / a.code.size }

func (a *array) item(i int) any { return a.code.get(a.data[i*a.code.size:]) }

func (a *array) items() []any {
	items := make([]any, a.len())
	for i := range items {
		items[i] = a.item(i)
	}
	return items
}

func (a *array) elements(c *call, _ *shared) ([]any, error) {
	if err := c.transient(int64(a.len())); err != nil {
		return nil, err
	}
	return a.items(), nil
}

// value returns what multiprocessing pickles an array as.
func (a *array) value() any { return a.pickled(a.data) }

func (a *array) pickled(data []byte) any {
	return &pickle.Object{
		Callable: &pickle.Global{Module: arrayName[:5], Name: arrayName[6:]},
		Args:     pickle.NewTuple(a.code.name, pickle.Bytes(data)),
	}
}

// arrayName has the names of the module and of the class, which are two objects in CPython: its pickles tell.
const arrayName = "array.array"

func (a *array) repr(_ *shared, dst []byte, limit int) ([]byte, error) {
	dst = append(dst, "array('"+a.code.name+"'"...)
	if len(a.data) == 0 {
		return append(dst, ')'), nil
	}
	dst = append(dst, ", "...)
	end := len(dst) + limit
	if a.code.text {
		if err := a.decodable(); err != nil {
			return dst, err
		}
		dst, err := pickle.AppendRepr(dst, a.text(), limit)
		return append(dst, ')'), err
	}
	for i := range a.len() {
		if len(dst) > end {
			return dst, &pickle.LimitError{Budget: "Output", Limit: int64(limit)}
		}
		lead := ", "
		if i == 0 {
			lead = "["
		}
		var err error
		if dst, err = pickle.AppendRepr(append(dst, lead...), a.item(i), limit); err != nil {
			return dst, err
		}
	}
	return append(dst, "])"...), nil
}

// decodable refuses what CPython decodes strictly to show it: a surrogate in an array of 'w', not in one of 'u'.
func (a *array) decodable() error {
	if a.code.name != "w" {
		return nil
	}
	for i := range a.len() {
		if r := binary.LittleEndian.Uint32(a.data[4*i:]); 0xd800 <= r && r < 0xe000 {
			return failure("UnicodeDecodeError", fmt.Sprintf("'utf-32-le' codec can't decode bytes in position %d-%d: code point in surrogate code point range(0xd800, 0xe000)",
				4*i, 4*i+3))
		}
	}
	return nil
}

func (a *array) text() string {
	var text []byte
	for i := range a.len() {
		text = append(text, a.item(i).(string)...)
	}
	return string(text)
}

func (c *call) array() *array { return c.self.obj.(*array) }

func arrayLen(c *call) (any, error) { return int64(c.array().len()), nil }

// at returns the position that an index means; text is what to say if there is none.
func (a *array) at(v any, text string) (int, error) {
	i, err := indexSized(v, "IndexError")
	if err != nil {
		return 0, err
	}
	if i < 0 {
		i += int64(a.len())
	}
	if i < 0 || i >= int64(a.len()) {
		return 0, raise("IndexError", "%s", text)
	}
	return int(i), nil
}

func arrayGetItem(c *call) (any, error) {
	a := c.array()
	if s, ok := c.args[0].(*pickle.Slice); ok {
		p, err := spanOf(s, a.len())
		if err != nil {
			return nil, err
		}
		return a.pickled(a.pick(p)), nil
	}
	if !isInteger(c.args[0]) {
		return nil, typeError("array indices must be integers")
	}
	i, err := a.at(c.args[0], "array index out of range")
	if err != nil {
		return nil, err
	}
	return a.item(i), nil
}

// pick returns the bytes of the items that a span names.
func (a *array) pick(p span) []byte {
	size := int64(a.code.size)
	if p.step == 1 {
		return a.data[p.start*size : (p.start+p.n)*size]
	}
	data := make([]byte, 0, p.n*size)
	for i := range p.n {
		at := (p.start + i*p.step) * size
		data = append(data, a.data[at:at+size]...)
	}
	return data
}

func arraySetItem(c *call) (any, error) {
	a := c.array()
	if s, ok := c.args[0].(*pickle.Slice); ok {
		return nil, arraySetSlice(c, s, c.args[1])
	}
	if !isInteger(c.args[0]) {
		return nil, typeError("array indices must be integers")
	}
	i, err := a.at(c.args[0], "array assignment index out of range")
	if err != nil {
		return nil, err
	}
	return nil, a.code.put(a.data[i*a.code.size:], c.args[1])
}

func arraySetSlice(c *call, s *pickle.Slice, v any) error {
	a := c.array()
	p, err := spanOf(s, a.len())
	if err != nil {
		return err
	}
	other, ok := c.asArray(v)
	if !ok {
		return typeError("can only assign array (not \"%s\") to array slice", pickle.TypeName(v))
	}
	if other.code != a.code {
		return typeError("bad argument type for built-in operation")
	}
	size := int64(a.code.size)
	if p.step == 1 {
		grow := int64(len(other.data)) - p.n*size
		if err := c.change(weight{bytes: grow}, weight{}); err != nil {
			return err
		}
		a.data = slices.Replace(a.data, int(p.start*size), int((p.start+p.n)*size), other.data...)
		return nil
	}
	switch n := int64(other.len()); {
	case n == 0 && p.n == 0:
		return nil
	case n == 0:
		if err := c.change(weight{}, weight{bytes: p.n * size}); err != nil {
			return err
		}
		a.remove(p.forwards())
		return nil
	case n != p.n:
		return valueError("attempt to assign array of size %d to extended slice of size %d", n, p.n)
	}
	for i := range p.n {
		at := (p.start + i*p.step) * size
		copy(a.data[at:at+size], other.data[i*size:])
	}
	return nil
}

// remove removes the items that a span with a positive step names.
func (a *array) remove(p span) {
	size := int64(a.code.size)
	kept := a.data[:p.start*size]
	for i := p.start; i < int64(a.len()); i++ {
		if d := i - p.start; d%p.step != 0 || d/p.step >= p.n {
			kept = append(kept, a.data[i*size:(i+1)*size]...)
		}
	}
	a.data = kept
}

func arrayCompareAndSwap(c *call) (any, error) {
	a := c.array()
	if !isInteger(c.args[0]) {
		return nil, typeError("array indices must be integers")
	}
	i, err := a.at(c.args[0], "array assignment index out of range")
	if err != nil {
		return nil, err
	}
	if same, err := unchanged(a.item(i), c.args[1]); !same || err != nil {
		return false, err
	}
	return true, a.code.put(a.data[i*a.code.size:], c.args[2])
}
