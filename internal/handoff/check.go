package handoff

import (
	"math/big"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/multiproc-go/multiproc/internal/family"
)

// A Binder is a handle: a pointer type that names state the family shares. In
// goroutine mode, where all members live in one process, Decode tells each handle
// which of them it now belongs to.
//
// A handle also has an encoding of its own (encoding.BinaryMarshaler and
// encoding.BinaryUnmarshaler, or one of the other pairs).
type Binder interface {
	BindMember(*family.Member)
}

var (
	binderType  = reflect.TypeFor[Binder]()
	carrierType = reflect.TypeFor[Carrier]()
	connType    = reflect.TypeFor[syscall.Conn]()
	timeType    = reflect.TypeFor[time.Time]()
	bigIntType  = reflect.TypeFor[big.Int]()
)

// refusedTypes have an encoding, but one that does not bring back what it was given.
var refusedTypes = sync.OnceValue(func() map[reflect.Type]string {
	return map[reflect.Type]string{
		reflect.TypeFor[big.Float]():        "its text form drops precision and rounding mode; send its text or its parts",
		reflect.TypeFor[cbor.Tag]():         "its content is a bare interface; use the concrete type",
		reflect.TypeFor[cbor.RawTag]():      "nil content would arrive as null; use []byte",
		reflect.TypeFor[cbor.RawMessage]():  "nil would arrive as null; use []byte",
		reflect.TypeFor[cbor.SimpleValue](): "the value for null is lost behind a pointer; use uint8",
	}
})

// analyses caches one analysis for each type that was asked for.
var analyses sync.Map // reflect.Type -> *analysis

// An analysis is the verdict on one type, with the graph the walks follow.
type analysis struct {
	root *node
	err  *TypeError
}

// Check reports whether every value of type t arrives as it was sent, as far
// as the type alone can tell. If not, the error is a *TypeError that names the
// path to the cause. The verdict is cached.
func Check(t reflect.Type) error {
	_, err := analyze(t)
	return err
}

func analyze(t reflect.Type) (*node, error) {
	if t == nil {
		return nil, &TypeError{Path: "nil", Reason: "the type of an untyped nil is not known"}
	}
	v, ok := analyses.Load(t)
	if !ok {
		// Two goroutines may both do the work: the results are alike.
		v, _ = analyses.LoadOrStore(t, newAnalysis(t))
	}
	a := v.(*analysis)
	if a.err != nil {
		return nil, a.err
	}
	return a.root, nil
}

func newAnalysis(t reflect.Type) *analysis {
	c := &checker{nodes: map[nodeKey]*node{}, path: []string{rootName(t)}}
	root, err := c.visit(t, false)
	if err != nil {
		return &analysis{err: err}
	}
	settle(root, c.all)
	return &analysis{root: root}
}

// rootName is how a path begins: the type's own name, without its package.
func rootName(t reflect.Type) string {
	for t.Kind() == reflect.Pointer && t.Name() == "" {
		t = t.Elem()
	}
	if t.Name() == "" {
		return t.String()
	}
	return t.Name()
}

// A checker builds the graph of one type, and fails at the first thing that
// would be lost.
type checker struct {
	nodes map[nodeKey]*node
	all   []*node
	path  []string
}

// A map key obeys stricter rules than the same type elsewhere.
type nodeKey struct {
	t     reflect.Type
	inKey bool
}

func (c *checker) refuse(t reflect.Type, reason string) *TypeError {
	return &TypeError{Type: t, Path: strings.Join(c.path, ""), Reason: reason}
}

func (c *checker) newNode(t reflect.Type, kind nodeKind) *node {
	n := &node{typ: t, kind: kind}
	c.all = append(c.all, n)
	return n
}

// below visits t one path element further down.
func (c *checker) below(step string, t reflect.Type, inKey bool) (*node, *TypeError) {
	c.path = append(c.path, step)
	n, err := c.visit(t, inKey)
	c.path = c.path[:len(c.path)-1]
	return n, err
}

