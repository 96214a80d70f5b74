package arena

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
	"github.com/multiproc-go/multiproc/internal/memory"
)

// large is the size from which a freed block gives its pages back.
const large = 64 << 10

// Arena is the allocator of one family, as one process uses it.
type Arena struct {
	mem   *memory.Memory
	env   *lock.Env
	state *layout.Alloc
	place lock.Place // of the allocator's lock

	// limbo is held while this process gives the pages of a block back: its slot
	// has room for one such block.
	limbo sync.Mutex
}

// New gives access to the allocator in mem.
func New(mem *memory.Memory, env *lock.Env) *Arena {
	a := &Arena{mem: mem, env: env, state: &mem.Header().Alloc}
	a.place = lock.Place{Lock: &a.state.Lock, Off: layout.AllocAt}
	env.Table.Hooks.Inherit = a.inherit
	return a
}

func (a *Arena) lock(me lease.ID) error {
	if err := a.env.Acquire(context.Background(), &a.place, me); err != nil {
		return fmt.Errorf("multiproc: allocator: %w", err)
	}
	a.redo(me)
	return nil
}

// tryLock is lock for those who must not wait.
func (a *Arena) tryLock(me lease.ID) bool {
	if !a.env.TryAcquire(&a.place, me) {
		return false
	}
	a.redo(me)
	return true
}

// redo makes the change that a former holder died of.
func (a *Arena) redo(me lease.ID) {
	if a.state.Redo.Pending.Load() != 0 {
		a.apply()
	}
	lock.Repaired(&a.state.Lock, me)
}

func (a *Arena) unlock(me lease.ID) { a.env.Release(&a.place, me) }

// Alloc gets a block whose zeroed payload has n bytes, for the process me, and returns
// its offset. The error is a [memory.FullError].
func (a *Arena) Alloc(n uint64, kind uint32, me lease.ID) (uint64, error) {
	return a.AllocInto(n, kind, me, 0)
}

// AllocInto is Alloc, and stores the offset to the 8-byte word at receiver, in one: no death comes between the
// two, so that nobody loses the block whose word says what it owns. [Arena.FreeFrom] undoes it.
func (a *Arena) AllocInto(n uint64, kind uint32, me lease.ID, receiver uint64) (uint64, error) {
	class, ok := uint32(0), false
	if n < a.mem.Size() {
		class, ok = classFor(kind, n+layout.BlockHeader)
	}
	if !ok {
		return 0, &memory.FullError{Need: n, Have: a.mem.Size(), Err: memory.ErrLimit}
	}
	for {
		off, top, err := a.tryAlloc(n, kind, class, me, receiver)
		if err != nil {
			return 0, err
		}
		if off != 0 {
			return off, a.prepare(off, n, top, me, receiver)
		}
		if err := a.mem.Grow(top, classBytes(class)); err != nil {
			return 0, err
		}
	}
}

// ErrBusy is returned by [Arena.TryAllocInto].
var ErrBusy = errors.New("multiproc: somebody else has the allocator")

// TryAllocInto is AllocInto for those who must not wait: it returns ErrBusy if another process has the allocator. It does
// not zero the payload, and is for blocks below 64 KiB.
func (a *Arena) TryAllocInto(n uint64, kind uint32, me lease.ID, receiver uint64) error {
	class, ok := classFor(kind, n+layout.BlockHeader)
	if !ok || classBytes(class) >= large {
		return &memory.FullError{Need: n, Have: large, Err: memory.ErrLimit}
	}
	for {
		if !a.tryLock(me) {
			return ErrBusy
		}
		off, top := a.take(n, kind, class, me, receiver)
		a.unlock(me)
		if off != 0 {
			return nil
		}
		if err := a.mem.Grow(top, classBytes(class)); err != nil {
			return err
		}
	}
}

