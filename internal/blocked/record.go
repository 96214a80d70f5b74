package blocked

import (
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
)

// Record is a wait as every process of the family can see it.
type Record struct {
	On
	Who       lease.ID
	Index     int // among the records of Who
	Since     uint64
	Goroutine uint64 // 0 if it is not recorded
	Count     int    // goroutines that wait

	// Who held the lock when Who last looked, with which ticket, and for how long at least. All are 0 if it has not looked.
	Holder      lease.ID
	Ticket      uint32
	HolderSince uint64
}

// Same reports whether both are the same goroutines waiting for the same thing without having stopped in between.
func (r *Record) Same(o *Record) bool {
	return r.On == o.On && r.Who == o.Who && r.Index == o.Index && r.Since == o.Since && r.Goroutine == o.Goroutine
}

// Of calls f with what a living process waits for, until it returns false.
func (b *Book) Of(id lease.ID, f func(*Record) bool) {
	list := b.list(id.Slot())
	if list == nil || b.table.State(id) != lease.Alive {
		return
	}
	for i := range list.List {
		if r, ok := b.read(list, i, id); ok && !f(&r) {
			return
		}
	}
}

// At is a certain record of a living process.
func (b *Book) At(id lease.ID, index int) (Record, bool) {
	list := b.list(id.Slot())
	if list == nil || b.table.State(id) != lease.Alive {
		return Record{}, false
	}
	return b.read(list, index, id)
}

// For calls f with all waits for an object.
func (b *Book) For(object uint64, gen uint32, f func(*Record)) {
	b.table.Living(func(id lease.ID) {
		b.Of(id, func(r *Record) bool {
			if r.Object == object && r.Gen == gen {
				f(r)
			}
			return true
		})
	})
}

// Unnoted is how many goroutines of a process wait for something of which there is no record.
func (b *Book) Unnoted(id lease.ID) int {
	n := b.table.Row(id).Unnoted.Load()
	if b.table.State(id) != lease.Alive {
		return 0
	}
	return int(n)
}

// read reads one record of a process. It is false if there is none, or it does not stand still.
func (b *Book) read(list *layout.Waits, i int, id lease.ID) (r Record, ok bool) {
	n := &list.List[i]
	for range 16 {
		turn := n.Turn.Load()
		if n.Owner.Load() != uint32(id) {
			return r, false
		}
		r = Record{
			On:        On{n.Object.Load(), n.Gen.Load(), n.What.Load()},
			Who:       id,
			Index:     i,
			Since:     n.Since.Load(),
			Goroutine: n.Goroutine.Load(),
			Count:     int(n.Count.Load()),

			Holder:      lease.ID(n.Holder.Load() & layout.LockOwner),
			Ticket:      n.Ticket.Load(),
			HolderSince: n.HolderSince.Load(),
		}
		if turn&1 == 0 && n.Owner.Load() == uint32(id) && n.Turn.Load() == turn {
			return r, true
		}
	}
	return r, false
}
