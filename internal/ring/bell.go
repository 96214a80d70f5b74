package ring

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
	"github.com/multiproc-go/multiproc/internal/sys"
	"github.com/multiproc-go/multiproc/internal/wait"
)

// A bell is the word on which one side sleeps. Bit 0 says that somebody may; the rest counts, so that whoever is about to
// sleep on an old value does not.
//
//	word           transition          made by
//	any            → + 2, sleeps       who is going to sleep, under the lock of his side, before he looks once more
//	sleeps         → + 2, sleeps       the other side after a commit, under its lock; it then wakes as many as it has done things
//	sleeps         → 0                 the same, if fewer slept, and the word has not changed since
//	sleeps         → 0                 Hush, under the lock of the getting side; Unhush marks it again
//
// The commit comes before the look at the bell, the mark before the last look for a commit, both in one order for all: so either
// the sleeper sees the commit, or the committer the mark. The mark stays as long as somebody may sleep. All writes are made under a lock of
// the ring, for from Close on the word may be part of another object.
const (
	bellSleeps uint32 = 1
	bellStep   uint32 = 2
)

// mark says that the caller is going to sleep, and returns the value on which.
func mark(bell *atomic.Uint32) uint32 {
	for {
		w := bell.Load()
		next := (w + bellStep) | bellSleeps
		if bell.CompareAndSwap(w, next) {
			return next
		}
	}
}

// unlockAndRing gives the lock of a side back and wakes up to n of those whose bell it is.
func (r *Ring) unlockAndRing(p *lock.Place, me lease.ID, bell *atomic.Uint32, n int) {
	if bell.Load()&bellSleeps == 0 {
		r.unlock(p, me)
		return
	}
	w := bell.Add(bellStep)
	r.unlock(p, me)
	crashpoint.At("queue.wake")
	if r.env.Hub.Wake(bell, n) >= n {
		return
	}
	if p.Take(me) { // else there will be one wake too many, later
		if p.Live() {
			bell.CompareAndSwap(w, w&^bellSleeps)
		}
		r.unlock(p, me)
	}
}

// need is what a caller waits for.
type need struct {
	get   bool
	lease bool   // a free cell too
	words uint32 // room for a record of that many, or for a slot
	room  uint64 // a cell for a message of that many bytes, which becomes
	cell  uint32

	slept bool // set by await: a wake may have been swallowed
}

// side is the lock and the bell of one who waits.
func (r *Ring) side(n *need) (*lock.Place, *atomic.Uint32, uint64) {
	if n.get {
		return &r.get, &r.q.GetBell, getBellAt
	}
	return &r.put, &r.q.PutBell, putBellAt
}

// await returns with the lock of a side held when what is needed is there. An error means that it is not held. Without
// wait it is ErrEmpty or ErrFull where the caller would have to wait.
func (r *Ring) await(ctx context.Context, me lease.ID, n *need, block bool) error {
	place, bell, bellAt := r.side(n)
	looked, entered := false, false
	defer func() {
		if entered {
			r.env.Hub.Leave(bell)
		}
	}()
	for {
		epoch := r.env.Hub.Epoch() // before anything is looked at: a death in between is then seen below
		if err := r.lock(ctx, place, me); err != nil {
			r.passOn(n, entered)
			return err
		}
		seen := r.see(n, epoch)
		if ok, err := r.ready(me, n); ok {
			return nil
		} else if err != nil {
			r.unlock(place, me)
			r.passOn(n, entered)
			return err
		}
		crashpoint.At("queue.wanting")
		if !block {
			r.unlock(place, me)
			if n.get {
				return ErrEmpty
			}
			return ErrFull
		}
		if !entered {
			r.unlock(place, me)
			if err := ctx.Err(); err != nil {
				return err
			}
			if !looked {
				looked = true
				if r.look(ctx, n, seen) {
					looked = false
					continue
				}
			}
			if err := r.env.Hub.Enter(ctx, bell); err != nil {
				return err
			}
			entered = true
			continue
		}
		value := mark(bell)
		if ok, err := r.ready(me, n); ok {
			return nil
		} else if err != nil {
			r.unlock(place, me)
			return err
		}
		r.unlock(place, me)
		n.slept = true
		crashpoint.At("queue.sleep")
		if err := r.env.Hub.Block(ctx, bell, r.ref.Off+layout.BlockHeader+bellAt, value, epoch, always); err != nil {
			r.passOn(n, true)
			return err
		}
		crashpoint.At("queue.woken")
	}
}

