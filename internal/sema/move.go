package sema

import (
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lock"
)

func turn(w uint64) uint32 {
	return uint32(w & layout.PermitTurns >> layout.PermitTurnShift)
}

// turned is w at its next turn.
func turned(w uint64) uint64 {
	next := uint64(turn(w)+1) << layout.PermitTurnShift & layout.PermitTurns
	return w&^layout.PermitTurns | next
}

// move moves k free permits from one word to another, if there are as many. The caller has the books.
//
// It is two steps, and a death between them must not lose what was taken, nor give it twice. So the record says at which turn
// each word was before; only moves change a turn, and there is one at a time.
func (s *Sema) move(from, to word, k uint64) bool {
	m := &s.X.Move
	lock.StoreRelease(&m.Count, uint32(k))
	lock.StoreRelease(&m.From, from.n)
	lock.StoreRelease(&m.To, to.n)
	lock.StoreRelease(&m.Turns, turn(from.Word.Load())|turn(to.Word.Load())<<layout.PermitTurnBits)
	lock.StoreRelease(&m.Pending, 1)
	crashpoint.At("sema.recorded")
	taken := add(from.Hold, -int64(k))
	crashpoint.At("sema.taken")
	if taken {
		add(to.Hold, int64(k))
		crashpoint.At("sema.given")
	}
	lock.StoreRelease(&m.Pending, 0)
	return taken
}

// add changes how many permits lie free in a word, and turns it. It does nothing if there are too few.
func add(h *layout.Hold, k int64) bool {
	for {
		w := h.Word.Load()
		if int64(free(w))+k < 0 {
			return false
		}
		if h.Word.CompareAndSwap(w, turned(w+uint64(k)<<layout.PermitShift)) {
			return true
		}
	}
}

// redo finishes the move that a dead holder of the books has left. Who dies here leaves it to the next.
func (s *Sema) redo() {
	m := &s.X.Move
	from, to, turns := s.at(m.From.Load()), s.at(m.To.Load()), m.Turns.Load()
	before := func(h *layout.Hold, then uint32) bool {
		return turn(h.Word.Load()) == then&(1<<layout.PermitTurnBits-1)
	}
	crashpoint.At("sema.redo")
	if from != nil && to != nil && !before(from, turns) && before(to, turns>>layout.PermitTurnBits) {
		add(to, int64(m.Count.Load()))
		crashpoint.At("sema.redone")
	}
	m.Pending.Store(0)
}

// at is the word of that number.
func (s *Sema) at(n uint32) (h *layout.Hold) {
	s.each(func(x word) bool {
		if x.n == n {
			h = x.Hold
		}
		return h == nil
	})
	return h
}
