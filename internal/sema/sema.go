package sema

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/multiproc-go/multiproc/internal/blocked"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/holds"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
	"github.com/multiproc-go/multiproc/internal/race"
)

// ErrBound is returned by a Post of a permit too many.
var ErrBound = errors.New("psync: a semaphore cannot have so many permits")

// Sema is a semaphore as a handle sees it.
type Sema struct {
	X     *layout.Semaphore
	Off   uint64     // of X
	Queue lock.Place // who has it waits, and is the next
	Books lock.Place // who has it moves permits
	Holds holds.List
	On    blocked.On // how it is recorded who waits
}

// Opened is what a word has in its tag and HoldOpen if its owner need not look any further.
func (s *Sema) Opened() uint64 { return s.Holds.Tag | layout.HoldOpen }

// Ready is what [Sema.Opened] is compared with.
const Ready = layout.HoldTag | layout.HoldOpen

// Room reports whether w has a slot for one more permit.
func Room(w uint64) bool { return w&layout.PermitSlotBits != layout.PermitSlotBits }

func free(w uint64) uint64 { return w & layout.PermitBits >> layout.PermitShift }

// Begin makes a block of zeros a semaphore of n permits; if bound is not 0 there are never more than that.
func (s *Sema) Begin(n, bound uint32) {
	// Where these begin to count is no secret, but what lies here next shall not look like it.
	s.X.Queue.Watch.Store(rand.Uint32()&^layout.WatchState | 1<<31)
	s.X.Freed.Store(rand.Uint32() &^ (layout.SemaphoreFreed - 1))
	s.X.Bound = bound
	s.X.Pool.Word.Store(s.Opened() | uint64(n)<<layout.PermitShift)
}

// Want is what somebody wants: so many permits to hold, or one of which nobody is the owner.
type Want struct {
	N       uint32
	Unowned bool
}

// TryAcquire gets what w says if that can be done at once: if there are as many free permits, and nobody has waited for long.
// The error is ErrClosed, or says that there is no memory for a hold.
func (s *Sema) TryAcquire(w Want, me lease.ID) (Holding, bool, error) {
	return s.try(context.Background(), w, me)
}

// Acquire waits until it has what w says. The error is ctx's, ErrClosed, or says that there is no memory for a hold.
func (s *Sema) Acquire(ctx context.Context, w Want, me lease.ID) (Holding, error) {
	h, ok, err := s.try(ctx, w, me)
	if ok || err != nil {
		return h, err
	}
	return s.wait(ctx, w, me)
}

// try is Acquire for those who do not wait for permits.
func (s *Sema) try(ctx context.Context, w Want, me lease.ID) (h Holding, ok bool, err error) {
	// Before open: a Close that finds the queue taken by this is one that open sees.
	if s.X.Freed.Load()&layout.SemaphoreWaiting != 0 {
		s.relieve(me)
	}
	if err := s.open(ctx, me); err != nil {
		return h, false, err
	}
	if s.X.Freed.Load()&layout.SemaphoreReserved == 0 {
		h, ok, err = s.take(w, me)
	}
	s.close(me)
	if ok {
		race.Acquire(s.Off)
	}
	return h, ok, err
}

// Release gives a holding back that is one. Its ticket has been used up by the caller.
func (s *Sema) Release(h Holding) {
	race.Release(s.Off)
	for {
		w := h.Hold.Word.Load()
		if w&layout.HoldTag != s.Holds.Tag {
			return // another object's
		}
		if w&h.bit() == 0 {
			return // of a goroutine that outlives its entry, and counts as dead
		}
		if !h.Hold.Word.CompareAndSwap(w, h.Returned(w)) {
			continue
		}
		if w&layout.HoldOpen == 0 {
			crashpoint.At("sema.freed")
			s.tell()
		}
		return
	}
}

// Post adds a permit. The error is ErrBound or ErrClosed.
func (s *Sema) Post() error {
	race.Release(s.Off)
	for {
		w := s.X.Pool.Word.Load()
		next, err := s.posted(w)
		if err != nil {
			return err
		}
		if w&layout.HoldOpen == 0 && s.Queue.Closing() {
			return lock.ErrClosed
		}
		if !s.X.Pool.Word.CompareAndSwap(w, next) {
			continue
		}
		if w&layout.HoldOpen == 0 {
			crashpoint.At("sema.posted")
			s.tell()
		}
		return nil
	}
}

// posted is the pool's word with a permit more.
func (s *Sema) posted(w uint64) (uint64, error) {
	switch {
	case w&layout.HoldTag != s.Holds.Tag:
		return 0, lock.ErrClosed
	case free(w) >= layout.MostPermits:
		return 0, ErrBound
	case s.X.Bound == 0:
		return w + layout.Permit, nil
	case w&layout.HoldSlotBits == 0:
		return 0, ErrBound
	}
	return w + layout.Permit - 1, nil // and one that Wait has taken fewer
}

// withdrawn is the pool's word with a permit less, which it has.
func (s *Sema) withdrawn(w uint64) uint64 {
	if s.X.Bound == 0 {
		return w - layout.Permit
	}
	return w - layout.Permit + 1
}

// Take takes a permit for nobody, if that needs nothing but a compare-and-swap.
func (s *Sema) Take() bool {
	w := s.X.Pool.Word.Load()
	if race.Enabled || w&Ready != s.Opened() || free(w) == 0 {
		return false
	}
	return s.X.Pool.Word.CompareAndSwap(w, s.withdrawn(w))
}

// tell makes the one look who waits, if there is one.
func (s *Sema) tell() {
	for {
		f := s.X.Freed.Load()
		if f&layout.SemaphoreWaiting == 0 {
			return
		}
		if !s.X.Freed.CompareAndSwap(f, (f+layout.SemaphoreFreed)&^layout.SemaphoreAsleep) {
			continue
		}
		if f&layout.SemaphoreAsleep != 0 {
			crashpoint.At("sema.tell")
			s.Holds.Env.Hub.Wake(&s.X.Freed, 1)
		}
		return
	}
}

// Value is how many permits are free. The error is ErrClosed.
func (s *Sema) Value(me lease.ID) (n uint64, err error) {
	if err := s.open(context.Background(), me); err != nil {
		return 0, err
	}
	defer s.close(me)
	return s.sum(me), nil
}
