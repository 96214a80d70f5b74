package layout

import (
	"fmt"
	"hash/fnv"
	"io"
	"reflect"
	"testing"
)

// structs lists every structure of the arena.
func structs() []reflect.Type {
	return []reflect.Type{
		reflect.TypeFor[Header](), reflect.TypeFor[Lease](), reflect.TypeFor[Slot](),
		reflect.TypeFor[Alloc](), reflect.TypeFor[Redo](), reflect.TypeFor[Block](),
		reflect.TypeFor[Lock](), reflect.TypeFor[Mutex](), reflect.TypeFor[Value](),
		reflect.TypeFor[BigValue](), reflect.TypeFor[Array](),
		reflect.TypeFor[Event](), reflect.TypeFor[Cond](), reflect.TypeFor[CondNode](), reflect.TypeFor[Barrier](),
		reflect.TypeFor[Queue](), reflect.TypeFor[QueueSide](), reflect.TypeFor[QueueCell](),
		reflect.TypeFor[Hold](), reflect.TypeFor[HoldLink](), reflect.TypeFor[HoldChunk](), reflect.TypeFor[RWMutex](),
		reflect.TypeFor[SemaphoreMove](), reflect.TypeFor[Semaphore](),
		reflect.TypeFor[Waits](), reflect.TypeFor[Wait](),
		reflect.TypeFor[Reentrant](), reflect.TypeFor[Once](),
	}
}

// describe writes the name, offset, size and type of every field.
func describe(w io.Writer) {
	fmt.Fprintf(w, "version %d leases %d slots %d blocks %d\n", Version, LeasesAt, SlotsAt, BlocksAt)
	for _, t := range structs() {
		fmt.Fprintf(w, "%s %d\n", t.Name(), t.Size())
		for f := range t.Fields() {
			fmt.Fprintf(w, "\t%s %d %d %s\n", f.Name, f.Offset, f.Type.Size(), f.Type)
		}
	}
}

// TestSignature: a program that is built with another layout says so.
func TestSignature(t *testing.T) {
	h := fnv.New64a()
	describe(h)
	if got := h.Sum64(); got != Signature {
		t.Errorf("the layout changed: set Signature to %#016x", got)
	}
}
