package state

import (
	"strings"

	"github.com/multiproc-go/multiproc/pickle"
)

// object is what a shared object has in it. There is one file for each type.
type object interface {
	// value returns what #GETVALUE gives, which is encoded before anything else happens.
	value() any
	// repr appends Python's repr to dst, at most limit bytes of it.
	repr(self *shared, dst []byte, limit int) ([]byte, error)
}

// An object that value does not tell all about says the rest in a snapshot.
type snapshotter interface{ appendState(dst []byte) []byte }

// kind is a type of objects, as data.
type kind struct {
	typeid  string
	class   string // what Python calls the class of its objects
	create  func(*call) (object, weight, error)
	methods map[string]*method
	exposed *pickle.Tuple
	foreign bool
}

// method is one method of a kind.
type method struct {
	name     string
	shape    shape
	min, max int    // how many arguments; shapes that say it themselves have none
	class    string // whose method Python says it is, if not of the kind's
	run      func(*call) (any, error)
}

// shape is how Python declares a method, which decides what it says of wrong arguments.
type shape uint8

const (
	free       shape = iota // the method looks itself
	noArgs                  // METH_NOARGS
	oneArg                  // METH_O
	positional              // METH_FASTCALL with from min to max arguments
	slot                    // a slot wrapper that counts its arguments
	unpacked                // a slot wrapper that unpacks its arguments
)

// newKind makes a kind of a method table. Methods that are not Python's have names that begin with #: they can be
// called, and are not exposed, as CPython makes functions with the names that are.
func newKind(typeid, class string, create func(*call) (object, weight, error), methods []method, more ...string) *kind {
	k := &kind{typeid: typeid, class: class, create: create, methods: make(map[string]*method, len(methods)), exposed: pickle.NewTuple()}
	for i := range methods {
		m := &methods[i]
		switch m.shape {
		case free:
			m.min, m.max = 0, int(^uint(0)>>1)
		case oneArg:
			m.min, m.max = 1, 1
		}
		k.methods[m.name] = m
		if !strings.HasPrefix(m.name, "#") {
			k.exposed.Items = append(k.exposed.Items, m.name)
		}
	}
	for _, name := range more {
		k.exposed.Items = append(k.exposed.Items, name)
	}
	return k
}

func foreignKind(typeid string, exposed []string) *kind {
	k := &kind{typeid: typeid, class: typeid, foreign: true, exposed: pickle.NewTuple()}
	for _, name := range exposed {
		k.exposed.Items = append(k.exposed.Items, name)
	}
	return k
}

func (k *kind) exposes(method string) bool {
	for _, name := range k.exposed.Items {
		if name == method {
			return true
		}
	}
	return false
}

// wrongArguments returns what Python says when a method cannot be called with n arguments, or with keywords.
func (m *method) wrongArguments(k *kind, n int, keywords bool) error {
	qualified := lastName(k.class) + "." + m.name
	if m.class != "" {
		qualified = m.class + "." + m.name
	}
	switch m.shape {
	case slot, unpacked:
		if keywords {
			return typeError("wrapper %s() takes no keyword arguments", m.name)
		}
		lead := ""
		if m.shape == unpacked {
			lead = " "
		}
		return typeError("%sexpected %s, got %d", lead, arguments(m.min), n)
	}
	switch {
	case keywords:
		return typeError("%s() takes no keyword arguments", qualified)
	case m.shape == noArgs:
		return typeError("%s() takes no arguments (%d given)", qualified, n)
	case m.shape == oneArg:
		return typeError("%s() takes exactly one argument (%d given)", qualified, n)
	}
	return wrongCount(m.name, n, m.min, m.max)
}

// wrongCount is what _PyArg_CheckPositional says.
func wrongCount(name string, n, least, most int) error {
	switch {
	case least == most:
		return typeError("%s expected %s, got %d", name, arguments(least), n)
	case n < least:
		return typeError("%s expected at least %s, got %d", name, arguments(least), n)
	}
	return typeError("%s expected at most %s, got %d", name, arguments(most), n)
}

func lastName(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }
