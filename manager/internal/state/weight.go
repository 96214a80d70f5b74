package state

import (
	"math/big"

	"github.com/multiproc-go/multiproc/pickle"
)

// weight is what values cost that are in an object: bytes, about, and the proxies in them. What is weighed does not
// change while it is in an object, so that it weighs as much when it leaves.
type weight struct {
	bytes   int64
	proxies []*Proxy
	dag     bool // some were weighed once that stand there more often
}

const (
	slotBytes      = 16 // where a value stands
	entryBytes     = 32 // an item of a dict has besides
	containerBytes = 64
	proxyBytes     = 256
)

// Up to treeNodes containers with up to treeBytes in them are weighed as if none stood in a value twice. Beyond that each
// is weighed once.
const (
	treeNodes = 1 << 8
	treeBytes = 1 << 16
)

// add weighs v, and what is in it.
func (w *weight) add(v any) {
	if n, ok := scalarBytes(v); ok {
		w.bytes += n
		return
	}
	*w = w.withContainer(v)
}

// withContainer is add for what has others in it. It works on a copy, so that add needs no memory of its own.
func (w weight) withContainer(v any) weight {
	k := weigher{weight: w}
	if !k.walk(v, treeNodes, treeBytes) {
		k = weigher{weight: w, seen: make(map[any]struct{})}
		k.dag = true
		k.walk(v, unlimited, unlimited)
	}
	return k.weight
}

// addAll weighs the items of a list.
func (w *weight) addAll(items []any) {
	for _, item := range items {
		w.add(item)
	}
}

// weigh returns the weight of one value.
func weigh(v any) (w weight) {
	w.add(v)
	return w
}

// scalarBytes returns what a value costs that has no others in it. Those that may be equal cost the same: an item of a
// dict is removed by a key that is equal to its own.
func scalarBytes(v any) (int64, bool) {
	switch v := v.(type) {
	case nil, bool, int64, float64, complex128:
		return slotBytes + 8, true
	case string:
		return slotBytes + 16 + int64(len(v)), true
	case pickle.Bytes:
		return slotBytes + 16 + int64(len(v)), true
	case *pickle.ByteArray:
		return slotBytes + 16 + int64(len(v.Data)), true
	case *big.Int:
		if n := int64(len(v.Bits())); n > largestFloat {
			return slotBytes + 8 + 8*n, true
		}
		return slotBytes + 8, true
	case *pickle.Global:
		return slotBytes + 32 + int64(len(v.Module)+len(v.Name)), true
	case *pickle.Range:
		return slotBytes + containerBytes, true
	}
	return 0, false
}

const largestFloat = 1024 / 64 // words of an int that a float may be equal to

// weigher walks through one value.
type weigher struct {
	weight
	seen map[any]struct{} // or nil: no container is known
	todo []any
}

// walk weighs v; it is false if that are more containers than nodes, or more than bytes.
func (k *weigher) walk(v any, nodes, bytes int64) bool {
	bytes = min(bytes, unlimited-k.bytes) + k.bytes
	k.todo = append(k.todo[:0], v)
	for len(k.todo) > 0 {
		v := k.todo[len(k.todo)-1]
		k.todo = k.todo[:len(k.todo)-1]
		if nodes--; nodes == 0 || k.bytes > bytes {
			return false
		}
		k.bytes += slotBytes
		if p, ok := v.(*Proxy); ok {
			k.proxies = append(k.proxies, p)
			k.proxy(p)
			continue
		}
		switch v.(type) {
		case *pickle.List, *pickle.Tuple, *pickle.Dict, *pickle.Set, *pickle.Slice, *pickle.Object:
		default: // not a value of a graph
			continue
		}
		if k.seen != nil {
			if _, known := k.seen[v]; known {
				continue
			}
			k.seen[v] = struct{}{}
		}
		k.bytes += containerBytes
		k.inside(v)
	}
	return k.bytes <= bytes
}

// value weighs one value in a container, or leaves it to do.
func (k *weigher) value(v any) {
	if n, ok := scalarBytes(v); ok {
		k.bytes += n
		return
	}
	k.todo = append(k.todo, v)
}

// proxy weighs what a proxy consists of. Its address, say, is a few bytes, unless somebody wants it to be more.
func (k *weigher) proxy(p *Proxy) {
	k.bytes += proxyBytes + int64(len(p.Class.Module)+len(p.Class.Name)+len(p.TypeID)+len(p.Ident))
	k.value(p.Address)
	k.value(p.Exposed)
	k.value(p.serializer)
}

func (k *weigher) values(items []any) {
	for _, item := range items {
		k.value(item)
	}
}

func (k *weigher) pairs(pairs []pickle.Pair) {
	for _, p := range pairs {
		k.bytes += entryBytes
		k.value(p.Key)
		k.value(p.Value)
	}
}

func (k *weigher) dict(d *pickle.Dict) {
	for key, value := range d.All() {
		k.bytes += entryBytes
		k.value(key)
		k.value(value)
	}
}

// inside weighs what is in a container.
func (k *weigher) inside(v any) {
	switch v := v.(type) {
	case *pickle.List:
		k.values(v.Items)
	case *pickle.Tuple:
		k.values(v.Items)
	case *pickle.Dict:
		k.dict(v)
	case *pickle.Set:
		for item := range v.All() {
			k.bytes += entryBytes
			k.value(item)
		}
	case *pickle.Slice:
		k.value(v.Start)
		k.value(v.Stop)
		k.value(v.Step)
	case *pickle.Object:
		k.value(v.Callable)
		if v.Args != nil {
			k.value(v.Args)
		}
		if v.Kwargs != nil {
			k.value(v.Kwargs)
		}
		k.values(v.Items)
		k.pairs(v.Pairs)
		k.value(v.State)
		for i := range v.After {
			s := &v.After[i]
			k.values(s.Items)
			k.pairs(s.Pairs)
			k.value(s.State)
			k.value(s.Callable)
		}
	}
}
