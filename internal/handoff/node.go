package handoff

import "reflect"

// A node is what the analysis found out about one type in one place. The
// nodes of a type form a graph, with cycles where the type is recursive.
type node struct {
	typ    reflect.Type
	kind   nodeKind
	key    *node       // of a map
	elem   *node       // of a pointer, slice, array or map
	fields []fieldNode // of a struct

	binder  bool // a pointer to a handle
	carrier bool // a pointer to a File

	// The rest holds for the node and for all that can be reached from it. A
	// walk turns round where it is false, so that a []byte is never visited
	// element by element.
	binds  bool // a handle can be here
	checks bool // only the value tells whether it may travel
	loops  bool // a value can contain itself
	files  bool // a File can be here
}

type nodeKind uint8

const (
	leafNode nodeKind = iota // nothing below concerns us
	timeNode
	pointerNode
	structNode
	sequenceNode // slice or array
	mapNode
)

// A fieldNode is a struct field that travels.
type fieldNode struct {
	index int
	name  string
	node  *node
	// flat fields are embedded structs whose fields are encoded as if they
	// were the outer struct's: they add no level of nesting.
	flat bool
	// zeroes: an omit option drops the field when it equals zero, and with it
	// the sign of a negative zero.
	zeroes bool
}

// isEmpty reports whether t is a struct of nothing. It is encoded as nothing, for most
// processes have such an argument or result, and many need no encoding besides.
func isEmpty(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.NumField() == 0 && reflect.PointerTo(t).NumMethod() == 0
}

// children calls f for each node directly below n.
func (n *node) children(f func(*node)) {
	if n.key != nil {
		f(n.key)
	}
	if n.elem != nil {
		f(n.elem)
	}
	for _, field := range n.fields {
		f(field.node)
	}
}

// settle marks the recursive nodes and spreads what is known about each node
// to those from which it can be reached.
func settle(root *node, all []*node) {
	const entered, left = 1, 2
	state := make(map[*node]uint8, len(all))
	var visit func(*node)
	visit = func(n *node) {
		state[n] = entered
		n.children(func(c *node) {
			switch state[c] {
			case 0:
				visit(c)
			case entered: // a way back to c: c is on a cycle
				c.loops, c.checks = true, true
			}
		})
		state[n] = left
	}
	visit(root)

	for changed := true; changed; {
		changed = false
		for _, n := range all {
			before := *n
			n.children(func(c *node) {
				n.binds = n.binds || c.binds
				n.checks = n.checks || c.checks
				n.loops = n.loops || c.loops
				n.files = n.files || c.files
			})
			changed = changed || n.binds != before.binds ||
				n.checks != before.checks || n.loops != before.loops ||
				n.files != before.files
		}
	}
}
