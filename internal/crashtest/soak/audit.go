package soak

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
)

// audit runs f and looks whether the family's memory is whole then, and has no more blocks than before, but for those that f says may be
// left; and whether nothing else is left.
func audit(patience time.Duration, f func() (mayBeLeft int, err error)) error {
	member, err := family.Current()
	if err != nil {
		return err
	}
	before, err := blocks(member)
	if err != nil {
		return err
	}
	stock := takeStock(member)
	mayBeLeft, err := f()
	if err != nil {
		return err
	}
	after, err := blocks(member)
	if err != nil {
		return err
	}
	if after > before+mayBeLeft {
		return fmt.Errorf("%d blocks are left, there were %d", after, before)
	}
	return stock.nothingLeft(member, patience)
}

// blocks is how many there are, but for the records of waits, which stay for whoever lives next in the same row of the process table.
func blocks(member *family.Member) (int, error) {
	stats, err := member.Arena.Stats(member.ID())
	n := int(stats.Live)
	for slot := range uint32(layout.Slots) {
		if member.Table.Slot(slot).Blocked.Load() != 0 {
			n--
		}
	}
	return n, err
}

// stock counts what must be as before at the end.
type stock struct{ slots, descriptors, mappings int }

func takeStock(member *family.Member) (s stock) {
	for slot := range uint32(layout.Slots) {
		if member.Table.Word(slot) != 0 {
			s.slots++
		}
	}
	if list, err := os.ReadDir("/proc/self/fd"); err == nil {
		s.descriptors = len(list)
	}
	if b, err := os.ReadFile("/proc/self/maps"); err == nil {
		s.mappings = bytes.Count(b, []byte("multiproc")) // of memory objects of ours
	}
	return s
}

// nothingLeft waits for the last orphans and compares. Blocks are not compared: one
// that a dead process had not closed is still there, and names it.
func (s stock) nothingLeft(member *family.Member, patience time.Duration) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		now := takeStock(member)
		if now.slots <= s.slots && now.descriptors <= s.descriptors && now.mappings <= s.mappings {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("left: %+v; there were %+v", now, s)
		}
	}
	return member.Arena.Check(member.ID())
}
