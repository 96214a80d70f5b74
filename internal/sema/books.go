package sema

import (
	"context"
	"math/bits"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
)

// What is here is done by who has the books; but for open.

// open takes the books, and finishes what a dead holder had begun. The error is ctx's or ErrClosed.
func (s *Sema) open(ctx context.Context, me lease.ID) error {
	env := s.Holds.Env
	if err := env.Acquire(ctx, &s.Books, me); err != nil {
		return err
	}
	if s.Queue.Closing() {
		env.Release(&s.Books, me)
		return lock.ErrClosed
	}
	if s.X.Move.Pending.Load() != 0 {
		s.redo()
	}
	if lock.Abandoned(s.Books.Lock) {
		lock.Repaired(s.Books.Lock, me)
	}
	return nil
}

func (s *Sema) close(me lease.ID) { s.Holds.Env.Release(&s.Books, me) }

// word is one of the words and its number.
type word struct {
	*layout.Hold
	n uint32
}

// each calls f with all words, the pool first, until it returns false.
func (s *Sema) each(f func(word) bool) {
	if !f(word{&s.X.Pool, 0}) {
		return
	}
	n := uint32(0)
	s.Holds.Each(func(h *layout.Hold) bool {
		n++
		return f(word{h, n})
	})
}

// sum is how many permits are free. It makes those free that the dead have held.
func (s *Sema) sum(me lease.ID) (n uint64) {
	s.each(func(x word) bool {
		s.bury(x.Hold, me)
		n += s.free(x.Hold)
		return true
	})
	return n
}

// free is how many lie free in a word; none if it is not a word of this object yet.
func (s *Sema) free(h *layout.Hold) uint64 {
	w := h.Word.Load()
	if w&layout.HoldTag != s.Holds.Tag {
		return 0
	}
	return free(w)
}

// bury makes free what a dead process holds in h, in one step.
func (s *Sema) bury(h *layout.Hold, me lease.ID) {
	o := lease.ID(h.Owner.Load())
	if o == 0 || h.Word.Load()&layout.HoldSlotBits == 0 || !s.Holds.Gone(o, me) {
		return
	}
	for {
		w := h.Word.Load() // nobody sets a slot any more
		freed := held(h, w)
		crashpoint.At("sema.bury")
		if h.Word.CompareAndSwap(w, w&^layout.HoldSlotBits+freed<<layout.PermitShift) {
			crashpoint.At("sema.buried")
			return
		}
	}
}

// slotFor is the slot that n permits would have in a hold whose word is w.
func slotFor(w uint64, n uint32) (slot int, ok bool) {
	if n == 1 {
		slot = bits.TrailingZeros64(^w)
		return slot, slot < layout.PermitSlots
	}
	slot = layout.PermitSlots + bits.TrailingZeros64(^w>>layout.PermitSlots)
	return slot, slot < layout.HoldSlots
}

// claim finds a hold of me with a slot for n permits, or makes one. The error says that there is no memory.
func (s *Sema) claim(n uint32, me lease.ID) (word, error) {
	for {
		var found, vacant word
		s.each(func(x word) bool {
			if x.n == 0 {
				return true
			}
			o := x.Owner.Load()
			if o != uint32(me) {
				if vacant.Hold == nil && (o == 0 || s.Holds.Gone(lease.ID(o), me)) {
					vacant = x
				}
				return true
			}
			w := x.Word.Load()
			if _, ok := slotFor(w, n); ok {
				found = x
				return free(w) < uint64(n) // look for one that has enough
			}
			return true
		})
		switch {
		case found.Hold != nil:
			return found, nil
		case vacant.Hold != nil:
			s.bury(vacant.Hold, me)
			if w := vacant.Word.Load(); w&layout.HoldTag != s.Holds.Tag {
				vacant.Word.Store(s.Holds.Tag) // of a new chunk, or of the object that was here before
			}
			vacant.Owner.Store(uint32(me))
			crashpoint.At("sema.claimed")
			return vacant, nil
		}
		if err := s.Holds.Grow(me); err != nil {
			return word{}, err
		}
	}
}

// take gets what w says if there are as many free permits. After it has found too few, every word is shut.
func (s *Sema) take(w Want, me lease.ID) (h Holding, ok bool, err error) {
	for shut := false; ; {
		to := word{&s.X.Pool, 0}
		if !w.Unowned {
			if to, err = s.claim(w.N, me); err != nil {
				return h, false, err
			}
		}
		if s.gather(to, uint64(w.N), me) {
			if h, ok = s.grab(to, w); ok {
				return h, true, nil
			}
			continue // others of this process, or others who need no hold, were faster
		}
		if shut {
			// Since the last word was shut, permits have only become more: then there were too few.
			return h, false, nil
		}
		s.shutAll()
		shut = true
	}
}

// gather brings n free permits together in a word, if there are as many.
func (s *Sema) gather(to word, n uint64, me lease.ID) bool {
	missing := func() uint64 { return n - min(n, s.free(to.Hold)) }
	if missing() == 0 {
		return true
	}
	if s.free(&s.X.Pool) < missing() && s.sum(me) < n {
		return false // nor are permits moved to and fro in vain
	}
	s.each(func(from word) bool {
		if from.n != to.n {
			for k := min(missing(), s.free(from.Hold)); k > 0 && !s.move(from, to, k); {
				k = min(missing(), s.free(from.Hold))
			}
		}
		return missing() > 0
	})
	return missing() == 0
}

// grab makes permits that lie free in a word the caller's.
func (s *Sema) grab(in word, want Want) (h Holding, ok bool) {
	for {
		w := in.Word.Load()
		if free(w) < uint64(want.N) {
			return h, false
		}
		slot, next := 0, uint64(0)
		if want.Unowned {
			next = s.withdrawn(w)
		} else {
			if slot, ok = slotFor(w, want.N); !ok {
				return h, false
			}
			if slot >= layout.PermitSlots {
				in.Weights[slot-layout.PermitSlots].Store(want.N)
			}
			next = w - uint64(want.N)<<layout.PermitShift | 1<<slot
		}
		if s.X.Freed.Load()&layout.SemaphoreWaiting == 0 {
			next |= layout.HoldOpen
		}
		if in.Word.CompareAndSwap(w, next) {
			crashpoint.At("sema.grabbed")
			if want.Unowned {
				return h, true
			}
			return Held(in.Hold, uint32(slot), want.N), true
		}
	}
}

// shutAll makes whoever comes to a word take the books, and whoever gives back look for one who waits.
func (s *Sema) shutAll() {
	s.each(func(x word) bool {
		for {
			w := x.Word.Load()
			if w&Ready != s.Opened() || x.Word.CompareAndSwap(w, w&^layout.HoldOpen) {
				return true
			}
		}
	})
	crashpoint.At("sema.shut")
}
