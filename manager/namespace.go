package manager

import (
	"context"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/pickle"
)

// A Namespace is a proxy for an object that has nothing but attributes.
type Namespace struct{ base }

// NewNamespace makes a namespace in the server.
func NewNamespace(ctx context.Context, c *Client) (*Namespace, error) {
	h, err := c.s.create(ctx, "Namespace", nil, nil)
	if err != nil {
		return nil, err
	}
	return &Namespace{base{h}}, nil
}

// Get returns an attribute, or [ErrAttribute]. See [Proxy.Call] for what it may be.
func (n *Namespace) Get(ctx context.Context, name string) (any, error) {
	return n.call(ctx, "__getattribute__", name)
}

// Load stores an attribute in what dst points to, as pickle.ToGo does, or returns [ErrAttribute].
func (n *Namespace) Load(ctx context.Context, name string, dst any) error {
	v, err := n.Get(ctx, name)
	if err != nil {
		return err
	}
	if err := pickle.ToGo(v, dst); err != nil {
		return n.failed("__getattribute__", true, err)
	}
	return nil
}

// Set sets an attribute.
func (n *Namespace) Set(ctx context.Context, name string, value any) error {
	v, err := graphOf(value)
	if err != nil {
		return n.failed("__setattr__", false, err)
	}
	return none(n.call(ctx, "__setattr__", name, v))
}

// Delete removes an attribute, or returns [ErrAttribute].
func (n *Namespace) Delete(ctx context.Context, name string) error {
	return none(n.call(ctx, "__delattr__", name))
}

// CompareAndSwap sets an attribute to new if it is old, in one step, and reports whether it
// did; see [Dict.CompareAndSwap]. An attribute that is not there is not swapped.
func (n *Namespace) CompareAndSwap(ctx context.Context, name string, old, new any) (swapped bool, err error) {
	return swapOne(ctx, &n.base, old, new, name)
}

// Update sets an attribute to what fn makes of it, and returns that, or [ErrAttribute]; see [Dict.Update].
func (n *Namespace) Update(ctx context.Context, name string, fn func(old any) (any, error)) (any, error) {
	get := func() (any, error) { return n.Get(ctx, name) }
	return updateOne(ctx, &n.base, get, fn, name)
}

// AsNamespace returns a typed view of a proxy, which shares its reference. It is for objects that a
// server has registered under a name of its own. The error wraps [ErrHandle] if the
// object is no Namespace, as far as its proxy tells.
func AsNamespace(p *Proxy) (*Namespace, error) {
	n := new(Namespace)
	return n, n.UnmarshalPickle(p)
}

// UnmarshalPickle makes n the proxy that a graph has; package pickle calls it.
func (n *Namespace) UnmarshalPickle(graph any) error {
	return n.wants(graph, namespaceClass, namespaceMethods()...)
}

// MarshalBinary is that of [Proxy].
func (n *Namespace) MarshalBinary() ([]byte, error) { return n.marshal() }

// UnmarshalBinary is that of [Proxy]. Other proxies than those of a Namespace are [ErrHandle].
func (n *Namespace) UnmarshalBinary(b []byte) error {
	return n.unmarshalAs(b, namespaceClass, namespaceMethods()...)
}

// BindMember marks a handle; multiproc calls it where an argument arrives in goroutine mode.
func (n *Namespace) BindMember(*family.Member) {}

const namespaceClass = "NamespaceProxy"

// namespaceMethods are what tells an object of this type from others.
func namespaceMethods() []string { return []string{"__getattribute__", "__setattr__"} }
