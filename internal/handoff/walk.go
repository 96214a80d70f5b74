package handoff

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/multiproc-go/multiproc/internal/family"
)

// MaxDepth is how many structs, slices, arrays and maps may lie inside one
// another. A linked list longer than that is better sent as a slice.
const MaxDepth = 10_000

// looksFrom is the depth below which a walk does not look for cycles: values
// are seldom deeper, and looking costs a map entry for each pointer.
const looksFrom = 64

var errCycle = errors.New("the value contains itself")

// inspect looks for what only the value tells, before it is encoded.
func inspect(v reflect.Value, n *node) error {
	if !n.checks {
		return nil
	}
	w := walker{from: looksFrom, path: []step{{name: rootName(n.typ)}}}
	err := w.visit(v, n)
	if err != nil && err.Err == errCycle {
		// Once more, to name the cycle and not the 64th way round it.
		w = walker{path: []step{{name: rootName(n.typ)}}}
		if again := w.visit(v, n); again != nil {
			err = again
		}
	}
	if err != nil {
		return err
	}
	return nil
}

// A walker goes through one value along the graph of its type.
type walker struct {
	path   []step
	depth  int
	from   int                   // depth at which it begins to look for cycles
	active map[identity]struct{} // what it is inside of
}

// A step is one element of a path, kept unformatted until an error needs it.
type step struct {
	name  string
	index int
	key   reflect.Value
}

type identity struct {
	address uintptr
	length  int
	typ     reflect.Type
}

func (w *walker) fail(v reflect.Value, reason string, err error) *ValueError {
	return &ValueError{Type: v.Type(), Path: formatPath(w.path), Reason: reason, Err: err}
}

func (w *walker) below(s step, v reflect.Value, n *node) *ValueError {
	w.path = append(w.path, s)
	err := w.visit(v, n)
	w.path = w.path[:len(w.path)-1]
	return err
}

func (w *walker) visit(v reflect.Value, n *node) *ValueError {
	if !n.checks {
		return nil
	}
	switch n.kind {
	case timeNode:
		if reason := lossyTime(v.Interface().(time.Time)); reason != "" {
			return w.fail(v, reason, nil)
		}
		return nil
	case pointerNode:
		if v.IsNil() {
			return nil
		}
		if n.elem.kind == timeNode && v.Interface().(*time.Time).IsZero() {
			return w.fail(v, "a pointer to the zero time would arrive as nil", nil)
		}
		return w.inside(v, n, 0, func() *ValueError { return w.visit(v.Elem(), n.elem) })
	case sequenceNode:
		return w.nested(v, n, v.Len(), func() *ValueError {
			for i := range v.Len() {
				if err := w.below(step{index: i}, v.Index(i), n.elem); err != nil {
					return err
				}
			}
			return nil
		})
	case mapNode:
		return w.nested(v, n, 0, func() *ValueError {
			for entries := v.MapRange(); entries.Next(); {
				if err := w.below(step{name: "[key]"}, entries.Key(), n.key); err != nil {
					return err
				}
				if err := w.below(step{key: entries.Key()}, entries.Value(), n.elem); err != nil {
					return err
				}
			}
			return nil
		})
	case structNode:
		return w.nested(v, n, 0, func() *ValueError { return w.fields(v, n) })
	}
	return nil
}

func (w *walker) fields(v reflect.Value, n *node) *ValueError {
	for i := range n.fields {
		f := &n.fields[i]
		if !f.node.checks && !f.zeroes {
			continue
		}
		value, here := v.Field(f.index), step{name: "." + f.name}
		if f.zeroes && value.IsZero() && negativeZero(value) {
			w.path = append(w.path, here)
			return w.fail(value, "the omit option would drop the sign of a negative zero", nil)
		}
		if f.flat {
			w.depth--
		}
		if err := w.below(here, value, f.node); err != nil {
			return err
		}
		if f.flat {
			w.depth++
		}
	}
	return nil
}

// nested runs f one level of nesting further down.
func (w *walker) nested(v reflect.Value, n *node, length int, f func() *ValueError) *ValueError {
	if w.depth++; w.depth > MaxDepth {
		return w.fail(v, "", fmt.Errorf("the value is nested deeper than %d levels", MaxDepth))
	}
	err := w.inside(v, n, length, f)
	w.depth--
	return err
}

// inside runs f while v counts as entered: to meet v again is a cycle.
func (w *walker) inside(v reflect.Value, n *node, length int, f func() *ValueError) *ValueError {
	k := v.Kind()
	if !n.loops || w.depth < w.from || k != reflect.Pointer && k != reflect.Slice && k != reflect.Map {
		return f()
	}
	id := identity{v.Pointer(), length, v.Type()}
	if id.address == 0 {
		return f()
	}
	if _, ok := w.active[id]; ok {
		return w.fail(v, "", errCycle)
	}
	if w.active == nil {
		w.active = map[identity]struct{}{}
	}
	w.active[id] = struct{}{}
	err := f()
	delete(w.active, id)
	return err
}

// lossyTime says what RFC 3339 cannot express of t, or "".
func lossyTime(t time.Time) string {
	_, offset := t.Zone()
	switch {
	case t.IsZero() && offset != 0:
		return "the zero time travels without a zone: call UTC first"
	case t.Year() < 0 || t.Year() > 9999:
		return "the year does not have four digits"
	case offset%60 != 0:
		return "the zone offset is not whole minutes: call UTC first"
	case offset <= -24*60*60 || offset >= 24*60*60:
		return "the zone offset is a day or more"
	}
	return ""
}

// negativeZero reports whether v, which equals zero, holds a negative zero.
func negativeZero(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Float32, reflect.Float64:
		return math.Signbit(v.Float())
	case reflect.Array:
		for i := range v.Len() {
			if negativeZero(v.Index(i)) {
				return true
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if negativeZero(v.Field(i)) {
				return true
			}
		}
	}
	return false
}

// formatPath writes a path out; of a very long one, its two ends.
func formatPath(path []step) string {
	const head, tail = 24, 8
	var b strings.Builder
	for i, s := range path {
		if len(path) > head+tail && i >= head && i < len(path)-tail {
			if i == head {
				b.WriteString("…")
			}
			continue
		}
		switch {
		case s.name != "":
			b.WriteString(s.name)
		case s.key.IsValid() && s.key.Kind() == reflect.String:
			b.WriteString("[" + strconv.Quote(s.key.String()) + "]")
		case s.key.IsValid():
			fmt.Fprintf(&b, "[%v]", s.key)
		default:
			fmt.Fprintf(&b, "[%d]", s.index)
		}
	}
	return b.String()
}

// bindAll calls BindMember(m) on every handle in v, a value that was just
// decoded and so is a tree.
func bindAll(v reflect.Value, n *node, m *family.Member) {
	if !n.binds {
		return
	}
	switch n.kind {
	case pointerNode:
		if v.IsNil() {
			return
		}
		if n.binder {
			v.Interface().(Binder).BindMember(m)
			return
		}
		bindAll(v.Elem(), n.elem, m)
	case sequenceNode:
		for i := range v.Len() {
			bindAll(v.Index(i), n.elem, m)
		}
	case mapNode:
		for entries := v.MapRange(); entries.Next(); {
			bindAll(entries.Value(), n.elem, m)
		}
	case structNode:
		for i := range n.fields {
			bindAll(v.Field(n.fields[i].index), n.fields[i].node, m)
		}
	}
}
