package ring

import (
	"context"
	"errors"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
)

// ErrNotHeld is returned for a message that its taker has given back or said to be done before, or that
// belongs to somebody else since.
var ErrNotHeld = errors.New("multiproc: message is not held any more")

// cellDone is the flag of a cell whose message counts as done when it is acknowledged.
const cellDone uint32 = 1 << 31

// Held is a message that its taker holds. If the taker dies, it is delivered again.
type Held struct {
	Data       []byte // where it lies, until it is given up
	Nil        bool
	Deliveries int // this one included

	r    *Ring
	me   lease.ID
	cell uint32
	pos  uint32
}

func ownedBy(state uint64, id lease.ID) uint64 { return state | uint64(id) }

func stateOf(word uint64) uint64 { return word & layout.CellState }

func ownerOf(word uint64) lease.ID { return lease.ID(uint32(word)) }

// returned is the number of messages that were given back; for those who do not have the lock.
func returned(q *layout.Queue) uint32 { return q.Get.Returned.Load() }

// dataOf is the message of a cell, checked before anybody takes it: one that cannot be read stays where it is. The getting side
// is locked.
func (r *Ring) dataOf(i uint32) ([]byte, error) {
	c := r.cell(i)
	n := c.Len
	if i >= r.leases {
		return r.message(c.Block, n)
	}
	if n > r.leaseRoom {
		return nil, ErrCorrupt
	}
	return r.leaseBytes(i, n), nil
}

// hold makes the Held for a cell that belongs to me.
func (r *Ring) hold(me lease.ID, i uint32, data []byte) *Held {
	c := r.cell(i)
	isNil := uint64(c.Flags)<<32&layout.RecordNil != 0
	return &Held{r: r, me: me, cell: i, pos: c.Pos, Deliveries: int(c.Deliveries), Nil: isNil, Data: data}
}

// message is n bytes of the block at off, if they are there.
func (r *Ring) message(off, n uint64) ([]byte, error) {
	if room, ok := r.ref.Member.Arena.Room(off, layout.KindMessage); !ok || n > room {
		return nil, ErrCorrupt
	}
	return r.blockBytes(off, n), nil
}

// lookAfterCells makes the messages of dead holders deliverable, and reports whether anybody holds one or
// one was given back. The getting side is locked.
func (r *Ring) lookAfterCells(me lease.ID) (outstanding bool) {
	q := r.q
	epoch := r.env.Hub.Epoch()
	draining := q.State.Load() != layout.QueueOpen
	if epoch == q.Get.Epoch && !draining {
		return true
	}
	for i := range r.leases + r.bigs {
		c := r.cell(i)
		w := c.Word.Load()
		if s := stateOf(w); s != layout.CellHeld && s != layout.CellReturned {
			continue
		} else if outstanding = true; s == layout.CellHeld && r.env.Table.State(ownerOf(w)) == lease.Gone {
			r.giveBack(c)
		}
	}
	q.Get.Epoch = epoch
	return outstanding
}

// giveBack makes a held message one to be delivered again. The getting side is locked.
func (r *Ring) giveBack(c *layout.QueueCell) {
	c.Word.Store(layout.CellReturned)
	crashpoint.At("queue.returned")
	r.q.Get.Returned.Add(1)
}

// takeReturned takes the oldest message that was given back, and unlocks the getting side.
func (r *Ring) takeReturned(me lease.ID) (*Held, error) {
	defer r.unlock(&r.get, me)
	best, found := uint32(0), false
	for i := range r.leases + r.bigs {
		c := r.cell(i)
		if stateOf(c.Word.Load()) == layout.CellReturned && (!found || int32(c.Pos-r.cell(best).Pos) < 0) {
			best, found = i, true
		}
	}
	if !found {
		r.q.Get.Returned.Store(0)
		return nil, ErrCorrupt
	}
	data, err := r.dataOf(best)
	if err != nil {
		return nil, err
	}
	c := r.cell(best)
	c.Deliveries++
	c.Word.Store(ownedBy(layout.CellHeld, me))
	crashpoint.At("queue.retaken")
	r.q.Get.Returned.Add(^uint32(0))
	return r.hold(me, best, data), nil
}

func (r *Ring) freeLease() bool {
	_, ok := r.findLease()
	return ok
}

func (r *Ring) findLease() (uint32, bool) {
	for i := range r.leases {
		if stateOf(r.cell(i).Word.Load()) == layout.CellFree {
			return i, true
		}
	}
	return 0, false
}

// takeBig takes the large message of rec, and unlocks the getting side.
func (r *Ring) takeBig(me lease.ID, rec record) (*Held, error) {
	i := uint32(rec.n)
	c := r.cell(i)
	if s := stateOf(c.Word.Load()); s != layout.CellQueued && s != layout.CellPlacing || c.Pos != count(r.q.Head.Load()) {
		r.unlock(&r.get, me)
		return nil, ErrCorrupt
	}
	data, err := r.dataOf(i)
	if err != nil {
		r.unlock(&r.get, me)
		return nil, err
	}
	return r.take(me, i, rec.next, data), nil
}