// tryAlloc takes a block if there is one, or memory for one, without asking the
// system. It returns the old end of the used part.
func (a *Arena) tryAlloc(n uint64, kind, class uint32, me lease.ID, receiver uint64) (off, top uint64, err error) {
	if err := a.lock(me); err != nil {
		return 0, 0, err
	}
	defer a.unlock(me)
	off, top = a.take(n, kind, class, me, receiver)
	return off, top, nil
}

// take is tryAlloc for one who holds the lock.
func (a *Arena) take(n uint64, kind, class uint32, me lease.ID, receiver uint64) (off, top uint64) {
	s := a.state
	c := change{
		class: class, kind: kind, owner: uint32(me), bytes: n,
		top: s.Top, live: s.Live + 1, used: s.Used + classBytes(class), receiver: receiver,
	}
	if c.block = s.Free[class]; c.block != 0 {
		b := a.Block(c.block)
		c.generation = b.Generation.Load() + 1
		c.head = b.Next
	} else {
		at, ok := a.mem.Fit(s.Top, classBytes(class))
		if !ok {
			return 0, s.Top
		}
		c.block, c.top, c.generation = at, at+classBytes(class), 1
	}
	top = s.Top
	a.commit(c)
	return c.block, top
}

// prepare makes the payload of a new block usable: a used block is zeroed, and one
// that gave its pages back gets them again.
func (a *Arena) prepare(off, n, top uint64, me lease.ID, receiver uint64) error {
	b := a.Block(off)
	if off >= top {
		return nil // never used before
	}
	if classBytes(b.Class) >= large {
		if err := a.mem.Back(off, n+layout.BlockHeader); err != nil {
			a.freeFrom(off, b.Generation.Load(), me, receiver, nil)
			return err
		}
	}
	clear(a.payload(off, n))
	return nil
}

// Free frees the block at off if it has that generation still; else it returns
// lock.ErrClosed. All handles to it are stale from then on. last, unless nil, is
// called before that, while the block is certainly still the caller's.
func (a *Arena) Free(off uint64, generation uint32, me lease.ID, last func()) error {
	return a.freeFrom(off, generation, me, 0, last)
}

// FreeFrom frees the block whose offset AllocInto has stored at receiver, and stores 0 there, in one.
func (a *Arena) FreeFrom(off uint64, me lease.ID, receiver uint64) error {
	return a.freeFrom(off, a.Block(off).Generation.Load(), me, receiver, nil)
}

func (a *Arena) freeFrom(off uint64, generation uint32, me lease.ID, receiver uint64, last func()) error {
	if classBytes(a.Block(off).Class) < large {
		return a.free(off, generation, me, false, receiver, last)
	}
	a.limbo.Lock()
	defer a.limbo.Unlock()
	if err := a.free(off, generation, me, true, receiver, last); err != nil {
		return err
	}
	crashpoint.At("arena.limbo")
	row := a.env.Table.Row(me)
	a.giveBack(row.Limbo.Load())
	if err := a.lock(me); err != nil {
		return err
	}
	defer a.unlock(me)
	a.leaveLimbo(me.Slot())
	return nil
}

// free ends the life of a block: it goes to its free list or, if it is large, first
// to the limbo of this process.
func (a *Arena) free(off uint64, generation uint32, me lease.ID, limbo bool, receiver uint64, last func()) error {
	if err := a.lock(me); err != nil {
		return err
	}
	defer a.unlock(me)
	b, s := a.Block(off), a.state
	if generation%2 == 0 || b.Generation.Load() != generation {
		return lock.ErrClosed
	}
	if last != nil {
		last()
	}
	c := change{
		class: b.Class, block: off, generation: generation + 1, owner: uint32(me),
		next: s.Free[b.Class], head: off,
		top: s.Top, live: s.Live - 1, used: s.Used - classBytes(b.Class), receiver: receiver,
	}
	if limbo {
		c.next, c.head = 0, s.Free[b.Class]
		c.limboSlot, c.limbo = me.Slot(), off
	}
	a.commit(c)
	return nil
}

