package holds

import (
	"github.com/multiproc-go/multiproc/internal/arena"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
)

// List is the holds of one object, as a handle sees it.
type List struct {
	Env   *lock.Env
	Arena *arena.Arena
	Block *layout.Block // the object's
	Gen   uint32
	Tag   uint64 // in the place that it has in a word
	First []layout.Hold
	More  *layout.HoldLink

	// Taken is the slots in which somebody holds the object, of a hold whose word is w.
	Taken func(h *layout.Hold, w uint64) uint64
}

// TagOf is what the words of an object carry: of the generation of its block, which is odd, and of its offset, for a chunk may go from
// one object to another that is as young.
func TagOf(gen uint32, off uint64) uint64 {
	const golden = 0x9e3779b97f4a7c15
	return ((uint64(gen>>1)+off*golden>>40)%1023 + 1) << layout.HoldTagShift
}

// Live reports whether the object's block has not been freed.
func (l *List) Live() bool { return l.Block.Generation.Load() == l.Gen }

// Each calls f for every hold until it returns false. What it finds in an object that was closed may be
// another's; it is always holds.
func (l *List) Each(f func(*layout.Hold) bool) {
	for i := range l.First {
		if !f(&l.First[i]) {
			return
		}
	}
	link := l.More
	for range layout.Slots { // no more chunks than that: the links are not to be believed
		_, c := l.follow(link)
		if c == nil {
			return
		}
		for i := range c.Holds {
			if !f(&c.Holds[i]) {
				return
			}
		}
		link = &c.More
	}
}

// follow goes from a link to its chunk, nil if there is none.
func (l *List) follow(link *layout.HoldLink) (off uint64, c *layout.HoldChunk) {
	if off = link.Off.Load(); off == 0 {
		return 0, nil
	}
	if ok, _ := l.Arena.Valid(off, link.Gen, layout.KindHolds, chunkBytes); !ok {
		return 0, nil
	}
	return off, l.chunk(off)
}

// holder is who owns a hold in which something may be; 0 if nobody does.
func holder(h *layout.Hold) lease.ID {
	o := h.Owner.Load()
	if o&layout.HoldClaiming != 0 {
		return 0
	}
	return lease.ID(o & layout.LockOwner)
}

// Held reports whether a process that may still write holds h, with a slot taken. To
// know of a death, it asks for the proof, in the name of me.
func (l *List) Held(h *layout.Hold, me lease.ID) bool {
	o := holder(h) // before the word: a hold that was claimed meanwhile is looked at again by its new owner
	w := h.Word.Load()
	if o == 0 || w&layout.HoldTag != l.Tag {
		return false
	}
	return l.Taken(h, w) != 0 && !l.Gone(o, me)
}

// Gone reports whether a process is proven to write no more.
func (l *List) Gone(o, me lease.ID) bool {
	switch l.Env.Table.State(o) {
	case lease.Gone:
		return true
	case lease.Alive:
		return false
	}
	if !l.Env.Table.Confirm(o, me) {
		return false
	}
	l.Env.Table.Ring(me) // this may have found the proof, and nobody has announced the death
	return true
}

// AnyHeld reports whether any process that may still write holds the object.
func (l *List) AnyHeld(me lease.ID) (held bool) {
	l.Each(func(h *layout.Hold) bool {
		held = l.Held(h, me)
		return !held
	})
	return held
}

// Grow links a chunk of empty holds to the object. The caller holds the object's lock. A process that dies
// before the last step leaves a block that names it.
func (l *List) Grow(me lease.ID) error {
	off, err := l.Arena.Alloc(chunkBytes, layout.KindHolds, me)
	if err != nil {
		return err
	}
	crashpoint.At("holds.grown")
	link := l.More
	for {
		_, c := l.follow(link)
		if c == nil {
			break
		}
		link = &c.More
	}
	link.Gen = l.Arena.Block(off).Generation.Load()
	link.Off.Store(off)
	return nil
}

// Free frees the chunks. The caller holds the object's lock, the object is closed and nobody
// holds it. The last chunk goes first, so that whoever comes after a death in between finds the rest.
func (l *List) Free(me lease.ID) {
	type piece struct {
		off uint64
		gen uint32
	}
	var chunks []piece
	for link := l.More; ; {
		off, c := l.follow(link)
		if c == nil {
			break
		}
		chunks = append(chunks, piece{off, link.Gen})
		link = &c.More
	}
	for i := len(chunks) - 1; i >= 0; i-- {
		c := l.chunk(chunks[i].off)
		// An error says that another has done it.
		_ = l.Arena.Free(chunks[i].off, chunks[i].gen, me, func() { Void(c.Holds[:]) })
		crashpoint.At("holds.freed")
	}
}

// Void makes every compare-and-swap of a word fail that was read before.
func Void(list []layout.Hold) {
	for i := range list {
		list[i].Word.Store(0)
	}
}
