package ring

import (
	"context"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/wait"
)

// BeginGet waits until there is a message. If held is nil, it returns with the getting side locked: the caller copies up to n
// slots from pos on, and then calls [Ring.EndGet]. Else the message is one that somebody has given back, in a cell that the
// caller holds from now on, and nothing is locked. Without block, an error is [ErrEmpty] where it would have to wait.
func (r *Ring) BeginGet(ctx context.Context, me lease.ID, block bool) (pos uint64, n uint32, held *Held, err error) {
	if err := r.lock(ctx, &r.get, me); err != nil {
		return 0, 0, nil, err
	}
	q := r.q
	pos = q.Head.Load()
	if n = count(q.Get.Seen) - count(pos); n-1 < r.capacity && q.Get.Cells == 0 {
		return pos, n, nil, nil
	}
	return r.beginGetSlow(ctx, me, block)
}

func (r *Ring) beginGetSlow(ctx context.Context, me lease.ID, block bool) (pos uint64, n uint32, held *Held, err error) {
	q := r.q
	paused, seen := false, uint32(0)
	wanted := &need{get: true}
	for {
		if ok, err := r.readyGet(me, wanted); err != nil {
			r.unlock(&r.get, me)
			r.passOn(wanted, paused)
			return 0, 0, nil, err
		} else if !ok {
			r.unlock(&r.get, me)
			if err := r.await(ctx, me, wanted, block); err != nil {
				r.passOn(wanted, paused)
				return 0, 0, nil, err
			}
		}
		if q.Get.Returned.Load() != 0 {
			held, err := r.takeReturned(me)
			return 0, 0, held, err
		}
		pos = q.Head.Load()
		n = count(q.Get.Seen) - count(pos)
		if paused {
			n = r.More(pos, n)
			r.getPace.paused(count(q.Get.Seen) - seen)
			return pos, n, nil, nil
		}
		if !block || !r.getPace.tooFast(n) {
			return pos, n, nil, nil
		}
		paused, seen = true, count(q.Get.Seen)
		r.unlock(&r.get, me)
		crashpoint.At("queue.pausing")
		wait.Pause(pause)
		if err := r.lock(ctx, &r.get, me); err != nil {
			r.passOn(wanted, paused) // it may have been woken before the pause
			return 0, 0, nil, err
		}
	}
}

// More is how many slots there are from pos on, as the other side has it now; BeginGet may tell of fewer.
func (r *Ring) More(pos uint64, n uint32) uint32 {
	tail := r.q.Tail.Load()
	if now := count(tail) - count(pos); now <= r.capacity && now > n {
		r.q.Get.Seen, n = tail, now
	}
	return n
}

// EndGet commits that n slots from pos on were taken.
func (r *Ring) EndGet(me lease.ID, pos uint64, n uint32) {
	crashpoint.At("queue.taken")
	r.consume(me, move(pos, n, 0), n)
}

// consume moves Head, unlocks the getting side and wakes those who wait for room.
func (r *Ring) consume(me lease.ID, head uint64, n uint32) {
	q := r.q
	// SYNC: this store is the release that the loads of Head acquire.
	q.Head.Store(head)
	crashpoint.At("queue.gone")
	if q.PutBell.Load()&bellSleeps == 0 {
		r.unlock(&r.get, me)
		return
	}
	r.unlockAndRing(&r.get, me, &q.PutBell, r.wakesPut(n))
}

// readyGet reports whether there is a message. The getting side is locked.
func (r *Ring) readyGet(me lease.ID, n *need) (bool, error) {
	q := r.q
	state := q.State.Load()
	if state == layout.QueueClosed {
		return false, ErrDrained
	}
	outstanding := false
	if q.Get.Cells != 0 {
		outstanding = r.lookAfterCells(me)
		if q.Get.Returned.Load() != 0 {
			return true, nil
		}
	}
	if n.lease && !r.freeLease() {
		return false, nil
	}
	head := q.Head.Load()
	if q.Get.Seen == head {
		q.Get.Seen = q.Tail.Load()
	}
	switch left := count(q.Get.Seen) - count(head); {
	case left == 0:
		if state == layout.QueueDraining && !outstanding {
			return false, ErrDrained
		}
		return false, nil
	case left > r.capacity:
		return false, ErrCorrupt
	}
	return true, nil
}

func (r *Ring) ready(me lease.ID, n *need) (bool, error) {
	if n.get {
		return r.readyGet(me, n)
	}
	return r.readyPut(me, n)
}

// record is a message of the ring as its word describes it.
type record struct {
	at    uint64 // of its bytes, in the ring
	n     uint64
	flags uint64
	next  uint64 // the head behind it
}

// readRecord reads the record at head. What it says is read once and checked.
func (r *Ring) readRecord(head uint64) (record, error) {
	word, gap := uint32(head)&r.mask, uint32(0)
	h := *r.ringWord(uint64(word) * 8)
	if h == layout.RecordSkip {
		gap = r.mask + 1 - word
		word = 0
		h = *r.ringWord(0)
	}
	rec := record{at: uint64(word)*8 + 8, n: uint64(uint32(h)), flags: h &^ (1<<32 - 1)}
	length := uint32(1)
	switch rec.flags {
	case layout.RecordCell:
		if rec.n < uint64(r.leases) || rec.n >= uint64(r.leases+r.bigs) {
			return rec, ErrCorrupt
		}
	case 0, layout.RecordNil:
		length = words(rec.n)
		if rec.n > r.inline || length > r.mask+1-word {
			return rec, ErrCorrupt
		}
	default:
		return rec, ErrCorrupt
	}
	rec.next = move(head, 1, gap+length)
	return rec, nil
}

// GetBytes takes a message that varies in size and appends it to buf. The buffer is returned in any case, for it may have
// grown.
func (r *Ring) GetBytes(ctx context.Context, me lease.ID, buf []byte, block bool) (b []byte, isNil bool, err error) {
	for {
		pos, _, held, err := r.BeginGet(ctx, me, block)
		if err != nil {
			return buf, false, err
		}
		if held == nil {
			rec, err := r.readRecord(pos)
			if err != nil {
				r.unlock(&r.get, me)
				return buf, false, err
			}
			if rec.flags != layout.RecordCell {
				if free := uint64(cap(buf) - len(buf)); free < rec.n {
					// Not under the lock: the collector may want to be helped.
					r.unlock(&r.get, me)
					buf = append(make([]byte, 0, uint64(len(buf))+rec.n), buf...)
					continue
				}
				if r.usual.Load() != uint32(rec.n) {
					r.usual.Store(uint32(rec.n))
				}
				buf = append(buf, r.ringBytes(rec.at, rec.n)...)
				crashpoint.At("queue.taken")
				r.consume(me, rec.next, 1)
				return buf, rec.flags == layout.RecordNil, nil
			}
			if held, err = r.takeBig(me, rec); err != nil {
				return buf, false, err
			}
		}
		buf = append(buf, held.Data...)
		isNil = held.Nil
		crashpoint.At("queue.taken")
		return buf, isNil, held.End()
	}
}
