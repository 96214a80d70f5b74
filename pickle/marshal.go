package pickle

import (
	"encoding"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strconv"
)

// Marshaler is a Go value that knows its graph.
type Marshaler interface {
	// MarshalPickle returns a graph, or any other value that FromGo takes.
	MarshalPickle() (any, error)
}

var (
	marshalerType     = reflect.TypeFor[Marshaler]()
	textMarshalerType = reflect.TypeFor[encoding.TextMarshaler]()
	customType        = reflect.TypeFor[Custom]()
	bigIntType        = reflect.TypeFor[big.Int]()
	bytesType         = reflect.TypeFor[Bytes]()
	emptyType         = reflect.TypeFor[struct{}]()
)

// Marshal returns the pickle of a Go value in DefaultProtocol: Append of what FromGo returns.
func Marshal(v any) ([]byte, error) {
	graph, err := FromGo(v)
	if err != nil {
		return nil, err
	}
	return Append(nil, graph, DefaultProtocol)
}

// FromGo returns the graph that stands for a Go value, much as encoding/json has it:
//
//   - bool, integers, floats, complex and string: bool, int, float, complex, str; *big.Int: int.
//   - []byte and [n]byte: bytes; other slices: list; other arrays: tuple.
//   - map: dict, in the order of its keys if Python orders them; map[K]struct{}: set.
//   - struct: dict with the names of its exported fields, or those that tags give: `pickle:"name"`,
//     `pickle:"name,omitempty"`, `pickle:"-"`. Fields of embedded structs stand beside the others.
//   - pointer: what it points to. Pointers, maps and slices that are the same are one object, also in themselves.
//   - nil, of whatever type: None.
//   - A value of a graph, whether alone or in a Go value: itself. What is in it is not looked at.
//   - Marshaler: what it returns; encoding.TextMarshaler, also as the key of a map: str.
//
// Functions, channels and other types give an *EncodeError that names the field; so do two keys of a map that are one in
// Python, as 1 and true. A key that Python does not hash gives an *UnhashableError.
func FromGo(v any) (graph any, err error) {
	var m marshaler
	return m.any(v, 0)
}

// marshaler makes one graph.
type marshaler struct {
	seen map[seenKey]any // what pointers, maps and slices stand for
}

// seenKey keeps alive what it is the key of: a Marshaler may return what nobody else keeps, and another value could come
// to lie in the same place.
type seenKey struct {
	t   reflect.Type
	at  address
	len int
}

func (m *marshaler) any(v any, depth int) (any, error) {
	switch v := v.(type) { // all but what is frequent is left to value
	case nil, bool, int64, float64, Bytes:
		return v, nil
	case int:
		return int64(v), nil
	case string:
		return m.text(v, reflect.TypeFor[string]())
	}
	return m.value(reflect.ValueOf(v), depth)
}

// text returns the str of a value of type t.
func (m *marshaler) text(s string, t reflect.Type) (any, error) {
	if !validText(s) {
		return nil, &EncodeError{Type: t.String(), Reason: "it is not UTF-8"}
	}
	return s, nil
}

// isGraphType reports whether values of a type may stand in a graph as they are.
func isGraphType(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[*ByteArray](), reflect.TypeFor[*Tuple](), reflect.TypeFor[*List](), reflect.TypeFor[*Dict](), reflect.TypeFor[*Set](),
		reflect.TypeFor[*Slice](), reflect.TypeFor[*Range](), reflect.TypeFor[*Global](), reflect.TypeFor[*Object](), bytesType:
		return true
	}
	return false
}

func (m *marshaler) value(v reflect.Value, depth int) (any, error) {
	if depth > maxDepth {
		return nil, &DepthError{"while marshaling"}
	}
	t := v.Type()
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, nil
	}
	if isGraphType(t) {
		return v.Interface(), nil
	}
	if done, graph, err := m.byMethod(v, depth); done {
		return graph, err
	}
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return Int(new(big.Int).SetUint64(v.Uint())), nil
	case reflect.Float32, reflect.Float64:
		return v.Float(), nil
	case reflect.Complex64, reflect.Complex128:
		return v.Complex(), nil
	case reflect.String:
		return m.text(v.String(), t)
	case reflect.Interface:
		if v.IsNil() {
			return nil, nil
		}
		return m.value(v.Elem(), depth+1)
	case reflect.Pointer:
		return m.pointer(v, depth)
	case reflect.Struct:
		return m.dictOf(v, NewDict(), depth)
	case reflect.Map:
		return m.mapping(v, depth)
	case reflect.Slice:
		switch {
		case v.IsNil():
			return nil, nil
		case t.Elem().Kind() == reflect.Uint8:
			return Bytes(v.Bytes()), nil
		}
		return m.list(v, depth)
	case reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			b := make([]byte, v.Len())
			reflect.Copy(reflect.ValueOf(b), v)
			return Bytes(b), nil
		}
		items, err := m.items(v, depth)
		return &Tuple{items}, err
	}
	return nil, &EncodeError{Type: t.String(), Reason: "Python has nothing like it"}
}

