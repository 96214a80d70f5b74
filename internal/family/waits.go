package family

import (
	"github.com/multiproc-go/multiproc/internal/blocked"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
)

// makeRoom gets memory in which it is recorded what id waits for. It waits for nobody: whoever is about to wait for one
// lock must not wait for the allocator's.
func (f *Family) makeRoom(id lease.ID) error {
	row := layout.SlotsAt + uint64(id.Slot())*layout.SlotSize
	return f.Arena.TryAllocInto(blocked.Bytes, layout.KindWaits, f.stewardOf(id), row+layout.SlotBlockedAt)
}

// stewardOf is the id under which this process allocates for a member of it.
func (f *Family) stewardOf(id lease.ID) lease.ID {
	if f.mode == Goroutines {
		return f.root
	}
	return id
}

// Describe says how this member is called, and in which entry it runs, to whoever looks.
func (m *Member) Describe(name, entry string) { m.Table.Describe(m.id, name, entry) }
