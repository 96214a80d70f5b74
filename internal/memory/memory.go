package memory

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/sys"
)

const (
	// sparseSize is what a mapping takes of the address space at first try.
	sparseSize = 1 << 38
	// minSize is the smallest arena worth having.
	minSize = 1 << 24
	// growStep is the least that is reserved at once, but for what a family begins with: that is enough
	// for many programs, which then neither ask what the machine has to spare nor wait for a MiB of pages.
	growStep  = 1 << 20
	firstStep = 1 << 17
	// reserve is left to the rest of the system.
	reserve = 16 << 20
)

// Memory is an arena's memory in this process.
type Memory struct {
	base unsafe.Pointer // the first byte, or of the first chunk
	size uint64

	file    *os.File // nil in Go memory
	mapping []byte

	heap *heap // nil in mapped memory
}

// Create makes and maps the memory object of a new family. A limit of 0 means
// only the limits of the machine.
func Create(limit uint64) (*Memory, error) {
	var last error
	for size := uint64(sparseSize); size >= minSize; size /= 2 {
		m, err := create(size)
		if err == nil {
			return m, m.format(limit)
		}
		last = err
	}
	return nil, fmt.Errorf("multiproc: shared memory: %w", last)
}

func create(size uint64) (*Memory, error) {
	f, err := sys.CreateMemory("multiproc", size)
	if err != nil {
		return nil, err
	}
	b, err := sys.MapShared(f, size)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &Memory{base: unsafe.Pointer(unsafe.SliceData(b)), size: size, file: f, mapping: b}, nil
}

// Open maps the arena that f holds, and takes f over if it succeeds. The object may
// be anything: it is checked before it is believed.
func Open(f *os.File, family [16]byte) (*Memory, error) {
	u, err := sys.MemoryUsage(f)
	if err != nil {
		return nil, fmt.Errorf("multiproc: shared memory: %w", err)
	}
	if u.Size < minSize || u.Backed < layout.BlocksAt {
		return nil, &OpenError{fmt.Sprintf("truncated: %d bytes, %d of them backed", u.Size, u.Backed)}
	}
	if !sys.SizeIsSealed(f) {
		return nil, &OpenError{"its size is not sealed"}
	}
	b, err := sys.MapShared(f, u.Size)
	if err != nil {
		return nil, fmt.Errorf("multiproc: shared memory: %w", err)
	}
	m := &Memory{base: unsafe.Pointer(unsafe.SliceData(b)), size: u.Size, file: f, mapping: b}
	if err := m.check(family); err != nil {
		sys.Unmap(b)
		return nil, err
	}
	return m, nil
}

// NewHeap makes an arena of ordinary Go memory, for one process.
func NewHeap(limit uint64) (*Memory, error) {
	m := &Memory{size: sparseSize, heap: &heap{}}
	m.heap.add(0, heapChunk)
	m.base = unsafe.Pointer(unsafe.SliceData(m.heap.list()[0].words))
	err := m.format(limit)
	m.Header().Reserved.Store(m.heap.end())
	return m, err
}

