package lease

import (
	"errors"
	"sync/atomic"
	"unsafe"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/memory"
	"github.com/multiproc-go/multiproc/internal/sys"
)

var (
	// ErrTableFull is returned when every slot of the process table is taken.
	ErrTableFull = errors.New("multiproc: too many processes in the family")
	// ErrOrphan is returned to a child whose parent has died or has given up on it
	// before it could register.
	ErrOrphan = errors.New("multiproc: the parent process is gone")
)

// Hooks are what the floors above do when a death is noticed.
type Hooks struct {
	// Wake wakes up to n sleepers on a word of the arena and returns how many it woke.
	Wake func(word *atomic.Uint32, n int) int
	// Recorded wakes the sleepers on the words that a slot records.
	Recorded func(s *layout.Slot)
	// Inherit finishes in the name of me what the process in a slot left half done. It
	// returns false if that cannot be done now: it must not wait for a living process,
	// which may be stopped.
	Inherit func(dead uint32, me ID) bool
}

// Table is the process table of a family.
type Table struct {
	header *layout.Header
	leases *[layout.Slots]layout.Lease
	slots  *[layout.Slots]layout.Slot
	local  bool   // every member lives in this process
	inode  uint64 // of the arena, by which its mappings are known
	Hooks  Hooks
}

// NewTable gives access to the process table in m. In Go memory all members are
// goroutines of this process.
func NewTable(m *memory.Memory) *Table {
	// SAFETY: both tables lie in the part of the arena that is always backed.
	t := &Table{
		header: m.Header(),
		leases: (*[layout.Slots]layout.Lease)(m.Ptr(layout.LeasesAt)),
		slots:  (*[layout.Slots]layout.Slot)(m.Ptr(layout.SlotsAt)),
		local:  m.File() == nil,
	}
	if !t.local {
		// The object is open; without its number nobody is taken for one that has
		// merely left it, which is safe.
		t.inode, _ = sys.Inode(m.File())
	}
	return t
}

// Row is the row of a slot.
func (t *Table) Row(id ID) *layout.Slot { return &t.slots[id.Slot()] }

// Slot is the row with that number.
func (t *Table) Slot(slot uint32) *layout.Slot { return &t.slots[slot] }

func (t *Table) lease(id ID) *atomic.Uint32 { return &t.leases[id.Slot()].Word }

func (t *Table) id(slot uint32) ID {
	return makeID(slot, t.slots[slot].Generation.Load())
}

// Epoch is the word that counts announced deaths.
func (t *Table) Epoch() *atomic.Uint32 { return &t.header.Epoch }

// Reserve takes a free slot for a process that parent is going to start. Slots are
// taken in turn, so that one is reused as late as possible.
func (t *Table) Reserve(parent ID) (ID, error) {
	const usable = layout.Slots - 2 // not the first, not the last
	from := t.header.Cursor.Load()
	for i := range uint32(usable) {
		slot := 1 + (from+i)%usable
		word := &t.leases[slot].Word
		if word.Load() != 0 {
			continue
		}
		// First the bound of all scans: a reservation that they do not see is lost
		// if we die with it.
		for high := t.header.High.Load(); high < slot && !t.header.High.CompareAndSwap(high, slot); high = t.header.High.Load() {
		}
		if !word.CompareAndSwap(0, layout.LeaseReserved|parent.Slot()) {
			continue
		}
		crashpoint.At("lease.reserved")
		row := &t.slots[slot]
		row.Pid.Store(0)
		row.Start.Store(0)
		row.Limbo.Store(0)
		row.Proving.Store(0)
		for i := range row.Waits {
			row.Waits[i].Store(0)
		}
		for i := range row.Name {
			row.Name[i].Store(0)
			row.Entry[i].Store(0)
		}
		row.Unnoted.Store(0)
		row.Parent.Store(uint32(parent))
		row.Generation.Add(1)
		t.header.Cursor.Store((from + i + 1) % usable)
		return t.id(slot), nil
	}
	return 0, ErrTableFull
}

// publish makes the reserved slot id live under a thread id.
func (t *Table) publish(id ID, thread uint32) error {
	parent := ID(t.Row(id).Parent.Load())
	if !t.lease(id).CompareAndSwap(layout.LeaseReserved|parent.Slot(), thread|layout.LeaseWaiters) {
		return ErrOrphan
	}
	crashpoint.At("lease.published")
	return nil
}

// localThread stands for the thread id of a member that is a goroutine.
const localThread = 1

// PublishLocal makes a slot live for a member that is a goroutine of this process.
func (t *Table) PublishLocal(id ID) error {
	return t.publish(id, localThread)
}

// State of a process.
type State int

const (
	Alive  State = iota // or not started yet
	Marked              // the kernel says that it died; it may still be writing
	Gone                // proven to write no more
)

// State tells how a process is. It costs a few loads.
func (t *Table) State(id ID) State {
	row := t.Row(id)
	word := t.lease(id).Load()
	g := row.Generation.Load()
	if makeID(id.Slot(), g) != id || row.Confirmed.Load() == g {
		return Gone // a slot is not reused, nor freed, before that is proven
	}
	switch {
	case word == 0, word&layout.LeaseReserved != 0 && word&layout.LeaseDied == 0:
		// Free or reserved again, and the generation not yet raised. (One that
		// is asked about has been alive.)
		return Gone
	case word&(layout.LeaseDied|layout.LeaseReaping) != 0:
		return Marked
	}
	return Alive
}

func (t *Table) alive(id ID) bool { return t.State(id) == Alive }

// isLive tells a lease word with a living process.
func isLive(word uint32) bool {
	return word&layout.LeaseWaiters != 0 && word&layout.LeaseDied == 0
}

// orphaned reports whether an ancestor of id is not alive any more.
func (t *Table) orphaned(id ID) bool {
	for range layout.Slots {
		parent := ID(t.Row(id).Parent.Load())
		if parent == 0 {
			return false
		}
		if !t.alive(parent) {
			return true
		}
		id = parent
	}
	return false
}

// descends reports whether id has ancestor among its parents.
func (t *Table) descends(id, ancestor ID) bool {
	for range layout.Slots {
		id = ID(t.Row(id).Parent.Load())
		if id == 0 || id == ancestor {
			return id == ancestor
		}
		if t.id(id.Slot()) != id {
			return true // a former slot: whoever it was is dead, so look
		}
	}
	return true
}

// live calls f for each slot with a living process.
func (t *Table) live(f func(slot uint32)) {
	for slot := uint32(1); slot <= t.header.High.Load(); slot++ {
		if isLive(t.leases[slot].Word.Load()) {
			f(slot)
		}
	}
}

// Ring makes the warden of id look at everything again.
func (t *Table) Ring(id ID) { t.ring(id.Slot()) }

func (t *Table) ring(slot uint32) {
	bell := &t.slots[slot].Bell
	bell.Add(1)
	t.Hooks.Wake(bell, 1)
}

// SAFETY of NewTable: the sizes agree with what layout says.
var (
	_ [1]struct{} = [unsafe.Sizeof([layout.Slots]layout.Lease{}) / (layout.SlotsAt - layout.LeasesAt)]struct{}{}
	_ [1]struct{} = [unsafe.Sizeof([layout.Slots]layout.Slot{}) / (layout.BlocksAt - layout.SlotsAt)]struct{}{}
)

// Word is the lease word of a slot, for tests and for looking inside.
func (t *Table) Word(slot uint32) uint32 { return t.leases[slot].Word.Load() }

// AimAt makes the next search for a free slot begin at slot; for tests.
func (t *Table) AimAt(slot uint32) { t.header.Cursor.Store(slot - 1) }
