package layout

import "sync/atomic"

const (
	// Magic is the first word of an arena: "mprocGo" and a NUL, little endian.
	Magic uint64 = 0x006f47636f72706d
	// Version changes with the meaning of the layout; the signature with its form.
	Version uint32 = 3

	// PageSize is the unit in which pages are given and taken back. It is a
	// layout constant: larger hardware pages only coarsen what the kernel does.
	PageSize = 4096

	LeasesAt = PageSize
	SlotsAt  = LeasesAt + Slots*4
	BlocksAt = SlotsAt + Slots*SlotSize
)

// Header is the first page of an arena.
type Header struct {
	Magic     uint64
	Version   uint32
	_         uint32
	Signature uint64
	Family    [16]byte // random; handles carry it
	Size      uint64   // of the whole mapping
	Limit     uint64   // bytes that may be backed by pages; 0 is no limit but Size
	// Quiet counts the processes that ever began to release locks by plain stores.
	Quiet atomic.Uint32
	_     uint32

	// Epoch counts the announced deaths of the family. Every sleeper watches it.
	Epoch atomic.Uint32
	// Fallback counts the processes that ever waited without futex_waitv.
	Fallback atomic.Uint32
	_        [56]byte

	// Cursor is where the search for a free slot begins, High the largest slot
	// that was ever used.
	Cursor atomic.Uint32
	High   atomic.Uint32
	_      [56]byte

	// Reserved is the end of what is backed by pages from the start. It only grows.
	Reserved atomic.Uint64
	_        [56]byte

	Alloc Alloc
}
