package sys

import "os"

// Usage is what an anonymous memory object takes now.
type Usage struct {
	Size   uint64 // its length, backed or not
	Backed uint64 // the bytes that have pages
}

// CreateMemory makes an anonymous, close-on-exec memory object of a fixed size
// that has no pages yet, and seals the size.
func CreateMemory(name string, size uint64) (*os.File, error) { return createMemory(name, size) }

// MemoryUsage reports the size of a memory object and what of it is backed.
func MemoryUsage(f *os.File) (Usage, error) { return memoryUsage(f) }

// SizeIsSealed reports whether nobody can change the size of f any more.
func SizeIsSealed(f *os.File) bool { return sizeIsSealed(f) }

// MapShared maps the first size bytes of f, shared, readable and writable, not
// executable and not in core dumps.
func MapShared(f *os.File, size uint64) ([]byte, error) { return mapShared(f, size) }

// MapOwn maps a zeroed page of the process's own that no other process and no
// Go heap shares, yet of the shared kind: the kernel does not take such a page
// from a process that it is killing.
func MapOwn(size int) ([]byte, error) { return mapOwn(size) }

// Unmap undoes MapShared and MapOwn.
func Unmap(b []byte) error { return unmap(b) }

// Back gives [off, off+n) of f its pages; it is idempotent. ENOSPC means that
// there are none.
func Back(f *os.File, off, n uint64) error { return back(f, off, n) }

// GiveBack returns the pages of [off, off+n) to the system; the range reads as
// zeros afterwards.
func GiveBack(f *os.File, off, n uint64) error { return giveBack(f, off, n) }

// Headroom estimates how many bytes this process can still touch before the
// system or a memory cgroup of its runs out. It returns false where nothing is known.
func Headroom() (uint64, bool) { return headroom() }
