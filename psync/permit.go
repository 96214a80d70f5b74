package psync

import (
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/race"
	"github.com/multiproc-go/multiproc/internal/sema"
)

// A Permit is one or more permits of a [Semaphore] that this process has. It is good for one Release; that of a copy counts. If the
// process dies, they are free.
type Permit struct {
	s  *Semaphore
	me lease.ID
	h  sema.Holding
}

// Release gives back what was acquired. It panics with a [*GuardError] if the permit, or one that it is a copy of, was
// released before; with the same limit as [Guard.Unlock]. After a Close of the semaphore it only frees the memory.
func (p Permit) Release() {
	s, h := p.s, p.h
	if s == nil || s.me == 0 || race.Enabled {
		p.release()
		return
	}
	w := h.Hold.Word.Load()
	if w&sema.Ready != s.sema.Opened() || !h.Valid(w) || !s.ref.Live() {
		p.release()
		return
	}
	h.Spend()
	if !h.Hold.Word.CompareAndSwap(w, h.Returned(w)) {
		s.sema.Release(h)
		s.left()
	}
}

func (p Permit) release() {
	if p.s == nil {
		panic(&GuardError{"Release"})
	}
	s, h := p.s, p.h
	if !s.ref.Live() || s.outlived(p.me) {
		return
	}
	w := h.Hold.Word.Load()
	if w&layout.HoldTag != s.sema.Holds.Tag {
		return // closed in this moment
	}
	if !h.Valid(w) {
		panic(&GuardError{"Release"})
	}
	h.Spend()
	s.sema.Release(h)
	s.left()
}

// Count returns how many permits were acquired.
func (p Permit) Count() int { return int(p.h.Count()) }
