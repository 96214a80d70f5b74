package main

import (
	"sync/atomic"
	"unsafe"
)

func atomicWord(p *uint64) *atomic.Uint64 {
	// SAFETY: an atomic.Uint64 is a uint64, and the elements of an array are aligned.
	return (*atomic.Uint64)(unsafe.Pointer(p))
}