func (c *checker) visit(t reflect.Type, inKey bool) (*node, *TypeError) {
	if n := c.nodes[nodeKey{t, inKey}]; n != nil {
		return n, nil
	}
	n := c.newNode(t, leafNode)
	c.nodes[nodeKey{t, inKey}] = n
	var err *TypeError
	switch {
	case t.Kind() == reflect.Pointer:
		err = c.pointer(n, inKey)
	case isHandle(reflect.PointerTo(t)):
		err = c.refuse(t, "a copy of a handle is not a handle: use *"+t.String())
	case isCarrier(reflect.PointerTo(t)):
		err = c.refuse(t, "a copy of it has no descriptor: use *"+t.String())
	case hasDescriptor(t):
		err = c.refuse(t, "a descriptor travels as *multiproc.File: see multiproc.NewFile")
	case t == timeType:
		if inKey {
			err = c.refuse(t, "times compare by zone pointer and clock reading, which do not travel: use UnixNano or a string as key")
		}
		n.kind, n.checks = timeNode, true
	case t == bigIntType:
	case refusedTypes()[t] != "":
		err = c.refuse(t, refusedTypes()[t])
	default:
		var own bool
		if own, err = c.ownEncoding(t, inKey); err == nil && !own {
			err = c.plain(n, inKey)
		}
	}
	return n, err
}

func (c *checker) pointer(n *node, inKey bool) *TypeError {
	t, elem := n.typ, n.typ.Elem()
	if inKey {
		return c.refuse(t, "a pointer is a different one in every process: a map key cannot hold it")
	}
	if isHandle(t) {
		if form, half := ownForm(elem); form == "" || half != "" {
			return c.refuse(t, "a handle needs MarshalBinary and UnmarshalBinary")
		}
		n.kind, n.binder, n.binds = pointerNode, true, true
		return nil
	}
	if isCarrier(t) {
		if form, half := ownForm(elem); form == "" || half != "" {
			return c.refuse(t, "a File needs MarshalBinary and UnmarshalBinary")
		}
		n.kind, n.carrier, n.files = pointerNode, true, true
		return nil
	}
	if form, _ := ownForm(elem); form == "" {
		switch elem.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			return c.refuse(t, "a pointer to nil cannot be told from nil: use "+elem.String()+", or a struct around it")
		}
	}
	n.kind = pointerNode
	var err *TypeError
	n.elem, err = c.visit(elem, false)
	return err
}

// plain judges a type that has no encoding of its own by its kind.
func (c *checker) plain(n *node, inKey bool) (err *TypeError) {
	t := n.typ
	switch t.Kind() {
	case reflect.Bool, reflect.String,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64:
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return nil // a byte string, whatever methods the element has
		}
		n.kind = sequenceNode
		n.elem, err = c.below("[]", t.Elem(), inKey)
	case reflect.Map:
		n.kind = mapNode
		if n.key, err = c.below("[key]", t.Key(), true); err == nil {
			n.elem, err = c.below("[]", t.Elem(), false)
		}
	case reflect.Struct:
		n.kind = structNode
		err = c.structure(n, inKey)
	case reflect.Interface:
		err = c.refuse(t, "the receiver cannot know the type behind an interface: use a concrete type")
	case reflect.Func:
		err = c.refuse(t, "a function cannot leave its process: name an entry instead")
	case reflect.Chan:
		err = c.refuse(t, "a channel cannot leave its process: use a queue or a pipe")
	case reflect.Complex64, reflect.Complex128:
		err = c.refuse(t, "the encoding has no complex numbers: send the two parts")
	case reflect.Uintptr, reflect.UnsafePointer:
		err = c.refuse(t, "an address means nothing in another process")
	default:
		err = c.refuse(t, "values of this kind cannot be encoded")
	}
	return err
}

// isHandle reports whether the pointer type p is a handle: it has BindMember
// itself, not from a handle embedded in the struct it points to.
func isHandle(p reflect.Type) bool {
	return p.Implements(binderType) && promotedFrom(p.Elem(), "BindMember") == nil
}

// isCarrier reports whether the pointer type p is a File's, in the same way.
func isCarrier(p reflect.Type) bool {
	return p.Implements(carrierType) && promotedFrom(p.Elem(), "HandOff") == nil
}

// hasDescriptor reports whether what stands for a descriptor would be refused, with a
// reason that helps nobody: files, sockets, and the interfaces of package net for them.
func hasDescriptor(t reflect.Type) bool {
	if t.Kind() == reflect.Interface {
		return t.PkgPath() == "net" && slices.Contains([]string{"Listener", "Conn", "PacketConn"}, t.Name())
	}
	form, _ := ownForm(t)
	return form == "" && reflect.PointerTo(t).Implements(connType)
}