// take makes the message at Head me's, in a cell that describes it, and unlocks the getting side.
func (r *Ring) take(me lease.ID, i uint32, next uint64, data []byte) *Held {
	q, c := r.q, r.cell(i)
	q.Get.Cells = 1
	c.Deliveries = 1
	c.Word.Store(ownedBy(layout.CellTaking, me))
	crashpoint.At("queue.taking")
	q.Head.Store(next)
	crashpoint.At("queue.held")
	c.Word.Store(ownedBy(layout.CellHeld, me))
	h := r.hold(me, i, data)
	r.unlockAndRing(&r.get, me, &q.PutBell, r.wakesPut(1))
	return h
}

// Lease takes a message and leaves it in the queue's memory until [Held.End], [Held.Ack] or [Held.Nack].
func (r *Ring) Lease(ctx context.Context, me lease.ID, block bool) (*Held, error) {
	if err := r.await(ctx, me, &need{get: true, lease: true}, block); err != nil {
		return nil, err
	}
	q := r.q
	if q.Get.Returned.Load() != 0 {
		return r.takeReturned(me)
	}
	head := q.Head.Load()
	rec := record{n: r.inline, next: move(head, 1, 0)}
	var data []byte
	if r.stride != 0 {
		data = r.slotBytes(head)
	} else {
		var err error
		if rec, err = r.readRecord(head); err != nil {
			r.unlock(&r.get, me)
			return nil, err
		}
		if rec.flags == layout.RecordCell {
			return r.takeBig(me, rec)
		}
		data = r.ringBytes(rec.at, rec.n)
	}
	i, ok := r.findLease()
	if !ok {
		r.unlock(&r.get, me)
		return nil, ErrCorrupt
	}
	c := r.cell(i)
	c.Len, c.Flags, c.Pos = rec.n, uint32(rec.flags>>32), count(head)
	held := r.leaseBytes(i, rec.n)
	copy(held, data)
	return r.take(me, i, rec.next, held), nil
}

// relock locks the getting side for one who holds h.
func (h *Held) relock() (*layout.QueueCell, error) {
	r := h.r
	if err := r.lock(context.Background(), &r.get, h.me); err != nil {
		return nil, err
	}
	c := r.cell(h.cell)
	if c.Word.Load() != ownedBy(layout.CellHeld, h.me) || c.Pos != h.pos || int(c.Deliveries) != h.Deliveries {
		r.unlock(&r.get, h.me)
		return nil, ErrNotHeld
	}
	return c, nil
}

// End gives the message up: it is gone.
func (h *Held) End() error { return h.end(false) }

// Ack is End, and counts the message as done for [Ring.Join].
func (h *Held) Ack() error { return h.end(true) }

func (h *Held) end(done bool) error {
	c, err := h.relock()
	if err != nil {
		return err
	}
	r := h.r
	q := r.q
	w := wakes{get: q.State.Load() != layout.QueueOpen, put: h.cell >= r.leases}
	if h.cell < r.leases && !r.freeLease() {
		w.get = true
	}
	c.Flags &^= cellDone
	if done && q.Get.Done != count(q.Tail.Load()) { // else TaskDone was called for it
		c.Done = q.Get.Done + 1
		c.Flags |= cellDone
	}
	crashpoint.At("queue.ack")
	c.Word.Store(ownedBy(layout.CellDone, h.me))
	crashpoint.At("queue.acked")
	r.finish(c)
	w.join = done && q.Get.Done == count(q.Tail.Load())
	r.unlockAndWake(&r.get, h.me, w)
	return nil
}

// finish completes what CellDone says. It may have been begun before.
func (r *Ring) finish(c *layout.QueueCell) {
	if c.Flags&cellDone != 0 {
		r.q.Get.Done = c.Done
	}
	c.Word.Store(layout.CellFree)
}

// Nack gives the message back: it is delivered again, before those that were not.
func (h *Held) Nack() error {
	c, err := h.relock()
	if err != nil {
		return err
	}
	h.r.giveBack(c)
	h.r.unlockAndRing(&h.r.get, h.me, &h.r.q.GetBell, 1)
	return nil
}

// repairGet ends what a dead holder of the getting side's lock has begun.
func (r *Ring) repairGet() {
	head, n := count(r.q.Head.Load()), uint32(0)
	for i := range r.leases + r.bigs {
		c := r.cell(i)
		switch stateOf(c.Word.Load()) {
		case layout.CellTaking:
			switch {
			case int32(head-c.Pos) > 0: // it was taken, and nobody has got it
				c.Word.Store(layout.CellReturned)
				n++
			case i < r.leases:
				c.Word.Store(layout.CellFree)
			default:
				c.Word.Store(layout.CellQueued)
			}
		case layout.CellDone:
			r.finish(c)
		case layout.CellReturned:
			n++
		}
	}
	r.q.Get.Returned.Store(n)
}

// Holders calls f for each message that somebody holds, with the process whose it is and the number of its delivery, until f
// returns false. It takes no lock: what it tells may be over.
func (r *Ring) Holders(f func(owner lease.ID, pos uint32, deliveries int) bool) {
	for i := range r.leases + r.bigs {
		c := r.cell(i)
		if w := c.Word.Load(); stateOf(w) == layout.CellHeld && !f(ownerOf(w), c.Pos, int(c.Deliveries)) {
			return
		}
	}
}
