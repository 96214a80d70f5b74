package ring

import "sync/atomic"

// A slab is where one handle's next messages of middling size get their memory: a piece of the Go heap that is cut into sixteen. To get
// the sixteenth of a larger piece takes a few nanoseconds; memory of its own for each message takes more than all of the ring's work.
// The price: who keeps one message of sixteen keeps the memory of all.
type slab struct {
	busy atomic.Bool // whoever sets it has rest
	rest []byte
}

const (
	// Smaller messages would keep too much that is not theirs for what there is to be gained, larger ones do not lie in the ring.
	slabMin, slabMax = 512, maxInline
	slabPieces       = 16
)

// take returns room for n bytes, with none in it.
func (s *slab) take(n int) []byte {
	if n < slabMin || n > slabMax || !s.busy.CompareAndSwap(false, true) {
		return make([]byte, 0, n) // another goroutine may take its time in the allocator
	}
	size := (n + 63) &^ 63 // of a piece, so that no two of them share a cache line
	if len(s.rest) < size {
		s.rest = make([]byte, slabPieces*size)
	}
	b := s.rest[:0:n]
	s.rest = s.rest[size:]
	s.busy.Store(false)
	return b
}

// Room is memory for the next message if that has as many bytes as the last one that [Ring.GetBytes] took, empty. What will be copied into it is on
// its way to this CPU meanwhile.
func (r *Ring) Room() []byte {
	n := r.usual.Load()
	if n >= slabMin && n <= slabMax {
		at := uint64(uint32(r.q.Head.Load())&r.mask) * 8
		prefetch(r.ringWord(at), min(8+uint64(n), (uint64(r.mask)+1)*8-at))
	}
	return r.slab.take(int(n))
}
