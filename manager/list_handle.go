package manager

import "github.com/multiproc-go/multiproc/internal/family"

// AsList returns a typed view of a proxy, which shares its reference. It is for objects that a
// server has registered under a name of its own. The error wraps [ErrHandle] if the
// object is no list, as far as its proxy tells.
func AsList[T any](p *Proxy) (*List[T], error) {
	l := new(List[T])
	return l, l.UnmarshalPickle(p)
}

// UnmarshalPickle makes l the proxy that a graph has; package pickle calls it.
func (l *List[T]) UnmarshalPickle(graph any) error {
	return l.wants(graph, listClass, listMethods()...)
}

// MarshalBinary is that of [Proxy].
func (l *List[T]) MarshalBinary() ([]byte, error) { return l.marshal() }

// UnmarshalBinary is that of [Proxy]. Other proxies than those of a list are [ErrHandle].
func (l *List[T]) UnmarshalBinary(b []byte) error {
	return l.unmarshalAs(b, listClass, listMethods()...)
}

// BindMember marks a handle; multiproc calls it where an argument arrives in goroutine mode.
func (l *List[T]) BindMember(*family.Member) {}

const listClass = "ListProxy"

// listMethods are what tells an object of this type from others.
func listMethods() []string { return []string{"__getitem__", "__setitem__", "append"} }
