package manager

import "github.com/multiproc-go/multiproc/internal/family"

// AsDict returns a typed view of a proxy, which shares its reference. It is for objects that a
// server has registered under a name of its own. The error wraps [ErrHandle] if the
// object is no dict, as far as its proxy tells.
func AsDict[K comparable, V any](p *Proxy) (*Dict[K, V], error) {
	d := new(Dict[K, V])
	return d, d.UnmarshalPickle(p)
}

// UnmarshalPickle makes d the proxy that a graph has; package pickle calls it.
func (d *Dict[K, V]) UnmarshalPickle(graph any) error {
	return d.wants(graph, dictClass, dictMethods()...)
}

// MarshalBinary is that of [Proxy].
func (d *Dict[K, V]) MarshalBinary() ([]byte, error) { return d.marshal() }

// UnmarshalBinary is that of [Proxy]. Other proxies than those of a dict are [ErrHandle].
func (d *Dict[K, V]) UnmarshalBinary(b []byte) error {
	return d.unmarshalAs(b, dictClass, dictMethods()...)
}

// BindMember marks a handle; multiproc calls it where an argument arrives in goroutine mode.
func (d *Dict[K, V]) BindMember(*family.Member) {}

const dictClass = "DictProxy"

// dictMethods are what tells an object of this type from others.
func dictMethods() []string { return []string{"__getitem__", "__setitem__", "items"} }
