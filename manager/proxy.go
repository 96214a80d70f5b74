package manager

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

// A Proxy is an object of a server, of any type: what a *Python* manager has registered, or a
// user type of ours. [Dict], [List] and the others are proxies with methods of their own, and have all
// methods of this one; [AsDict] and its like make one of a Proxy.
//
// A proxy holds a reference: the object lives at least until Close. One that is
// dropped without Close gives its reference back when the garbage collector finds out.
//
// Proxies are handles. One may be part of the argument or the result of an entry, and of what is put
// into other containers: what comes out is a proxy again, in the type that is asked
// for or, where that is any, a *Proxy. All of them lead to the same object.
type Proxy struct{ base }

// base is what all proxies have. They differ in how they are encoded as a handle, by which multiproc
// knows a handle's type, so that these methods are each type's own.
type base struct{ h *hold }

// session checks that the proxy may be used.
func (b *base) session() (*session, error) {
	if b == nil || b.h == nil || b.h.r == nil {
		return nil, errNoObject
	}
	if b.h.released.Load() {
		return nil, &CallError{Type: b.h.token.Type, Method: "a closed proxy", Server: b.h.s.place(), Err: ErrClosed}
	}
	return b.h.s, nil
}

// call calls a method with a graph for each argument.
func (b *base) call(ctx context.Context, method string, args ...any) (any, error) {
	return b.callWith(ctx, method, args, nil)
}

func (b *base) callWith(ctx context.Context, method string, args []any, kwargs *pickle.Dict) (any, error) {
	s, err := b.session()
	if err != nil {
		return nil, err
	}
	result, err := s.call(ctx, b.h.r, method, args, kwargs)
	// A proxy that nobody has any more gives its reference back: not before the server knows the call.
	runtime.KeepAlive(b.h)
	runtime.KeepAlive(args)
	return result, err
}

// failed is a CallError of what could not be encoded, or not be made a Go value.
func (b *base) failed(method string, sent bool, err error) error {
	if b == nil || b.h == nil {
		return errNoObject
	}
	return &CallError{Type: b.h.token.Type, Method: method, Server: b.h.s.place(), Sent: sent, Err: err}
}

// result makes a Go value of what a method has returned.
func result[T any](b *base, method string, graph any, err error) (T, error) {
	if err != nil {
		var none T
		return none, err
	}
	v, err := fromGraph[T](graph)
	if err != nil {
		return v, b.failed(method, true, err)
	}
	return v, nil
}

// none is the error of a method whose result does not matter.
func none(_ any, err error) error { return err }

// Call calls a method of the object by Python's name for it. Arguments are turned into
// graphs by pickle.FromGo. The result is nil, bool, int64 or *big.Int, float64, string, a *Proxy, or
// another value of package pickle, of which pickle.ToGo makes Go values.
//
// An exception that the method raises is an [*Exception]; that the server refuses the call, a
// [*RemoteError]; and that the call fails on its way, a [*CallError].
func (b *base) Call(ctx context.Context, method string, args ...any) (any, error) {
	return b.CallWith(ctx, method, args, nil)
}

// CallWith is Call with keyword arguments.
func (b *base) CallWith(ctx context.Context, method string, args []any, kwargs map[string]any) (any, error) {
	graphs, err := graphsOf(args)
	if err != nil {
		return nil, b.failed(method, false, err)
	}
	words, err := graphOfKwargs(kwargs)
	if err != nil {
		return nil, b.failed(method, false, err)
	}
	v, err := b.callWith(ctx, method, graphs, words)
	runtime.KeepAlive(args)
	return v, err
}

// Copy returns the object itself, and not a proxy: a copy of what it is now, as the value of a graph.
func (b *base) Copy(ctx context.Context) (any, error) { return b.call(ctx, wire.MethodGetValue) }

// Repr returns Python's text for the object, such as {'a': 1}.
func (b *base) Repr(ctx context.Context) (string, error) {
	v, err := b.call(ctx, wire.MethodRepr)
	return result[string](b, wire.MethodRepr, v, err)
}

// String names the object and does no I/O; see Repr.
func (b *base) String() string {
	switch {
	case b == nil || b.h == nil:
		return "manager: no object"
	case b.h.released.Load():
		return fmt.Sprintf("%s %s at %s, closed", b.h.token.Type, b.h.token.Ident, b.h.s.place())
	}
	return fmt.Sprintf("%s %s at %s", b.h.token.Type, b.h.token.Ident, b.h.s.place())
}

// TypeID returns the name of the object's type in the server: "dict".
func (b *base) TypeID() string {
	if b.h == nil {
		return ""
	}
	return b.h.token.Type
}

// Ident returns the object's name in the server. It is never that of another object, on our servers.
func (b *base) Ident() string {
	if b.h == nil {
		return ""
	}
	return b.h.token.Ident
}

