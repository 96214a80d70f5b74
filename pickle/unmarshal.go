package pickle

import (
	"encoding"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"
)

// Unmarshaler is a Go value that can be set from a graph.
type Unmarshaler interface {
	// UnmarshalPickle sets the value. It may keep the graph, which others may have too.
	UnmarshalPickle(graph any) error
}

var (
	unmarshalerType     = reflect.TypeFor[Unmarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// Unmarshal decodes data as Decode does and stores the value in what v points to, as ToGo does.
func Unmarshal(data []byte, v any) error {
	graph, err := Decode(data)
	if err != nil {
		return err
	}
	return ToGo(graph, v)
}

// ToGo stores a graph in what dst points to, much as encoding/json does. The types are those of FromGo; besides:
//
//   - An interface without methods gets the value of the graph itself, as does what has its type: *Dict, say.
//   - A pointer that is not nil stays, and what it points to is set.
//   - None sets pointers, maps, slices and interfaces to nil, and leaves all else as it is.
//   - int goes into each integer that has room, and into floats; float and int into complex.
//   - bytes and bytearray: []byte, Bytes, an array of as many bytes; list and tuple: slice, or array of that length.
//   - dict: map, or struct, whose other fields stay as they are; keys without a field are ignored. Maps are made anew.
//   - set and frozenset: slice, or map[K]struct{}.
//   - An Object with attributes (a dataclass, say) goes into a struct, or a map, as the dict of them.
//   - What is one object in the graph is one pointer, map or slice, also in itself.
//
// The first value that does not fit ends it with an *UnmarshalTypeError; what was set before stays.
func ToGo(graph any, dst any) error { return toGo(graph, dst, Limits{}) }

func toGo(graph any, dst any, limits Limits) error {
	v := reflect.ValueOf(dst)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return &UnmarshalTypeError{Value: TypeName(graph), Type: fmt.Sprintf("%T", dst) + ", which is no pointer to a value"}
	}
	memory := limits.effective().Memory
	u := unmarshaler{memory: budget{memory, memory, "Memory"}}
	return u.set(v.Elem(), graph, 0)
}

// unmarshaler fills one Go value.
type unmarshaler struct {
	memory budget
	made   map[madeKey]reflect.Value // pointers, maps and slices
}

type madeKey struct {
	at address
	t  reflect.Type
}

// mismatch says that graph does not fit v.
func mismatch(graph any, v reflect.Value) error {
	value := TypeName(graph)
	if i, ok := graph.(int64); ok {
		value += " " + strconv.FormatInt(i, 10)
	}
	return &UnmarshalTypeError{Value: value, Type: v.Type().String()}
}

func (u *unmarshaler) set(v reflect.Value, graph any, depth int) error {
	if depth > maxDepth {
		return &DepthError{"while unmarshaling"}
	}
	t := v.Type()
	if graph == nil {
		switch v.Kind() {
		case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface:
			v.SetZero()
		}
		return nil
	}
	if _, isBig := graph.(*big.Int); !isBig || v.Kind() == reflect.Interface { // others may change their big.Int
		if g := reflect.ValueOf(graph); g.Type().AssignableTo(t) {
			v.Set(g)
			return nil
		}
	}
	if v.CanAddr() && v.Kind() != reflect.Pointer {
		if done, err := u.byMethod(v.Addr(), graph); done {
			return err
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		return u.pointer(v, graph, depth)
	case reflect.Slice:
		return u.slice(v, graph, depth)
	case reflect.Array:
		return u.array(v, graph, depth)
	case reflect.Map:
		return u.mapping(v, graph, depth)
	case reflect.Struct:
		return u.fields(v, graph, depth)
	}
	if !setScalar(v, graph) {
		return mismatch(graph, v)
	}
	return nil
}

// byMethod lets a value set itself, if it can.
func (u *unmarshaler) byMethod(p reflect.Value, graph any) (done bool, err error) {
	if !p.CanInterface() {
		return false, nil
	}
	switch x := p.Interface().(type) {
	case *big.Int:
		b, ok := bigOf(graph)
		if _, isBool := graph.(bool); !ok || isBool {
			return true, mismatch(graph, p)
		}
		if err := u.memory.spend(len(b.Bits()) * 8); err != nil {
			return true, err
		}
		x.Set(b)
		return true, nil
	case Unmarshaler:
		return true, x.UnmarshalPickle(graph)
	case encoding.TextUnmarshaler:
		s, ok := graph.(string)
		if !ok {
			return true, mismatch(graph, p.Elem())
		}
		if err := u.memory.spend(len(s)); err != nil {
			return true, err
		}
		return true, x.UnmarshalText([]byte(s))
	}
	return false, nil
}

// know returns what was made of a container for a type.
func (u *unmarshaler) know(v reflect.Value, graph any) (madeKey, bool) {
	key := madeKey{wordOf(graph), v.Type()}
	made, ok := u.made[key]
	if ok {
		v.Set(made)
	}
	return key, ok
}

func (u *unmarshaler) make(key madeKey, v reflect.Value) {
	if u.made == nil {
		u.made = make(map[madeKey]reflect.Value)
	}
	u.made[key] = v
}

// pointer sets what v points to, which is new if v is nil, or points v to what was made of the same container.
func (u *unmarshaler) pointer(v reflect.Value, graph any, depth int) error {
	var key madeKey
	shared := isContainer(graph)
	if shared {
		var ok bool
		if key, ok = u.know(v, graph); ok {
			return nil
		}
	}
	if v.IsNil() {
		if err := u.alloc(v.Type().Elem(), 1); err != nil {
			return err
		}
		v.Set(reflect.New(v.Type().Elem()))
	}
	if shared {
		u.make(key, v.Elem().Addr()) // not v, which may point elsewhere later
	}
	return u.set(v.Elem(), graph, depth+1)
}

// alloc accounts for n values of a type.
func (u *unmarshaler) alloc(t reflect.Type, n int) error {
	size := int(t.Size())
	if size > 0 && n > math.MaxInt/size {
		n, size = math.MaxInt, 1
	}
	return u.memory.spend(n * size)
}

// atField puts a name before the way that an error tells.
func atField(name string, err error) error {
	if e, ok := err.(*UnmarshalTypeError); ok {
		where := name
		if e.Field != "" {
			where += "." + e.Field
		}
		return &UnmarshalTypeError{e.Value, e.Type, where}
	}
	return err
}
