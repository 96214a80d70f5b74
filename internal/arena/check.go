package arena

import (
	"fmt"

	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
)

// Stats counts what is allocated.
type Stats struct {
	Live uint64 // blocks
	Used uint64 // bytes in them, headers included
}

// Stats reads the counts.
func (a *Arena) Stats(me lease.ID) (Stats, error) {
	if err := a.lock(me); err != nil {
		return Stats{}, err
	}
	defer a.unlock(me)
	return Stats{a.state.Live, a.state.Used}, nil
}

// Valid reports whether off can be a block of generation that holds n bytes and is
// of that kind: whether a handle from outside may be believed. The false reason is
// either stale (it was freed) or not.
func (a *Arena) Valid(off uint64, generation, kind uint32, n uint64) (ok, stale bool) {
	if off%layout.BlockAlign != 0 || generation%2 == 0 || n > a.mem.Size() || !a.mem.Holds(off, layout.BlockHeader+n) {
		return false, false
	}
	b := a.Block(off)
	if b.Generation.Load() != generation {
		return false, true
	}
	return b.Kind == kind && b.Bytes >= n && a.mem.Holds(off, layout.BlockHeader+b.Bytes), false
}

// Named reports whether off can be a block of that generation with n bytes. It does not look at what is in it: for those who
// only read, and believe nothing of it before they have looked a second time.
func (a *Arena) Named(off uint64, generation uint32, n uint64) bool {
	return off%layout.BlockAlign == 0 && generation%2 == 1 && n < a.mem.Size() && a.mem.Holds(off, layout.BlockHeader+n) &&
		a.Block(off).Generation.Load() == generation
}

// Room is how many bytes the payload of the block at off has, if that is one of the kind.
func (a *Arena) Room(off uint64, kind uint32) (uint64, bool) {
	if off%layout.BlockAlign != 0 || !a.mem.Holds(off, layout.BlockHeader) {
		return 0, false
	}
	b := a.Block(off)
	n := b.Bytes
	return n, b.Generation.Load()%2 == 1 && b.Kind == kind && n < a.mem.Size() && a.mem.Holds(off, layout.BlockHeader+n)
}

// Check walks all blocks and lists and returns an error if one is lost, doubly
// listed or miscounted. Blocks in the limbo of a living process are in order.
func (a *Arena) Check(me lease.ID) error {
	if err := a.lock(me); err != nil {
		return err
	}
	defer a.unlock(me)
	listed := make(map[uint64]bool)
	for class, off := range a.state.Free {
		for ; off != 0; off = a.Block(off).Next {
			if listed[off] {
				return fmt.Errorf("arena: block %d is listed twice", off)
			}
			listed[off] = true
			if b := a.Block(off); int(b.Class) != class || b.Generation.Load()%2 != 0 {
				return fmt.Errorf("arena: block %d of class %d, generation %d, is on the free list of class %d", off, b.Class, b.Generation.Load(), class)
			}
		}
	}
	for slot := uint32(1); slot < layout.Slots; slot++ {
		if off := a.env.Table.Slot(slot).Limbo.Load(); off != 0 {
			if listed[off] {
				return fmt.Errorf("arena: block %d is in limbo and listed", off)
			}
			listed[off] = true
		}
	}
	var live, used uint64
	for off := uint64(layout.BlocksAt); off < a.state.Top; {
		b := a.Block(off)
		g := b.Generation.Load()
		if g == 0 { // the rest of a chunk of Go memory
			at, _ := a.mem.Fit(off+layout.BlockAlign, layout.BlockAlign)
			off = at
			continue
		}
		if free := g%2 == 0; free != listed[off] {
			return fmt.Errorf("arena: block %d has generation %d; listed as free: %v", off, g, listed[off])
		}
		if g%2 == 1 {
			live++
			used += classBytes(b.Class)
		}
		off += classBytes(b.Class)
	}
	if live != a.state.Live || used != a.state.Used {
		return fmt.Errorf("arena: %d blocks of %d bytes, counted as %d of %d", live, used, a.state.Live, a.state.Used)
	}
	return nil
}
