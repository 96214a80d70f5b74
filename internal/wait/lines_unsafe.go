package wait

import (
	"sync/atomic"
	"unsafe"
)

func (l *lines) shard(word *atomic.Uint32) *lineShard {
	// SAFETY: the address is only hashed. Words are mapped or in the Go heap,
	// which does not move them.
	return &l.shards[uintptr(unsafe.Pointer(word))/64%uintptr(len(l.shards))]
}
