package arena

import (
	"math/bits"

	"github.com/multiproc-go/multiproc/internal/layout"
)

// Size classes are four to a doubling, from one cache line up:
// 64 128 192 256 320 384 448 512 640 768 896 1024 1280 …
// so that at most a fifth of a block is wasted beyond the first few.
//
// The last ones would be larger than any arena. They are the classes of kinds whose memory must never
// become another kind's: who comes late with a compare-and-swap, when the object was closed and its
// block is somebody else's, finds a word there that is made like the one that it wanted.

const ownClasses = layout.Classes - 3

// ownClass is the class of a kind that has one of its own, and the size of its blocks.
func ownClass(kind uint32) (class uint32, size uint64, ok bool) {
	switch kind {
	case layout.KindRWMutex:
		return ownClasses, layout.BlockHeader + layout.RWMutexHoldsAt + 4*128, true
	case layout.KindHolds:
		return ownClasses + 1, layout.BlockHeader + layout.ChunkHoldsAt + 8*128, true
	case layout.KindSemaphore:
		return ownClasses + 2, layout.BlockHeader + layout.SemaphoreHoldsAt + 4*128, true
	}
	return 0, 0, false
}

// classFor is the class of a new block of n bytes, header included.
func classFor(kind uint32, n uint64) (uint32, bool) {
	if class, size, ok := ownClass(kind); ok {
		return class, n <= size
	}
	class, ok := classOf(n)
	return class, ok && class < ownClasses
}

// classOf is the smallest class whose blocks hold n bytes, header included.
func classOf(n uint64) (uint32, bool) {
	lines := (n + layout.BlockAlign - 1) / layout.BlockAlign
	if lines <= 4 {
		return uint32(max(lines, 1) - 1), true
	}
	// 4·2^e < lines ≤ 8·2^e: the class is one of four steps of 2^e.
	e := uint64(bits.Len64((lines-1)>>2)) - 1
	step := (lines + 1<<e - 1) >> e // 5..8
	class := 4*(e+1) + step - 5
	return uint32(class), class < layout.Classes
}

// classBytes is the size of the blocks of a class, header included.
func classBytes(class uint32) uint64 {
	if class >= ownClasses {
		_, size, _ := ownClass(class - ownClasses + layout.KindRWMutex)
		return size
	}
	if class < 4 {
		return uint64(class+1) * layout.BlockAlign
	}
	e, step := class/4-1, uint64(class%4+5)
	return step << e * layout.BlockAlign
}