func (m *Memory) format(limit uint64) error {
	reserved := uint64(layout.BlocksAt)
	if limit == 0 || limit >= layout.BlocksAt+firstStep {
		reserved += firstStep
	}
	if err := m.back(0, reserved); err != nil {
		m.Close()
		return &FullError{Need: reserved, Err: noSpace{err}}
	}
	h := m.Header()
	binary.LittleEndian.PutUint64(h.Family[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(h.Family[8:], rand.Uint64())
	h.Version = layout.Version
	h.Signature = layout.Signature
	h.Size = m.size
	h.Limit = limit
	h.Alloc.Top = layout.BlocksAt
	h.Reserved.Store(reserved)
	h.Magic = layout.Magic
	return nil
}

func (m *Memory) check(family [16]byte) error {
	h := m.Header()
	switch {
	case h.Magic != layout.Magic:
		return &OpenError{fmt.Sprintf("magic %#x", h.Magic)}
	case h.Version != layout.Version:
		return &OpenError{fmt.Sprintf("layout version %d, this program has %d", h.Version, layout.Version)}
	case h.Signature != layout.Signature:
		return &OpenError{"the layout of another build"}
	case h.Size != m.size:
		return &OpenError{fmt.Sprintf("%d bytes, its header says %d", m.size, h.Size)}
	case h.Family != family:
		return &OpenError{"another family's"}
	}
	return nil
}

// Header is the arena's first page.
func (m *Memory) Header() *layout.Header { return (*layout.Header)(m.base) }

// Size is the number of bytes that an offset can reach.
func (m *Memory) Size() uint64 { return m.size }

// File is the memory object, for children to inherit; nil in Go memory.
func (m *Memory) File() *os.File { return m.file }

// Ptr is the address of offset off. It does not check that the range is
// reserved: whoever decodes an offset from outside uses [Memory.Holds] first.
func (m *Memory) Ptr(off uint64) unsafe.Pointer {
	if m.heap != nil {
		return m.heap.ptr(off)
	}
	return unsafe.Add(m.base, off)
}

// Holds reports whether [off, off+n) lies in reserved memory, behind the tables.
func (m *Memory) Holds(off, n uint64) bool {
	end := off + n
	if off < layout.BlocksAt || end < off || end > m.Header().Reserved.Load() {
		return false
	}
	return m.heap == nil || m.heap.fits(off, n)
}

// Fit tells where a block of n bytes may lie, at or after top, and whether that
// is reserved already.
func (m *Memory) Fit(top, n uint64) (at uint64, ok bool) {
	if m.heap != nil {
		return m.heap.fit(top, n)
	}
	return top, top+n <= m.Header().Reserved.Load()
}

// growing serializes the checks of one process, no more: two processes that
// grow at the same time both reserve, which is harmless.
var growing sync.Mutex

// failBacking makes the next calls of back fail; for tests.
var failBacking atomic.Pointer[error]

// Grow reserves memory so that n bytes fit at or after top. A process that dies
// inside leaves pages that the next Grow finds reserved.
func (m *Memory) Grow(top, n uint64) error {
	growing.Lock()
	defer growing.Unlock()
	h := m.Header()
	if _, ok := m.Fit(top, n); ok {
		return nil // another goroutine has just grown it
	}
	if n > m.size || top > m.size-n {
		return &FullError{Need: n, Have: m.size - top, Err: ErrLimit}
	}
	if m.heap != nil {
		return m.growHeap(n)
	}
	from := h.Reserved.Load()
	need := pages(top + n - from)
	// Ask for a good step at once, but for no more than is needed when memory is short.
	step := min(max(need, pages(growStep+min(from>>3, 63<<20))), m.size-from)
	err := m.Back(from, step)
	if err != nil && step > need {
		step = need
		err = m.Back(from, step)
	}
	if err == nil {
		storeMax(&h.Reserved, from+step)
	}
	return err
}

func (m *Memory) growHeap(n uint64) error {
	h := m.Header()
	if used := m.heap.end(); h.Limit != 0 && used+n > h.Limit {
		return &FullError{Need: n, Have: h.Limit - min(used, h.Limit), Err: ErrLimit}
	}
	if err := enough(n); err != nil {
		return err
	}
	if err := m.back(m.heap.end(), n); err != nil {
		return &FullError{Need: n, Err: noSpace{err}}
	}
	h.Reserved.Store(m.heap.grow(n))
	return nil
}

// enough asks whether the machine has n bytes to spare. To find out by taking them
// would end the process.
func enough(n uint64) error {
	if room, ok := sys.Headroom(); ok && n+reserve > room {
		return &FullError{Need: n, Have: room - min(reserve, room), Err: ErrNoSpace}
	}
	return nil
}

func pages(n uint64) uint64 { return (n + layout.PageSize - 1) &^ (layout.PageSize - 1) }

// Back makes sure that [off, off+n) has pages, after asking whether they can be had.
func (m *Memory) Back(off, n uint64) error {
	if m.heap != nil {
		return nil
	}
	h := m.Header()
	if h.Limit != 0 {
		u, err := sys.MemoryUsage(m.file)
		if err != nil {
			return err
		}
		if u.Backed+n > h.Limit {
			return &FullError{Need: n, Have: h.Limit - min(u.Backed, h.Limit), Err: ErrLimit}
		}
	}
	if err := enough(n); err != nil {
		return err
	}
	if err := m.back(off, n); err != nil {
		return &FullError{Need: n, Err: noSpace{err}}
	}
	return nil
}

func (m *Memory) back(off, n uint64) error {
	if err := failBacking.Load(); err != nil {
		return *err
	}
	if m.heap != nil {
		return nil
	}
	return sys.Back(m.file, off, n)
}

// GiveBack returns the whole pages in [off, off+n) to the system and tells which
// range that was. What it covers reads as zeros afterwards and must be backed
// again before it is used.
func (m *Memory) GiveBack(off, n uint64) (from, to uint64) {
	from = pages(off)
	to = (off + n) &^ (layout.PageSize - 1)
	if m.heap != nil || from >= to || sys.GiveBack(m.file, from, to-from) != nil {
		return 0, 0
	}
	return from, to
}

// Close unmaps the arena. Nothing may use it any more.
func (m *Memory) Close() error {
	if m.heap != nil {
		return nil
	}
	return errors.Join(sys.Unmap(m.mapping), m.file.Close())
}

func storeMax(w *atomic.Uint64, v uint64) {
	for old := w.Load(); old < v && !w.CompareAndSwap(old, v); old = w.Load() {
	}
}