func always() bool { return true }

// AwaitMessage waits until there is a message, and leaves it there. Without block, an error is [ErrEmpty] where it would have to wait.
func (r *Ring) AwaitMessage(ctx context.Context, me lease.ID, block bool) error {
	n := need{get: true}
	if err := r.await(ctx, me, &n, block); err != nil {
		return err
	}
	r.unlock(&r.get, me)
	r.passOn(&n, n.slept) // the wake was for one who takes
	return nil
}

// passOn is called by one who stops waiting: a wake may have been meant for him.
func (r *Ring) passOn(n *need, slept bool) {
	if slept && r.ref.Live() {
		_, bell, _ := r.side(n)
		crashpoint.At("queue.giveup")
		r.env.Hub.Wake(bell, 1) // who has nothing to do sleeps again
	}
}

// other is the position that the other side moves.
func (r *Ring) other(n *need) uint64 {
	if n.get {
		return r.q.Tail.Load()
	}
	return r.q.Head.Load()
}

// sight is what somebody saw who then found that he has to wait. It is taken before he looks for what he needs:
// what is taken later may be what he waits for.
type sight struct {
	pos          uint64
	state, epoch uint32
}

func (r *Ring) see(n *need, epoch uint32) sight { return sight{r.other(n), r.q.State.Load(), epoch} }

// stirred reports whether anything but the position is a reason not to look any longer.
func (r *Ring) stirred(ctx context.Context, n *need, seen sight) bool {
	q := r.q
	return ctx.Err() != nil || !r.ref.Live() || q.State.Load() != seen.state || r.env.Hub.Epoch() != seen.epoch || n.get && returned(q) != 0
}

const (
	// looks is how often a position is looked at before the caller sleeps, and yields how often of
	// these the CPU is left to others in between.
	looks  = 60
	yields = 4
)

// look looks for a while whether there may be a reason to try again. It needs no lock.
func (r *Ring) look(ctx context.Context, n *need, seen sight) bool {
	if r.spin < 0 || wait.Spins == 0 {
		return r.other(n) != seen.pos
	}
	// Who waits for a cell waits for something that moves no position: he does better to sleep.
	long := r.spin > 0 && n.room == 0 && !n.lease
	var until time.Time
	if long {
		until = time.Now().Add(r.spin)
	}
	for i := 0; ; i++ {
		if r.other(n) != seen.pos {
			return true
		}
		switch {
		case i < looks:
			wait.Pause(1 + uint32(i)/8)
		case long:
			if i%8 == 0 && r.stirred(ctx, n, seen) {
				return true
			}
			if time.Now().After(until) {
				return false
			}
			wait.Pause(4)
		case i < looks+yields:
			sys.Yield()
		default:
			return false
		}
	}
}

// wakes names bells.
type wakes struct{ get, put, join bool }

// unlockAndWake gives the lock of a side back and makes all look again whose bells are named.
func (r *Ring) unlockAndWake(p *lock.Place, me lease.ID, w wakes) {
	bells := [...]struct {
		wanted bool
		bell   *atomic.Uint32
	}{{w.get, &r.q.GetBell}, {w.put, &r.q.PutBell}, {w.join, &r.q.JoinBell}}
	for i := range bells {
		b := &bells[i]
		if b.wanted = b.wanted && b.bell.Load()&bellSleeps != 0; b.wanted {
			b.bell.Add(bellStep)
		}
	}
	r.unlock(p, me)
	crashpoint.At("queue.wake")
	for i := range bells {
		if bells[i].wanted {
			r.env.Hub.Wake(bells[i].bell, math.MaxInt32)
		}
	}
}
