package memory

import (
	"sync/atomic"
	"unsafe"
)

// heapChunk is the size of the first chunk of an arena in Go memory.
const heapChunk = 4 << 20

// heap is an arena in Go memory: chunks that follow one another in offsets, not
// in addresses. A block never crosses the border of two.
type heap struct {
	chunks atomic.Pointer[[]chunk]
}

type chunk struct {
	start uint64
	words []uint64
}

func (c chunk) end() uint64 { return c.start + uint64(len(c.words))*8 }

func (h *heap) list() []chunk {
	if p := h.chunks.Load(); p != nil {
		return *p
	}
	return nil
}

// add appends a chunk; the caller holds growing, or is alone.
func (h *heap) add(start, n uint64) {
	old := h.list()
	list := append(old[:len(old):len(old)], chunk{start, make([]uint64, n/8)})
	h.chunks.Store(&list)
}

func (h *heap) end() uint64 {
	list := h.list()
	return list[len(list)-1].end()
}

// grow adds a chunk that holds n bytes and at least doubles the whole.
func (h *heap) grow(n uint64) uint64 {
	h.add(h.end(), max(pages(n), min(h.end(), 1<<30)))
	return h.end()
}

func (h *heap) find(off uint64) chunk {
	list := h.list()
	for i := len(list) - 1; i >= 0; i-- {
		if off >= list[i].start {
			return list[i]
		}
	}
	panic("unreachable: the first chunk starts at 0")
}

func (h *heap) ptr(off uint64) unsafe.Pointer {
	c := h.find(off)
	return unsafe.Add(unsafe.Pointer(unsafe.SliceData(c.words)), off-c.start)
}

func (h *heap) fits(off, n uint64) bool { return off+n <= h.find(off).end() }

func (h *heap) fit(top, n uint64) (uint64, bool) {
	for _, c := range h.list() {
		if at := max(top, c.start); at+n <= c.end() {
			return at, true
		}
	}
	return h.end(), false
}
