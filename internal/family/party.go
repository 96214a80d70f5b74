package family

import (
	"time"

	"github.com/multiproc-go/multiproc/internal/blocked"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
)

// Party is a process that waits for an object, or has part in it: psync.Party, which explains the fields.
type Party struct {
	ID    uint32
	Pid   int
	Name  string
	Entry string
	Reads bool
	Count int
	Since time.Time
}

// Party is a living process, false if id is none.
func (f *Family) Party(id lease.ID, count int, since uint64) (Party, bool) {
	who, ok := f.Table.Who(id)
	if !ok {
		return Party{}, false
	}
	p := Party{ID: uint32(id), Pid: who.Pid, Name: who.Name, Entry: who.Entry, Count: count}
	if since != 0 {
		now := f.Book.Now()
		p.Since = time.Now().Add(-time.Duration(now - min(since, now)))
	}
	return p, true
}

// Waiting is who waits for an object: a process once, or twice if some of its goroutines wait to read and others do not.
func (r *Ref) Waiting() (list []Party) {
	if !r.Live() {
		return nil
	}
	m := r.Member
	m.Book.For(r.Off, r.Gen, func(w *blocked.Record) {
		p, ok := m.Party(w.Who, w.Count, w.Since)
		if !ok {
			return
		}
		p.Reads = w.What&layout.WaitRead != 0
		for i := range list { // a goroutine may have a record of its own
			if o := &list[i]; o.ID == p.ID && o.Reads == p.Reads {
				o.Count += p.Count
				if p.Since.Before(o.Since) {
					o.Since = p.Since
				}
				return
			}
		}
		list = append(list, p)
	})
	return list
}

// HeldSince is since when a process has held a lock with that ticket at least, as far as one who waits has seen it; 0 if nobody has.
func (r *Ref) HeldSince(id lease.ID, ticket uint32) (since uint64) {
	r.Member.Book.For(r.Off, r.Gen, func(w *blocked.Record) {
		if w.Holder == id && w.Ticket == ticket && w.HolderSince != 0 && (since == 0 || w.HolderSince < since) {
			since = w.HolderSince
		}
	})
	return since
}