// Methods returns the names of the methods that the object has said it exposes. It is nil for a
// proxy that has come from elsewhere, and whose class in Python has them.
func (b *base) Methods() []string {
	if b.h == nil {
		return nil
	}
	return slices.Clone(b.h.exposed)
}

// Same reports whether two proxies name the same object.
func (b *base) Same(other interface{ Ident() string }) bool {
	o, ok := other.(interface{ holds() *hold })
	return ok && b.h != nil && o.holds() != nil && b.h.s.key() == o.holds().s.key() && b.Ident() == other.Ident()
}

func (b *base) holds() *hold { return b.h }

// Client returns a Client for the server of the object. It is to be closed too, or is with the garbage.
func (b *base) Client() *Client {
	if b.h == nil {
		return nil
	}
	return sharedClient(b.h.s)
}

// Close gives the reference back: the server frees the object when nobody else refers to
// it. Others' proxies, also in other processes, are not touched. After Close the methods
// return [ErrClosed]. A second Close does nothing, unlike that of psync's objects: it frees nothing for others, so that nobody has to know who was first.
func (b *base) Close() error {
	if b == nil || b.h == nil {
		return nil
	}
	return b.h.release()
}

// PickleValue returns the graph by which the proxy stands in messages; package pickle calls it.
func (b *base) PickleValue() (any, error) {
	s, err := b.session()
	if err != nil {
		return nil, err
	}
	w := wire.Proxy{Class: b.h.class, Token: wire.Token{Type: b.h.token.Type, Address: s.kind().address, Ident: b.h.token.Ident}}
	if w.Class.Name == wire.ClassAuto {
		w.Exposed = b.h.exposed
	}
	return w.Graph(), nil
}

// MarshalJSON always fails: without it, encoding/json would find nothing in a proxy, and say nothing.
func (b *base) MarshalJSON() ([]byte, error) { return nil, errText }

// UnmarshalJSON always fails.
func (b *base) UnmarshalJSON([]byte) error { return errText }

// PyType returns the name of the proxy's class in Python.
func (b *base) PyType() string {
	if b.h == nil {
		return "NoneType"
	}
	return b.h.class.Name
}

// PyRepr returns a text like Python's for a proxy in another value.
func (b *base) PyRepr() string {
	if b.h == nil {
		return "None"
	}
	return fmt.Sprintf("<%s object, typeid %s at 0x%s>", b.h.class.Name, pickle.Repr(b.h.token.Type), b.h.token.Ident)
}

// classOf is the class that Python has for proxies of a type. A type that it does not know by name
// gets an AutoProxy, which has the methods that the object exposes.
func classOf(typeid string, exposed []string) pickle.Global {
	name := wire.ClassAuto
	switch typeid {
	case "list", "dict", "Namespace", "Value", "Array", "Iterator", "Event", "Condition", "Barrier", "Pool":
		name = string(typeid[0]&^0x20) + typeid[1:] + "Proxy"
	case "set":
		if slices.Contains(exposed, "__ior__") { // else a type of this name of somebody's own
			name = "SetProxy"
		}
	case "Lock", "RLock", "Semaphore", "BoundedSemaphore":
		name = "AcquirerProxy"
	}
	return pickle.Global{Module: wire.Module, Name: name}
}

// wants takes over the hold of another proxy, if that may be an object of a type: one whose class
// in Python is that of the type, or that exposes the methods that matter.
func (b *base) wants(from any, class string, methods ...string) error {
	if p, isProxy := from.(*Proxy); isProxy && (p == nil || p.h == nil) {
		return errNoObject
	}
	o, ok := from.(interface{ holds() *hold })
	if !ok || o.holds() == nil {
		return fmt.Errorf("%w: a %s", ErrHandle, pickle.TypeName(from))
	}
	h := o.holds()
	if h.class.Name != class {
		for _, method := range methods {
			if !slices.Contains(h.exposed, method) {
				return fmt.Errorf("%w: a %s (%s), which is no %s", ErrHandle, h.token.Type, h.class.Name, class)
			}
		}
	}
	b.h = h
	return nil
}

// UnmarshalPickle makes p the proxy that a graph has; package pickle calls it.
func (p *Proxy) UnmarshalPickle(graph any) error { return p.wants(graph, "") }

// MarshalBinary encodes the proxy for another process of the family, with the secret of the server in it; it is
// called where an argument is encoded. See the package's documentation on what keeps the object alive.
func (p *Proxy) MarshalBinary() ([]byte, error) { return p.marshal() }

// UnmarshalBinary makes p the proxy that b encodes, with a reference of its own. It does so once for each MarshalBinary.
func (p *Proxy) UnmarshalBinary(b []byte) error {
	return p.unmarshal(b, func(*Proxy) error { return nil })
}

// BindMember marks a handle; multiproc calls it where an argument arrives in goroutine mode.
func (p *Proxy) BindMember(*family.Member) {}
