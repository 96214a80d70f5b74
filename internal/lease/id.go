package lease

import (
	"fmt"

	"github.com/multiproc-go/multiproc/internal/layout"
)

// ID names one life of one process of the family: a slot of the process table
// and the generation of that slot. The zero ID is nobody.
type ID uint32

func makeID(slot, generation uint32) ID {
	return ID(slot | generation<<layout.SlotBits&layout.LockOwner)
}

// Slot is the row of the process table.
func (id ID) Slot() uint32 { return uint32(id) & layout.LeaseSlot }

func (id ID) generation() uint32 { return uint32(id) >> layout.SlotBits }

func (id ID) String() string { return fmt.Sprintf("%d.%d", id.Slot(), id.generation()) }