// byMethod asks a value that knows its graph.
func (m *marshaler) byMethod(v reflect.Value, depth int) (done bool, graph any, err error) {
	t := v.Type()
	if t == reflect.PointerTo(bigIntType) {
		return true, Int(v.Interface().(*big.Int)), nil
	}
	if t == bigIntType {
		b := v.Interface().(big.Int)
		return true, Int(&b), nil
	}
	if v.CanAddr() && v.Kind() != reflect.Pointer {
		if p := reflect.PointerTo(t); p.Implements(marshalerType) || p.Implements(textMarshalerType) || p.Implements(customType) {
			v, t = v.Addr(), p
		}
	}
	switch {
	case !v.CanInterface():
	case t.Implements(customType):
		return true, v.Interface(), nil
	case t.Implements(marshalerType):
		graph, err = v.Interface().(Marshaler).MarshalPickle()
		if err == nil {
			graph, err = m.any(graph, depth+1)
		}
		return true, graph, err
	case t.Implements(textMarshalerType):
		text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		if err == nil {
			graph, err = m.text(string(text), t)
		}
		return true, graph, err
	}
	return false, nil, nil
}

// know returns what a pointer, map or slice stands for, if it was met before.
func (m *marshaler) know(v reflect.Value) (key seenKey, graph any, ok bool) {
	key = seenKey{t: v.Type(), at: v.UnsafePointer()}
	if v.Kind() == reflect.Slice {
		key.len = v.Len()
	}
	graph, ok = m.seen[key]
	return key, graph, ok
}

func (m *marshaler) see(key seenKey, graph any) {
	if m.seen == nil {
		m.seen = make(map[seenKey]any)
	}
	m.seen[key] = graph
}

func (m *marshaler) pointer(v reflect.Value, depth int) (any, error) {
	key, graph, ok := m.know(v)
	if ok {
		return graph, nil
	}
	if e := v.Elem(); e.Kind() == reflect.Struct && !isWhole(e.Type()) {
		d := NewDict() // known before its fields, of which one may point here
		m.see(key, d)
		return m.dictOf(e, d, depth+1)
	}
	graph, err := m.value(v.Elem(), depth+1)
	if err == nil {
		m.see(key, graph)
	}
	return graph, err
}

func (m *marshaler) dictOf(v reflect.Value, d *Dict, depth int) (any, error) {
	for _, f := range fieldsOf(v.Type()) {
		fv, err := v.FieldByIndexErr(f.index)
		if err != nil || f.omitEmpty && isEmpty(fv) {
			continue // in an embedded pointer that is nil
		}
		graph, err := m.value(fv, depth+1)
		if err != nil {
			return nil, inField(f.name, err)
		}
		if err := d.Set(f.name, graph); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (m *marshaler) mapping(v reflect.Value, depth int) (any, error) {
	if v.IsNil() {
		return nil, nil
	}
	key, graph, ok := m.know(v)
	if ok {
		return graph, nil
	}
	type item struct {
		key   any
		value reflect.Value
	}
	items := make([]item, 0, v.Len())
	for it := v.MapRange(); it.Next(); {
		k, err := m.value(it.Key(), depth+1)
		if err != nil {
			return nil, inField("key", err)
		}
		items = append(items, item{k, it.Value()})
	}
	slices.SortStableFunc(items, func(a, b item) int {
		if less, err := Less(a.key, b.key); err == nil && less {
			return -1
		}
		if less, err := Less(b.key, a.key); err == nil && less {
			return 1
		}
		return 0
	})
	t := v.Type()
	clash := func(k any) error { // as of 1 and True in a map of any: one of the values would be lost
		return inField(fmt.Sprint(k), &EncodeError{Type: t.String(), Reason: "two of its keys are one key in Python"})
	}
	if t.Elem() == emptyType {
		s := NewSet(false)
		m.see(key, s)
		for _, it := range items {
			if added, err := s.Add(it.key); err != nil {
				return nil, err
			} else if !added {
				return nil, clash(it.key)
			}
		}
		return s, nil
	}
	d := NewDict()
	m.see(key, d)
	for i, it := range items {
		value, err := m.value(it.value, depth+1)
		if err != nil {
			return nil, inField(fmt.Sprint(it.key), err)
		}
		if err := d.Set(it.key, value); err != nil {
			return nil, err
		}
		if d.Len() == i {
			return nil, clash(it.key)
		}
	}
	return d, nil
}

func (m *marshaler) list(v reflect.Value, depth int) (any, error) {
	key, graph, ok := m.know(v)
	if ok && key.len > 0 { // all that are empty may be in one place
		return graph, nil
	}
	l := new(List)
	m.see(key, l)
	var err error
	l.Items, err = m.items(v, depth)
	return l, err
}

func (m *marshaler) items(v reflect.Value, depth int) ([]any, error) {
	items := make([]any, v.Len())
	for i := range items {
		var err error
		if items[i], err = m.value(v.Index(i), depth+1); err != nil {
			return nil, inField(strconv.Itoa(i), err)
		}
	}
	return items, nil
}

// inField puts a name before the way that an error tells.
func inField(name string, err error) error {
	if e, ok := err.(*EncodeError); ok {
		where := name
		if e.Field != "" {
			where += "." + e.Field
		}
		return &EncodeError{e.Type, e.Reason, where}
	}
	return err
}
