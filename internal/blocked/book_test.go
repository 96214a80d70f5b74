package blocked_test

import (
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/multiproc-go/multiproc/internal/blocked"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/memory"
)

// desk is a book in an arena of its own, in Go memory.
type desk struct {
	*blocked.Book
	table *lease.Table
	mem   *memory.Memory
	me    lease.ID
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	mem, err := memory.NewHeap(0)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{table: lease.NewTable(mem), mem: mem}
	d.table.Hooks.Wake = func(*atomic.Uint32, int) int { return 0 }
	d.table.Hooks.Inherit = func(uint32, lease.ID) bool { return true }
	d.Book = blocked.New(mem, d.table)
	// A block for each row, full of what somebody else has left there.
	d.MakeRoom = func(me lease.ID) error {
		off := layout.BlocksAt + uint64(me.Slot())*4096
		junk := unsafe.Slice((*uint32)(mem.Ptr(off)), 1024)
		for i := range junk {
			junk[i] = rand.Uint32()
			if i%16 == 9 { // Owner of a record
				junk[i] = uint32(me)
			}
		}
		d.table.Row(me).Blocked.Store(off)
		return nil
	}
	d.me = d.member(t, 0)
	return d
}

func (d *desk) member(t *testing.T, parent lease.ID) lease.ID {
	t.Helper()
	id, err := d.table.Reserve(parent)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.table.PublishLocal(id); err != nil {
		t.Fatal(err)
	}
	return id
}

func (d *desk) records(id lease.ID) (list []blocked.Record) {
	d.Of(id, func(r *blocked.Record) bool {
		list = append(list, *r)
		return true
	})
	return list
}

func on(n uint64) blocked.On { return blocked.On{Object: n * 64, Gen: 1, What: layout.KindMutex} }

// TestInheritedRoom: what lies in the memory of a row says nothing about who lives in it now.
func TestInheritedRoom(t *testing.T) {
	d := newDesk(t)
	w := d.Begin(t.Context(), d.me, on(1), false)
	if list := d.records(d.me); len(list) != 1 || list[0].On != on(1) || list[0].Count != 1 {
		t.Errorf("%+v", list)
	}
	w.End()
	if list := d.records(d.me); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

// TestRowUsedAgain: a member dies while it waits, and another one gets its row. It waits for nothing. What the
// ghost of the first does then harms nobody.
func TestRowUsedAgain(t *testing.T) {
	d := newDesk(t)
	old := d.member(t, d.me)
	ghost := d.Begin(t.Context(), old, on(1), false)
	other := d.Begin(t.Context(), old, on(2), false)
	d.table.EndLocal(old, d.me)
	if len(d.records(old)) != 0 {
		t.Error("the dead wait")
	}
	d.table.AimAt(old.Slot())
	heir := d.member(t, d.me)
	if heir.Slot() != old.Slot() || heir == old {
		t.Fatalf("%v did not get the row of %v", heir, old)
	}
	for _, id := range []lease.ID{old, heir} {
		if list := d.records(id); len(list) != 0 {
			t.Errorf("%v: %+v", id, list)
		}
	}
	ghost.End()
	w := d.Begin(t.Context(), heir, on(3), false)
	other.Saw(d.me, 7)
	late := d.Begin(t.Context(), old, on(2), false)
	if list := d.records(heir); len(list) != 1 || list[0].On != on(3) || list[0].Holder != 0 {
		t.Errorf("%+v", list)
	}
	late.End()
	other.End()
	d.Begin(t.Context(), old, on(4), false).End()
	if list := d.records(heir); len(list) != 1 || list[0].On != on(3) || list[0].Count != 1 || d.Unnoted(heir) != 0 {
		t.Errorf("%+v, %d without a record", list, d.Unnoted(heir))
	}
	w.End()
}

// TestNoRoom: who waits without a record is counted until he has one or waits no more.
func TestNoRoom(t *testing.T) {
	d := newDesk(t)
	var room atomic.Bool
	makeRoom := d.MakeRoom
	d.MakeRoom = func(me lease.ID) error {
		if !room.Load() {
			return errors.New("busy")
		}
		return makeRoom(me)
	}
	a, b := d.Begin(t.Context(), d.me, on(1), false), d.Begin(t.Context(), d.me, on(1), false)
	if n := d.Unnoted(d.me); n != 2 {
		t.Errorf("%d without a record, want 2", n)
	}
	a.End()
	if n := d.Unnoted(d.me); n != 1 {
		t.Errorf("%d without a record, want 1", n)
	}
	b.End()
	if n := d.Unnoted(d.me); n != 0 {
		t.Errorf("%d without a record, and nobody waits", n)
	}
	c := d.Begin(t.Context(), d.me, on(1), false)
	room.Store(true)
	for d.Unnoted(d.me) != 0 { // the watchdog is go test's
		time.Sleep(time.Millisecond)
	}
	if list := d.records(d.me); len(list) != 1 || list[0].On != on(1) || list[0].Count != 1 {
		t.Errorf("%+v", list)
	}
	c.End()
}

// TestForeignOffset: a row that names memory which is none has no records.
func TestForeignOffset(t *testing.T) {
	d := newDesk(t)
	for _, off := range []uint64{1, 64, layout.BlocksAt + 8, d.mem.Size() - 64, 1<<63 + 64, ^uint64(63)} {
		d.table.Row(d.me).Blocked.Store(off)
		if list := d.records(d.me); len(list) != 0 {
			t.Errorf("%#x: %+v", off, list)
		}
	}
}

// TestReadersSeeWholeRecords: one writes and others read; what they see belongs together.
func TestReadersSeeWholeRecords(t *testing.T) {
	d := newDesk(t)
	d.Begin(t.Context(), d.me, on(1), false).End() // makes the room: until it is clean, junk that bears the id of d.me is a record
	stop := make(chan bool)
	done := make(chan bool)
	go func() {
		defer close(done)
		for n := uint64(1); ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			w := d.Begin(t.Context(), d.me, blocked.On{Object: n * 64, Gen: uint32(n)*2 + 1, What: layout.KindMutex}, false)
			w.Saw(lease.ID(n%1000+1), uint32(n%1000+1))
			w.Saw(lease.ID(n%1000+2), uint32(n%1000+2))
			w.End()
		}
	}()
	for seen := 0; seen < 2000; { // the watchdog is go test's
		for _, r := range d.records(d.me) {
			seen++
			if r.Gen != uint32(r.Object/64)*2+1 || uint32(r.Holder) != r.Ticket {
				t.Fatalf("%+v", r)
			}
		}
	}
	close(stop)
	<-done
}
