package lease

import (
	"time"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/sys"
)

const (
	// confirmPatience is how long Confirm looks for proof at once. It usually comes a
	// tenth of a millisecond after the mark, but the dying need the CPU for it.
	confirmPatience = 2 * time.Millisecond
	// provingTurn is how long others leave a death to whoever has begun on it.
	provingTurn = 5 * time.Millisecond
	// wakingPause is about how long those who were woken first have the CPUs for themselves.
	wakingPause = 20 * time.Microsecond
)

// Confirm reports to me whether id is proven to write no more. For a process that is
// only marked as dead it looks for the proof for a short while, unless somebody else
// does: a crowd that looks keeps the dying from the CPU.
func (t *Table) Confirm(id, me ID) bool { return t.confirm(id, me) == proven }

// verdict is how a search for proof ended.
type verdict int

const (
	proven    verdict = iota
	living            // not even marked
	unproven          // and the caller's to look for again
	elsewhere         // somebody else's, who looks for the proof or announces
)

func (t *Table) confirm(id, me ID) verdict {
	switch t.State(id) {
	case Gone:
		return proven
	case Alive:
		return living
	}
	turn, ok := t.claim(id, me, false)
	if !ok {
		return elsewhere
	}
	crashpoint.At("lease.claim")
	began, pause := time.Now(), 10*time.Microsecond
	for attempt := 1; ; attempt++ {
		if t.State(id) == Gone || t.prove(id, attempt%6 == 0) {
			return proven
		}
		if time.Since(began) > confirmPatience {
			t.Row(id).Proving.CompareAndSwap(turn, 0)
			return unproven
		}
		sys.Nap(pause)
		pause = min(2*pause, confirmPatience/4)
	}
}

// A turn is when it ends and, in the low bits, whose it is, or 0 for nobody's, and what for.
const (
	turnSlot       = layout.Slots - 1
	turnAnnouncing = layout.Slots
	turnLow        = turnSlot | turnAnnouncing
)

func turnFor(slot uint32) uint64 {
	return (sys.Monotonic()+uint64(provingTurn))&^turnLow | uint64(slot)
}

// claim makes id's death me's for a while: to look for its proof, or to announce it, for which
// it is taken from whoever still looks.
func (t *Table) claim(id, me ID, announcing bool) (turn uint64, ok bool) {
	if t.local {
		return 0, true
	}
	word := &t.Row(id).Proving
	other := word.Load()
	if slot := other & turnSlot; other > sys.Monotonic() && (!announcing || other&turnAnnouncing != 0) &&
		(slot == 0 || isLive(t.leases[slot].Word.Load())) {
		return 0, false
	}
	turn = turnFor(me.Slot())
	if announcing {
		turn |= turnAnnouncing
	}
	return turn, word.CompareAndSwap(other, turn)
}

// Leave says that id, this process, is about to end by itself. Its parent, who waits for it,
// is the first to know; for a while nobody else looks for the proof, which would only get into
// the kernel's way.
func (t *Table) Leave(id ID) {
	t.Row(id).Proving.Store(turnFor(0))
}

// prove looks once whether a marked process has stopped, and records it.
func (t *Table) prove(id ID, thorough bool) bool {
	row := t.Row(id)
	pid, start := row.Pid.Load(), row.Start.Load()
	g := row.Generation.Load()
	if makeID(id.Slot(), g) != id {
		return true
	}
	// Without a pid it died before its registration was complete, and so before
	// it could write to anything that it shares.
	if !t.local && pid != 0 && !sys.Stopped(int(pid), start, t.inode, thorough) {
		return false
	}
	row.Confirmed.Store(g)
	return true
}

// announce tells the whole family that id, of generation g, is dead. The slot may be
// somebody else's before it ends: then it has announced a death once too often.
func (t *Table) announce(id ID, g uint32) {
	crashpoint.At("lease.announce")
	t.header.Epoch.Add(1)
	crashpoint.At("lease.epoch")
	// Few at a time, and more each time, for they may go to sleep again meanwhile: a crowd
	// would take the CPU from the first of them, who has the lock by then.
	for n := 1; ; n *= 2 {
		woken := t.Hooks.Wake(&t.header.Epoch, n)
		crashpoint.At("lease.waking")
		if woken < n {
			break
		}
		sys.Nap(wakingPause)
	}
	fallback := t.header.Fallback.Load() != 0
	t.live(func(slot uint32) {
		if fallback {
			t.Hooks.Recorded(&t.slots[slot])
		}
		if t.descends(t.id(slot), id) {
			t.ring(slot)
		}
	})
	crashpoint.At("lease.told")
	t.Row(id).Announced.Store(g)
}

