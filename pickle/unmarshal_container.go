package pickle

import (
	"fmt"
	"reflect"
	"strconv"
)

// sequence returns the items of a list, tuple or set.
func sequence(graph any) ([]any, bool) {
	switch x := graph.(type) {
	case *List:
		return x.Items, true
	case *Tuple:
		return x.Items, true
	case *Set:
		items := make([]any, 0, x.Len())
		for item := range x.All() {
			items = append(items, item)
		}
		return items, true
	}
	return nil, false
}

func (u *unmarshaler) slice(v reflect.Value, graph any, depth int) error {
	if data, ok := bytesOf(graph); ok && v.Type().Elem().Kind() == reflect.Uint8 {
		if err := u.memory.spend(len(data)); err != nil {
			return err
		}
		v.SetBytes([]byte(data))
		return nil
	}
	items, ok := sequence(graph)
	if !ok {
		return mismatch(graph, v)
	}
	key, ok := u.know(v, graph)
	if ok {
		return nil
	}
	if err := u.alloc(v.Type().Elem(), len(items)); err != nil {
		return err
	}
	s := reflect.MakeSlice(v.Type(), len(items), len(items))
	u.make(key, s)
	v.Set(s)
	return u.items(s, items, depth)
}

func (u *unmarshaler) array(v reflect.Value, graph any, depth int) error {
	if data, ok := bytesOf(graph); ok && v.Type().Elem().Kind() == reflect.Uint8 && len(data) == v.Len() {
		for i := range len(data) {
			v.Index(i).SetUint(uint64(data[i]))
		}
		return nil
	}
	items, ok := sequence(graph)
	if !ok || len(items) != v.Len() {
		return mismatch(graph, v)
	}
	return u.items(v, items, depth)
}

func (u *unmarshaler) items(v reflect.Value, items []any, depth int) error {
	for i, item := range items {
		if err := u.set(v.Index(i), item, depth+1); err != nil {
			return atField(strconv.Itoa(i), err)
		}
	}
	return nil
}

// attributes returns the dict that a dict is, or that an Object has.
func attributes(graph any) (d, slots *Dict, ok bool) {
	switch x := graph.(type) {
	case *Dict:
		return x, nil, true
	case *Object:
		switch state := x.State.(type) {
		case *Dict:
			return state, nil, true
		case *Tuple: // of __dict__ and __slots__
			if len(state.Items) == 2 {
				d, ok1 := state.Items[0].(*Dict)
				slots, ok2 := state.Items[1].(*Dict)
				return d, slots, (ok1 || state.Items[0] == nil) && ok2
			}
		}
		return nil, nil, !x.HasState
	}
	return nil, nil, false
}

func (u *unmarshaler) fields(v reflect.Value, graph any, depth int) error {
	d, slots, ok := attributes(graph)
	if !ok {
		return mismatch(graph, v)
	}
	for _, f := range fieldsOf(v.Type()) {
		value, ok := d.lookup(f.name)
		if !ok {
			value, ok = slots.lookup(f.name)
		}
		if !ok {
			continue
		}
		if err := u.set(fieldAt(v, f.index), value, depth+1); err != nil {
			return atField(f.name, err)
		}
	}
	return nil
}

// lookup is Get for a str, and for a dict that may be nil.
func (d *Dict) lookup(name string) (any, bool) {
	if d == nil {
		return nil, false
	}
	v, ok, _ := d.Get(name)
	return v, ok
}

// fieldAt is v.FieldByIndex, but makes what embedded pointers lack.
func fieldAt(v reflect.Value, index []int) reflect.Value {
	for i, x := range index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v
}

func (u *unmarshaler) mapping(v reflect.Value, graph any, depth int) error {
	t := v.Type()
	set, isSet := graph.(*Set)
	d, slots, ok := attributes(graph)
	if isSet != (t.Elem() == emptyType) || !isSet && !ok {
		return mismatch(graph, v)
	}
	key, ok := u.know(v, graph)
	if ok {
		return nil
	}
	made := reflect.MakeMap(t)
	u.make(key, made)
	v.Set(made)
	if isSet {
		for item := range set.All() {
			if err := u.item(made, item, nil, depth); err != nil {
				return err
			}
		}
		return nil
	}
	for _, d := range []*Dict{d, slots} {
		if d == nil {
			continue
		}
		for key, value := range d.All() {
			if err := u.item(made, key, value, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// item stores one item in a map.
func (u *unmarshaler) item(m reflect.Value, key, value any, depth int) error {
	t := m.Type()
	if err := u.alloc(t.Key(), 1); err != nil {
		return err
	}
	if err := u.alloc(t.Elem(), 1); err != nil {
		return err
	}
	k, e := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
	if err := u.set(k, key, depth+1); err != nil {
		return atField("key", err)
	}
	if !k.Comparable() {
		return atField("key", mismatch(key, k))
	}
	if err := u.set(e, value, depth+1); err != nil {
		return atField(fmt.Sprint(k), err)
	}
	m.SetMapIndex(k, e)
	return nil
}
