package layout

import (
	"fmt"
	"hash/fnv"
	"io"
	"reflect"
	"sync"
)

// Structs lists every structure of the arena.
func Structs() []reflect.Type {
	return []reflect.Type{
		reflect.TypeFor[Header](), reflect.TypeFor[Lease](), reflect.TypeFor[Slot](),
		reflect.TypeFor[Alloc](), reflect.TypeFor[Redo](), reflect.TypeFor[Block](),
		reflect.TypeFor[Lock](), reflect.TypeFor[Mutex](), reflect.TypeFor[Value](),
		reflect.TypeFor[BigValue](), reflect.TypeFor[Array](),
	}
}

// Describe writes the name, offset, size and type of every field.
func Describe(w io.Writer) {
	fmt.Fprintf(w, "version %d leases %d slots %d blocks %d\n", Version, LeasesAt, SlotsAt, BlocksAt)
	for _, t := range Structs() {
		fmt.Fprintf(w, "%s %d\n", t.Name(), t.Size())
		for f := range t.Fields() {
			fmt.Fprintf(w, "\t%s %d %d %s\n", f.Name, f.Offset, f.Type.Size(), f.Type)
		}
	}
}

// Signature is a digest of the layout that this program was built with.
var Signature = sync.OnceValue(func() uint64 {
	h := fnv.New64a()
	Describe(h)
	return h.Sum64()
})
