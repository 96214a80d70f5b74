package ring

import (
	"context"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
)

// Draft is a message that is being written where it will be read.
type Draft struct {
	Data []byte // to be filled; it may be made shorter

	r    *Ring
	me   lease.ID
	cell uint32
	over bool // committed or aborted: the cell may be that of another draft of this process. Under Put.Lock.
}

// Reserve gets room for a message of n bytes outside of the ring, which only rings of messages that vary in size have.
// If its process dies before [Draft.Commit], nothing was put.
func (r *Ring) Reserve(ctx context.Context, me lease.ID, n uint64, block bool) (*Draft, error) {
	if n > r.budget || r.bigs == 0 {
		return nil, ErrTooLarge
	}
	want := &need{room: max(n, 1)}
	if err := r.await(ctx, me, want, block); err != nil {
		return nil, err
	}
	r.unlock(&r.put, me)
	crashpoint.At("queue.claimed")
	d := &Draft{r: r, me: me, cell: want.cell}
	c := r.cell(d.cell)
	if c.Block == 0 {
		if _, err := r.ref.AllocPart(want.room, layout.KindMessage, r.cellAt(d.cell)+blockAt); err != nil {
			_ = d.Abort()
			return nil, err
		}
	}
	var err error
	if d.Data, err = r.message(c.Block, n); err != nil {
		return nil, err
	}
	return d, nil
}

// claim finds a cell for a message of n.room bytes. The putting side is locked.
func (r *Ring) claim(me lease.ID, n *need) (bool, error) {
	ok, err := r.tryClaim(me, n)
	if !ok && err == nil && r.clearDrafts() {
		ok, err = r.tryClaim(me, n)
	}
	return ok, err
}

func (r *Ring) tryClaim(me lease.ID, n *need) (bool, error) {
	// The smallest block that is large enough; else a cell without one, if there are bytes for one.
	best, bestRoom, used, empty, spare := uint32(0), uint64(0), uint64(0), uint32(0), false
	for i := r.leases; i < r.leases+r.bigs; i++ {
		c := r.cell(i)
		free, room := stateOf(c.Word.Load()) == layout.CellFree, r.roomOf(c)
		used += room
		switch {
		case free && room >= n.room && (bestRoom == 0 || room < bestRoom):
			best, bestRoom = i, room
		case free && (!spare || c.Block == 0):
			empty, spare = i, true
		}
	}
	if bestRoom == 0 {
		if !spare {
			return false, nil
		}
		best = empty
		if c := r.cell(best); c.Block != 0 || used+n.room > r.budget {
			if ok, err := r.makeRoom(best, used, n.room); !ok {
				return false, err
			}
		}
	}
	c := r.cell(best)
	c.Len = n.room
	c.Word.Store(ownedBy(layout.CellWriting, me))
	n.cell = best
	return true, nil
}

// roomOf is how much of the budget a cell takes.
func (r *Ring) roomOf(c *layout.QueueCell) uint64 {
	if room, ok := r.ref.Member.Arena.Room(blockOf(c), layout.KindMessage); ok {
		return room
	}
	if stateOf(c.Word.Load()) == layout.CellWriting {
		return c.Len
	}
	return 0
}

// makeRoom frees blocks that wait to be used again, that of the given cell first, until there are bytes enough.
func (r *Ring) makeRoom(first uint32, used, want uint64) (bool, error) {
	free := func(i uint32) error {
		c := r.cell(i)
		if c.Block == 0 || stateOf(c.Word.Load()) != layout.CellFree {
			return nil
		}
		used -= r.roomOf(c)
		return r.ref.FreePart(c.Block, r.cellAt(i)+blockAt)
	}
	if err := free(first); err != nil {
		return false, err
	}
	for i := r.leases; i < r.leases+r.bigs && used+want > r.budget; i++ {
		if err := free(i); err != nil {
			return false, err
		}
	}
	return used+want <= r.budget, nil
}

// clearDrafts frees the cells of dead writers and reports whether there were any. The putting side is locked.
func (r *Ring) clearDrafts() (found bool) {
	for i := r.leases; i < r.leases+r.bigs; i++ {
		c := r.cell(i)
		w := c.Word.Load()
		if stateOf(w) != layout.CellWriting || r.env.Table.State(ownerOf(w)) != lease.Gone {
			continue
		}
		if !found && r.ref.SettleParts() != nil { // it may have died while it got a block
			return false
		}
		found = true
		c.Word.Store(layout.CellFree)
	}
	return found
}

// Commit puts the message. It waits until there is room in the queue's order, unless block is false. After an error the
// draft is still there.
func (d *Draft) Commit(ctx context.Context, block bool) error {
	r, c := d.r, d.r.cell(d.cell)
	if err := r.beginRecord(ctx, d.me, 1, block); err != nil {
		return err
	}
	if d.over || c.Word.Load() != ownedBy(layout.CellWriting, d.me) {
		r.unlock(&r.put, d.me)
		return ErrNotHeld
	}
	d.over = true
	tail, _ := r.placeRecord(1, uint64(d.cell)|layout.RecordCell)
	c.Pos, c.Len, c.Flags = count(tail)-1, uint64(len(d.Data)), 0
	c.Word.Store(ownedBy(layout.CellPlacing, d.me))
	crashpoint.At("queue.placing")
	r.q.Tail.Store(tail)
	crashpoint.At("queue.placed")
	c.Word.CompareAndSwap(ownedBy(layout.CellPlacing, d.me), layout.CellQueued) // unless it was taken already
	r.committed(d.me, 1)
	return nil
}

// Abort gives the room back.
func (d *Draft) Abort() error {
	r, c := d.r, d.r.cell(d.cell)
	if err := r.lock(context.Background(), &r.put, d.me); err != nil {
		return err
	}
	if d.over || !c.Word.CompareAndSwap(ownedBy(layout.CellWriting, d.me), layout.CellFree) {
		r.unlock(&r.put, d.me)
		return ErrNotHeld
	}
	d.over = true
	r.unlockAndWake(&r.put, d.me, wakes{put: true})
	return nil
}

// putBig puts a copy of b, which is too large for the ring.
func (r *Ring) putBig(ctx context.Context, me lease.ID, b []byte, block bool) error {
	d, err := r.Reserve(ctx, me, uint64(len(b)), block)
	if err != nil {
		return err
	}
	copy(d.Data, b)
	crashpoint.At("queue.copied")
	if err := d.Commit(ctx, block); err != nil {
		_ = d.Abort()
		return err
	}
	return nil
}

// repairPut ends what a dead holder of the putting side's lock has begun.
func (r *Ring) repairPut() {
	tail := count(r.q.Tail.Load())
	for i := r.leases; i < r.leases+r.bigs; i++ {
		c := r.cell(i)
		w := c.Word.Load()
		if stateOf(w) != layout.CellPlacing {
			continue
		}
		next := layout.CellFree
		if int32(tail-c.Pos) > 0 {
			next = layout.CellQueued
		}
		c.Word.CompareAndSwap(w, next) // unless it was taken meanwhile
	}
}
