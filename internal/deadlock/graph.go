package deadlock

import (
	"github.com/multiproc-go/multiproc/internal/arena"
	"github.com/multiproc-go/multiproc/internal/blocked"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
)

// Finder searches in the name of the members of this process.
type Finder struct {
	Env   *lock.Env
	Arena *arena.Arena
	Tell  func(*Report)
}

// holder is who holds a lock: a process, and the goroutine of it if that is recorded.
type holder struct {
	id        lease.ID
	goroutine uint64
	ticket    uint32
	reads     bool
}

// edge leads from one who waits to one who holds what is waited for.
type edge struct {
	wait blocked.Record
	to   holder
}

// self reports whether a process waits for itself, as far as is known: that is how goroutines of one process usually
// contend for a lock.
func (e *edge) self() bool {
	return e.wait.Who == e.to.id && (e.wait.Goroutine == 0 || e.to.goroutine == 0)
}

// exact reports whether it is known which goroutine waits for which.
func (e *edge) exact() bool { return e.wait.Goroutine != 0 && e.to.goroutine != 0 }

// fits reports whether two goroutines of one process can be the same one; 0 is not known.
func fits(a, b uint64) bool { return a == 0 || b == 0 || a == b }

// mostSteps bounds a search: what lies in shared memory is not to be believed.
const mostSteps = 100_000

// search is one walk through the graph.
type search struct {
	*Finder
	start blocked.Record
	now   uint64
	seen  map[node]bool
	path  []edge
	steps int
}

type node struct {
	id        lease.ID
	goroutine uint64
}

// circle finds a circle through a wait of this process.
func (f *Finder) circle(start *blocked.Record) []edge {
	s := search{Finder: f, start: *start, now: f.Env.Book.Now(), seen: make(map[node]bool)}
	if !s.visit(start) {
		return nil
	}
	return s.path
}

// visit goes on from a wait, and reports whether it came back to the start.
func (s *search) visit(w *blocked.Record) (found bool) {
	s.holders(w, func(h holder) bool {
		e := edge{*w, h}
		if s.steps++; s.steps > mostSteps || e.self() {
			return s.steps <= mostSteps
		}
		s.path = append(s.path, e)
		if h.id == s.start.Who && fits(h.goroutine, s.start.Goroutine) || s.leave(h) {
			found = true
			return false
		}
		s.path = s.path[:len(s.path)-1]
		return true
	})
	return found
}

// leave goes on from a process through all that it waits for.
func (s *search) leave(h holder) (found bool) {
	n := node{h.id, h.goroutine}
	if s.seen[n] {
		return false
	}
	s.seen[n] = true
	s.Env.Book.Of(h.id, func(r *blocked.Record) bool {
		if fits(r.Goroutine, h.goroutine) && s.now-min(r.Since, s.now) >= uint64(s.Env.Book.Patience()) {
			found = s.visit(r)
		}
		return !found
	})
	return found
}

// there reports whether an edge that was found exists.
func (f *Finder) there(e *edge) (yes bool) {
	r, ok := f.Env.Book.At(e.wait.Who, e.wait.Index)
	if !ok || !r.Same(&e.wait) {
		return false
	}
	f.holders(&r, func(h holder) bool {
		yes = h == e.to
		return !yes
	})
	return yes
}

func (f *Finder) alive(id lease.ID) bool {
	return id != 0 && uint32(id) != layout.OwnerClosed && f.Env.Table.State(id) == lease.Alive
}

// holders calls yield with all living processes that hold what w waits for, until it returns false.
func (f *Finder) holders(w *blocked.Record, yield func(holder) bool) {
	switch w.Kind() {
	case layout.KindMutex, layout.KindReentrant, layout.KindOnce: // the others begin with a mutex
		if x := f.mutex(w.On); x != nil {
			if h, ok := f.owner(&x.Lock); ok {
				if by := x.Holder.Load(); x.Checked.Load() != 0 && lease.ID(by&uint64(layout.LockOwner)) == h.id {
					h.goroutine = by >> layout.HolderShift
				}
				yield(h)
			}
		}
	case layout.KindSemaphore:
		// Who waits for permits of several waits for any of them: only where there is one is it like a lock.
		if x := f.semaphore(w.On); x != nil && w.What&layout.WaitUnowned == 0 {
			if id, ticket, ok := x.Keeper(); ok && f.alive(id) {
				yield(holder{id: id, ticket: ticket})
			}
		}
	case layout.KindRWMutex:
		l := f.rwMutex(w.On)
		if l == nil {
			return
		}
		if w.What&layout.WaitDrain != 0 {
			for id := range l.Readers() {
				if f.alive(id) && !yield(holder{id: id, reads: true}) {
					return
				}
			}
			return
		}
		// A reader has the writers' lock for a moment, and is not in the gate then.
		if h, ok := f.owner(l.Place.Lock); ok && lease.ID(l.X.Gate.Load()&layout.GateOwner) == h.id {
			yield(h)
		}
	}
}

// owner is who holds a lock.
func (f *Finder) owner(l *layout.Lock) (holder, bool) {
	id, ticket := lease.ID(l.Word.Load()&layout.LockOwner), l.Ticket.Load()
	return holder{id: id, ticket: ticket}, f.alive(id) && lease.ID(l.Word.Load()&layout.LockOwner) == id
}