// bury does all that a marked death asks for, but for one that cannot be proven yet.
func (t *Table) bury(slot uint32, me ID) verdict {
	row, word := &t.slots[slot], &t.leases[slot].Word
	g := row.Generation.Load()
	id := makeID(slot, g)
	if v := t.confirm(id, me); v != proven {
		return v
	}
	if row.Generation.Load() == g && row.Announced.Load() != g {
		if _, ok := t.claim(id, me, true); !ok {
			return elsewhere
		}
		t.announce(id, g)
	}
	if !word.CompareAndSwap(layout.LeaseDead, layout.LeaseReaping|me.Slot()) {
		return proven // another reaper has it
	}
	crashpoint.At("lease.reaping")
	// The slot is ours, whoever died in it: it may be another than the one above.
	if now := row.Generation.Load(); now != g {
		g, id = now, makeID(slot, now)
		if row.Confirmed.Load() != g && !t.prove(id, true) {
			word.Store(layout.LeaseDead)
			return unproven
		}
	}
	if row.Announced.Load() != g {
		t.announce(id, g)
	}
	t.inherit(slot)
	if !t.Hooks.Inherit(slot, me) {
		word.Store(layout.LeaseDead)
		return unproven
	}
	crashpoint.At("lease.reaped")
	word.Store(0)
	t.neighbours(slot, t.ring)
	return proven
}

// inherit gives back what a dead process had claimed: slots for children that have
// not registered, and slots that it was reaping.
func (t *Table) inherit(dead uint32) {
	for slot := uint32(1); slot <= t.header.High.Load(); slot++ {
		word := &t.leases[slot].Word
		switch w := word.Load(); {
		case slot == dead:
		case w == layout.LeaseReserved|dead, w == layout.LeaseReaping|dead:
			word.CompareAndSwap(w, layout.LeaseDead)
		}
	}
}

// Scan looks at the whole table on behalf of me and buries the dead. If a death could
// not be proven yet, it returns when to look again: soon, or if others look for the
// proof, late enough for a large family not to keep the dying from the CPU.
func (t *Table) Scan(me ID) (again time.Duration) {
	for found := true; found; {
		found = false
		alive, mine, others := 0, false, false
		for slot := uint32(1); slot <= t.header.High.Load(); slot++ {
			word := t.leases[slot].Word.Load()
			if isLive(word) {
				alive++
			}
			if word != layout.LeaseDead {
				continue
			}
			switch t.bury(slot, me) {
			case proven:
				found = true // it may have left slots below this one
			case unproven:
				mine = true
			case elsewhere:
				others = true
			}
		}
		switch {
		case mine:
			again = soon
		case others:
			again = late + time.Duration(alive)*late/64
		default:
			again = 0
		}
	}
	return again
}

// Collect ends the slot of a child that me has waited for, or could not start,
// whatever state it is in. To have waited for a process is proof of its death.
func (t *Table) Collect(id, me ID) {
	row, word := t.Row(id), t.lease(id)
	w, g := word.Load(), row.Generation.Load()
	if makeID(id.Slot(), g) != id {
		return // buried and used again
	}
	if w == layout.LeaseReserved|me.Slot() || isLive(w) {
		word.CompareAndSwap(w, layout.LeaseDead)
	}
	row.Confirmed.Store(g) // if it is another's by now, that of a generation long gone
	if t.Scan(me) != 0 {
		t.Ring(me) // the warden comes again
	}
}

// EndLocal is the death of a member that is a goroutine of this process, in which me
// lives on.
func (t *Table) EndLocal(id, me ID) {
	if t.lease(id).CompareAndSwap(localThread|layout.LeaseWaiters, layout.LeaseDead) {
		t.Scan(me)
	}
}

// neighbours calls f for the live slots whose wardens watch slot.
func (t *Table) neighbours(slot uint32, f func(uint32)) {
	high := t.header.High.Load()
	found := 0
	for i := uint32(1); i <= high && found < successors; i++ {
		prev := slot - i
		if i >= slot {
			prev += high // around; row 0 is nobody
		}
		if prev != slot && prev >= 1 && prev <= high && isLive(t.leases[prev].Word.Load()) {
			found++
			f(prev)
		}
	}
}