// giveBack returns the pages of a block that is in limbo.
func (a *Arena) giveBack(off uint64) {
	a.mem.GiveBack(off+layout.BlockHeader, classBytes(a.Block(off).Class)-layout.BlockHeader)
	crashpoint.At("arena.given")
}

// leaveLimbo puts the block in a slot's limbo on its free list. The caller holds the lock.
func (a *Arena) leaveLimbo(slot uint32) {
	off, s := a.env.Table.Slot(slot).Limbo.Load(), a.state
	b := a.Block(off)
	a.commit(change{
		class: b.Class, block: off, generation: b.Generation.Load(), owner: b.Owner,
		next: s.Free[b.Class], head: off, limboSlot: slot,
		top: s.Top, live: s.Live, used: s.Used,
	})
}

// inherit finishes the large free that a death cut. It runs in the reaper, and returns
// false if a living process has the lock.
func (a *Arena) inherit(dead uint32, me lease.ID) bool {
	row, r := a.env.Table.Slot(dead), &a.state.Redo
	// In this order: if somebody else has made the dead one's change since, its limbo
	// was set before the record was cleared.
	mine := r.Pending.Load() != 0 && r.LimboSlot.Load() == dead
	if !mine && row.Limbo.Load() == 0 {
		return true
	}
	if !a.tryLock(me) {
		return false
	}
	off := row.Limbo.Load()
	a.unlock(me)
	if off == 0 {
		return true
	}
	a.giveBack(off)
	if !a.tryLock(me) {
		return false
	}
	defer a.unlock(me)
	a.leaveLimbo(dead)
	return true
}

// change is a planned change of the allocator, in absolute values: layout.Redo before
// it is written.
type change struct {
	class, generation, kind, owner, limboSlot uint32

	block, limbo, bytes, next, head, top, live, used, receiver uint64
}

// commit records a change, makes it and forgets the record.
func (a *Arena) commit(c change) {
	crashpoint.At("arena.planned")
	r := &a.state.Redo
	r.Class, r.Block, r.Generation, r.Kind = c.class, c.block, c.generation, c.kind
	r.Owner, r.Bytes, r.Next, r.Head = c.owner, c.bytes, c.next, c.head
	crashpoint.At("arena.writing")
	r.LimboSlot.Store(c.limboSlot)
	r.Limbo, r.Top, r.Live, r.Used, r.Receiver = c.limbo, c.top, c.live, c.used, c.receiver
	crashpoint.At("arena.written")
	r.Pending.Store(1)
	crashpoint.At("arena.pending")
	a.apply()
}

// apply makes the recorded change. It may have been made before, in part or whole.
func (a *Arena) apply() {
	r, s := &a.state.Redo, a.state
	b := a.Block(r.Block)
	b.Class, b.Kind, b.Owner, b.Bytes, b.Next = r.Class, r.Kind, r.Owner, r.Bytes, r.Next
	crashpoint.At("arena.block")
	b.Generation.Store(r.Generation)
	s.Free[r.Class] = r.Head
	crashpoint.At("arena.head")
	s.Top, s.Live, s.Used = r.Top, r.Live, r.Used
	if slot := r.LimboSlot.Load(); slot != 0 {
		a.env.Table.Slot(slot).Limbo.Store(r.Limbo)
	}
	if r.Receiver != 0 {
		a.word(r.Receiver).Store(received(r))
	}
	crashpoint.At("arena.applied")
	r.Pending.Store(0)
}

// received is what the receiver of a block reads after a change.
func received(r *layout.Redo) uint64 {
	if r.Generation%2 == 0 {
		return 0
	}
	return r.Block
}

// Settle makes the change that a dead process left pending, if there is one: before somebody takes over
// a word that it may be about to receive.
func (a *Arena) Settle(me lease.ID) error {
	if err := a.lock(me); err != nil {
		return err
	}
	a.unlock(me)
	return nil
}
