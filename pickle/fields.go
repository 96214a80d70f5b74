package pickle

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// field is a field of a Go struct, perhaps of one embedded in it, that stands in a dict.
type field struct {
	name      string
	index     []int
	omitEmpty bool
	tagged    bool
}

// structs are the fields of types: what is found out about a type never changes.
var structs sync.Map // reflect.Type to []field

// fieldsOf returns the fields of a struct type, in order, with those of embedded structs where these stand. Of fields
// with one name the least deep counts; if there are several, the one with a tag; else none.
func fieldsOf(t reflect.Type) []field {
	if known, ok := structs.Load(t); ok {
		return known.([]field)
	}
	all := collectFields(nil, t, nil, map[reflect.Type]bool{})
	best := make(map[string]*field, len(all))
	for i := range all {
		f := &all[i]
		b, ok := best[f.name]
		switch {
		case !ok, len(f.index) < len(b.index), len(f.index) == len(b.index) && f.tagged && !b.tagged:
			best[f.name] = f
		case len(f.index) == len(b.index) && f.tagged == b.tagged:
			best[f.name] = &field{index: b.index, tagged: b.tagged} // of as good a rank, and nobody
		}
	}
	var fields []field
	for i := range all {
		if best[all[i].name] == &all[i] {
			fields = append(fields, all[i])
		}
	}
	slices.SortStableFunc(fields, func(a, b field) int { return slices.CompareFunc(a.index, b.index, cmp.Compare[int]) })
	known, _ := structs.LoadOrStore(t, fields)
	return known.([]field)
}

// collectFields appends all fields of t and of what is embedded in it, but for structs that are around.
func collectFields(fields []field, t reflect.Type, index []int, around map[reflect.Type]bool) []field {
	if around[t] {
		return fields
	}
	around[t] = true
	defer delete(around, t)
	for i := range t.NumField() {
		sf := t.Field(i)
		tag := sf.Tag.Get("pickle")
		if tag == "-" {
			continue
		}
		f := field{name: sf.Name, index: append(slices.Clone(index), i)}
		name, options, _ := strings.Cut(tag, ",")
		if name != "" {
			f.name, f.tagged = name, true
		}
		for option := range strings.SplitSeq(options, ",") {
			f.omitEmpty = f.omitEmpty || option == "omitempty"
		}
		if sf.Anonymous && !f.tagged {
			inner := sf.Type
			if inner.Kind() == reflect.Pointer && sf.IsExported() { // another could not be set
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct && !isWhole(inner) {
				fields = collectFields(fields, inner, f.index, around)
				continue
			}
		}
		if sf.IsExported() {
			fields = append(fields, f)
		}
	}
	return fields
}

// isWhole reports whether a struct stands for itself, and not for its fields.
func isWhole(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return isGraphType(p) || p.Implements(marshalerType) || p.Implements(unmarshalerType) || p.Implements(textMarshalerType) ||
		p.Implements(textUnmarshalerType) || p.Implements(customType) || t == bigIntType
}

// isEmpty is what omitempty means in encoding/json.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}
