package arena

import (
	"testing"

	"github.com/multiproc-go/multiproc/internal/layout"
)

func TestClasses(t *testing.T) {
	for class := range uint32(100) {
		size := classBytes(class)
		if got, ok := classOf(size); got != class || !ok {
			t.Errorf("classOf(%d) = %d, %v; want %d", size, got, ok, class)
		}
		if got, _ := classOf(size + 1); got != class+1 {
			t.Errorf("classOf(%d) = %d; want %d", size+1, got, class+1)
		}
		if next := classBytes(class + 1); next <= size || size >= 256 && next > size+size/4 {
			t.Errorf("class %d has %d bytes, the next %d", class, size, next)
		}
	}
	for _, n := range []uint64{1 << 62, 450 << 30} { // the arena is not larger than 256 GiB
		if _, ok := classFor(layout.KindArray, n); ok {
			t.Errorf("a block of %d bytes has a class", n)
		}
	}
	if class, ok := classFor(layout.KindArray, 1<<38); !ok || classBytes(class) != 1<<38 {
		t.Error("an array cannot fill the largest arena")
	}
}

// TestOwnClasses: the memory of some kinds is never another kind's.
func TestOwnClasses(t *testing.T) {
	seen := make(map[uint32]bool)
	for _, kind := range []uint32{layout.KindRWMutex, layout.KindHolds, layout.KindSemaphore} {
		class, size, ok := ownClass(kind)
		if !ok || seen[class] || class < ownClasses || classBytes(class) != size || size%layout.BlockAlign != 0 {
			t.Errorf("kind %d: class %d of %d bytes, %v; classBytes says %d", kind, class, size, ok, classBytes(class))
		}
		seen[class] = true
		if got, ok := classFor(kind, size); got != class || !ok {
			t.Errorf("kind %d: class %d, %v", kind, got, ok)
		}
		if _, ok := classFor(kind, size+1); ok {
			t.Errorf("kind %d: %d bytes in blocks of %d", kind, size+1, size)
		}
	}
}
