package sema

import (
	"unsafe"

	"github.com/multiproc-go/multiproc/internal/holds"
	"github.com/multiproc-go/multiproc/internal/layout"
)

// Bytes is the payload of a semaphore.
const Bytes = uint64(unsafe.Sizeof(layout.Semaphore{}))

// At makes s the semaphore at p, the payload of a block of its kind at off. The caller sets s.Queue, s.Books and the holds' Env, Arena,
// Block and Gen.
func (s *Sema) At(p unsafe.Pointer, off uint64) {
	// SAFETY: the caller has checked the block's kind and size; its address is valid as long as the process lives.
	s.X, s.Off = (*layout.Semaphore)(p), off
	s.Holds.First, s.Holds.More = s.X.Holds[:], &s.X.More
	s.Holds.Tag = holds.TagOf(s.Holds.Gen, off)
	s.Holds.Taken = func(_ *layout.Hold, w uint64) uint64 { return w & layout.HoldSlotBits }
}
