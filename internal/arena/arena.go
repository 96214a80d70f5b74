package arena

import (
	"context"
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
	if lock.Abandoned(&a.state.Lock) {
		if a.state.Redo.Pending.Load() != 0 {
			a.apply()
		}
		lock.Repaired(&a.state.Lock, me)
	}
	return nil
}

func (a *Arena) unlock(me lease.ID) { a.env.Release(&a.place, me) }

// Alloc gets a block whose zeroed payload has n bytes, for the process me, and returns
// its offset. The error is a [memory.FullError].
func (a *Arena) Alloc(n uint64, kind uint32, me lease.ID) (uint64, error) {
	class, ok := uint32(0), false
	if n < a.mem.Size() {
		class, ok = classOf(n + layout.BlockHeader)
	}
	if !ok {
		return 0, &memory.FullError{Need: n, Have: a.mem.Size(), Err: memory.ErrLimit}
	}
	for {
		off, top, err := a.tryAlloc(n, kind, class, me)
		if err != nil {
			return 0, err
		}
		if off != 0 {
			return off, a.prepare(off, n, top, me)
		}
		if err := a.mem.Grow(top, classBytes(class)); err != nil {
			return 0, err
		}
	}
}

// tryAlloc takes a block if there is one, or memory for one, without asking the
// system. It returns the old end of the used part.
func (a *Arena) tryAlloc(n uint64, kind, class uint32, me lease.ID) (off, top uint64, err error) {
	if err := a.lock(me); err != nil {
		return 0, 0, err
	}
	defer a.unlock(me)
	s := a.state
	r := layout.Redo{
		Class: class, Kind: kind, Owner: uint32(me), Bytes: n,
		Top: s.Top, Live: s.Live + 1, Used: s.Used + classBytes(class),
	}
	if r.Block = s.Free[class]; r.Block != 0 {
		b := a.Block(r.Block)
		r.Generation = b.Generation.Load() + 1
		r.Head = b.Next
	} else {
		at, ok := a.mem.Fit(s.Top, classBytes(class))
		if !ok {
			return 0, s.Top, nil
		}
		r.Block, r.Top, r.Generation = at, at+classBytes(class), 1
	}
	top = s.Top
	a.commit(&r)
	return r.Block, top, nil
}

// prepare makes the payload of a new block usable: a used block is zeroed, and one
// that gave its pages back gets them again.
func (a *Arena) prepare(off, n, top uint64, me lease.ID) error {
	b := a.Block(off)
	if off >= top {
		return nil // never used before
	}
	if classBytes(b.Class) >= large {
		if err := a.mem.Back(off, n+layout.BlockHeader); err != nil {
			a.Free(off, b.Generation.Load(), me, nil)
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
	if classBytes(a.Block(off).Class) < large {
		return a.free(off, generation, me, false, last)
	}
	a.limbo.Lock()
	defer a.limbo.Unlock()
	if err := a.free(off, generation, me, true, last); err != nil {
		return err
	}
	crashpoint.At("arena.limbo")
	return a.leaveLimbo(me.Slot(), me)
}

// free ends the life of a block: it goes to its free list or, if it is large, first
// to the limbo of this process.
func (a *Arena) free(off uint64, generation uint32, me lease.ID, limbo bool, last func()) error {
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
	r := layout.Redo{
		Class: b.Class, Block: off, Generation: generation + 1, Owner: uint32(me),
		Next: s.Free[b.Class], Head: off,
		Top: s.Top, Live: s.Live - 1, Used: s.Used - classBytes(b.Class),
	}
	if limbo {
		r.Next, r.Head = 0, s.Free[b.Class]
		r.LimboSlot, r.Limbo = me.Slot(), off
	}
	a.commit(&r)
	return nil
}

// leaveLimbo gives the pages of the block in a slot's limbo back and puts the block
// on its free list. The slot is this process's, or a dead one's that it reaps.
func (a *Arena) leaveLimbo(slot uint32, me lease.ID) error {
	off, err := a.inLimbo(slot, me)
	if off == 0 || err != nil {
		return err
	}
	b := a.Block(off)
	a.mem.GiveBack(off+layout.BlockHeader, classBytes(b.Class)-layout.BlockHeader)
	crashpoint.At("arena.given")
	if err := a.lock(me); err != nil {
		return err
	}
	defer a.unlock(me)
	s := a.state
	a.commit(&layout.Redo{
		Class: b.Class, Block: off, Generation: b.Generation.Load(), Owner: b.Owner,
		Next: s.Free[b.Class], Head: off, LimboSlot: slot,
		Top: s.Top, Live: s.Live, Used: s.Used,
	})
	return nil
}

// inLimbo looks into a slot's limbo under the lock, so after any pending change.
func (a *Arena) inLimbo(slot uint32, me lease.ID) (uint64, error) {
	if err := a.lock(me); err != nil {
		return 0, err
	}
	defer a.unlock(me)
	return a.env.Table.Slot(slot).Limbo.Load(), nil
}

// inherit finishes the large free that a death cut. It runs in the reaper.
func (a *Arena) inherit(dead uint32, me lease.ID) {
	if a.env.Table.Slot(dead).Limbo.Load() != 0 || a.state.Redo.Pending.Load() != 0 {
		_ = a.leaveLimbo(dead, me) // the lock is never closed
	}
}

// commit records a change, makes it and forgets the record.
func (a *Arena) commit(r *layout.Redo) {
	crashpoint.At("arena.planned")
	dst := &a.state.Redo
	dst.Class, dst.Block, dst.Generation, dst.Kind = r.Class, r.Block, r.Generation, r.Kind
	dst.Owner, dst.Bytes, dst.Next, dst.Head = r.Owner, r.Bytes, r.Next, r.Head
	dst.LimboSlot, dst.Limbo = r.LimboSlot, r.Limbo
	dst.Top, dst.Live, dst.Used = r.Top, r.Live, r.Used
	crashpoint.At("arena.written")
	dst.Pending.Store(1)
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
	if r.LimboSlot != 0 {
		a.env.Table.Slot(r.LimboSlot).Limbo.Store(r.Limbo)
	}
	crashpoint.At("arena.applied")
	r.Pending.Store(0)
}
