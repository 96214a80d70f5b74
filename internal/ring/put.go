package ring

import (
	"context"
	"math"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/wait"
)

// BeginPut waits until there is room for a slot, and returns with the putting side locked. The caller fills up to room
// slots from pos on, and then calls [Ring.EndPut]. Without block, an error is [ErrFull] where it would have to wait.
func (r *Ring) BeginPut(ctx context.Context, me lease.ID, block bool) (pos uint64, room uint32, err error) {
	if err := r.lock(ctx, &r.put, me); err != nil {
		return 0, 0, err
	}
	q := r.q
	pos = q.Tail.Load()
	if room = r.capacity - (count(pos) - count(q.Put.Seen)); room-1 < r.capacity && q.State.Load() == layout.QueueOpen {
		return pos, room, nil
	}
	r.unlock(&r.put, me)
	paused, seen := false, uint32(0)
	wanted := &need{words: 1}
	for {
		if err := r.await(ctx, me, wanted, block); err != nil {
			r.passOn(wanted, paused) // it may have been woken before the pause
			return 0, 0, err
		}
		pos = q.Tail.Load()
		room = r.capacity - (count(pos) - count(q.Put.Seen))
		if paused {
			room = r.MoreRoom(pos, room)
			r.putPace.paused(count(q.Put.Seen) - seen)
			return pos, room, nil
		}
		if !block || !r.putPace.tooFast(room) {
			return pos, room, nil
		}
		paused, seen = true, count(q.Put.Seen)
		r.unlock(&r.put, me)
		crashpoint.At("queue.pausing")
		wait.Pause(pause)
	}
}

// MoreRoom is how many slots there are from pos on, as the other side has it now; BeginPut may tell of fewer.
func (r *Ring) MoreRoom(pos uint64, room uint32) uint32 {
	head := r.q.Head.Load()
	if now := r.capacity - (count(pos) - count(head)); now <= r.capacity && now > room {
		r.q.Put.Seen, room = head, now
	}
	return room
}

// EndPut commits the n slots that were filled from pos on. They become visible at once, in their order.
func (r *Ring) EndPut(me lease.ID, pos uint64, n uint32) {
	crashpoint.At("queue.copied")
	r.commit(me, move(pos, n, 0), n)
}

// CancelPut gives the lock back; nothing was put.
func (r *Ring) CancelPut(me lease.ID) { r.unlock(&r.put, me) }

// commit moves Tail, unlocks the putting side and wakes as many as there are messages.
func (r *Ring) commit(me lease.ID, tail uint64, n uint32) {
	// SYNC: this store is the release that the loads of Tail acquire.
	r.q.Tail.Store(tail)
	r.committed(me, n)
}

// committed is what follows the store to Tail.
func (r *Ring) committed(me lease.ID, n uint32) {
	q := r.q
	crashpoint.At("queue.committed")
	if q.GetBell.Load()&bellSleeps == 0 {
		r.unlock(&r.put, me)
		return
	}
	r.unlockAndRing(&r.put, me, &q.GetBell, int(n))
}

// words is the length of a record with n bytes.
func words(n uint64) uint32 { return 1 + uint32((n+7)/8) }

// PutBytes puts a message that varies in size: a copy of b, or nil.
func (r *Ring) PutBytes(ctx context.Context, me lease.ID, b []byte, isNil, block bool) error {
	n := uint64(len(b))
	if n > r.inline {
		return r.putBig(ctx, me, b, block)
	}
	flags := uint64(0)
	if isNil {
		flags = layout.RecordNil
	}
	if err := r.beginRecord(ctx, me, words(n), block); err != nil {
		return err
	}
	tail, at := r.placeRecord(words(n), n|flags)
	copy(r.ringBytes(at+8, n), b)
	crashpoint.At("queue.copied")
	r.commit(me, tail, 1)
	return nil
}

// beginRecord waits until there is room for a record, and returns with the putting side locked.
func (r *Ring) beginRecord(ctx context.Context, me lease.ID, words uint32, block bool) error {
	if err := r.lock(ctx, &r.put, me); err != nil {
		return err
	}
	if r.q.State.Load() == layout.QueueOpen && r.fits(r.q.Tail.Load(), r.q.Put.Seen, words) {
		return nil
	}
	r.unlock(&r.put, me)
	paused, seen := false, uint32(0)
	wanted := &need{words: words}
	for {
		if err := r.await(ctx, me, wanted, block); err != nil {
			r.passOn(wanted, paused) // as in BeginPut
			return err
		}
		q := r.q
		if paused {
			q.Put.Seen = q.Head.Load()
			r.putPace.paused(count(q.Put.Seen) - seen)
			return nil
		}
		if !block || !r.putPace.tooFast(r.placesFor(words)) {
			return nil
		}
		paused, seen = true, count(q.Put.Seen)
		r.unlock(&r.put, me)
		crashpoint.At("queue.pausing")
		wait.Pause(pause)
	}
}

// placesFor is about how many records of that many words there is room for.
func (r *Ring) placesFor(words uint32) uint32 {
	tail, head := r.q.Tail.Load(), r.q.Put.Seen
	return min(r.capacity-(count(tail)-count(head)), (r.mask+1-(uint32(tail)-uint32(head)))/words)
}

// fits reports whether there is room for one message between a tail and a head: a slot, or a record of that many
// words, which lies in one piece.
func (r *Ring) fits(tail, head uint64, words uint32) bool {
	if count(tail)-count(head) >= r.capacity {
		return false
	}
	if r.stride != 0 {
		return true
	}
	free := r.mask + 1 - (uint32(tail) - uint32(head))
	return free <= r.mask+1 && words+r.gap(uint32(tail), words) <= free
}

// gap is how many words at the ring's end are passed over, for a record of that many does not fit there.
func (r *Ring) gap(word, words uint32) uint32 {
	if left := r.mask + 1 - word&r.mask; words > left {
		return left
	}
	return 0
}

// placeRecord writes the head of a record behind Tail, and returns the tail behind the record and where in
// the ring, in bytes, it begins.
func (r *Ring) placeRecord(words uint32, head uint64) (tail, at uint64) {
	tail = r.q.Tail.Load()
	gap := r.gap(uint32(tail), words)
	if gap != 0 {
		*r.ringWord(uint64(uint32(tail)&r.mask) * 8) = layout.RecordSkip
	}
	at = uint64((uint32(tail)+gap)&r.mask) * 8
	*r.ringWord(at) = head
	return move(tail, 1, gap+words), at
}

// readyPut reports whether what n needs is there. The putting side is locked.
func (r *Ring) readyPut(me lease.ID, n *need) (bool, error) {
	q := r.q
	if q.State.Load() != layout.QueueOpen {
		return false, ErrDrained
	}
	if n.words != 0 {
		if !r.fits(q.Tail.Load(), q.Put.Seen, n.words) {
			q.Put.Seen = q.Head.Load()
			if !r.fits(q.Tail.Load(), q.Put.Seen, n.words) {
				return false, nil
			}
		}
	}
	if n.room != 0 {
		return r.claim(me, n)
	}
	return true, nil
}

// wakesPut is how many of those who wait for room are woken when n messages have gone. Messages of different
// sizes need different room: the one who is woken may not be the one who can go on.
func (r *Ring) wakesPut(n uint32) int {
	if r.stride == 0 {
		return math.MaxInt32
	}
	return int(n)
}
