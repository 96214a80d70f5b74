package sema

import (
	"context"
	"time"

	"github.com/multiproc-go/multiproc/internal/blocked"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
	"github.com/multiproc-go/multiproc/internal/race"
	"github.com/multiproc-go/multiproc/internal/wait"
)

// patience is how long the first in the queue lets others go before. As long as they may, a process that gives permits back and
// takes them again at once need not wait for another to wake up, which takes a hundred times as long.
const patience = time.Millisecond

// wait is Acquire for one who has found too few permits.
func (s *Sema) wait(ctx context.Context, w Want, me lease.ID) (Holding, error) {
	env := s.Holds.Env
	var blocking *blocked.Wait
	defer func() { blocking.End() }()
	begin := func() {
		if blocking != nil {
			return
		}
		on := s.On
		if w.Unowned {
			on.What |= layout.WaitUnowned
		}
		blocking = env.Book.Begin(ctx, me, on, false)
	}
	if !env.TryAcquire(&s.Queue, me) {
		begin() // behind somebody who waits
		if err := env.Acquire(ctx, &s.Queue, me); err != nil {
			return Holding{}, err
		}
	}
	defer s.leave(me)
	if s.Queue.Closing() {
		return Holding{}, lock.ErrClosed
	}
	h, err := s.lead(ctx, w, me, begin)
	if err != nil {
		crashpoint.At("sema.giveup")
	}
	s.calm()
	crashpoint.At("sema.leave")
	return h, err
}

// leave lets the next in the queue come.
func (s *Sema) leave(me lease.ID) {
	if lock.Abandoned(s.Queue.Lock) { // that its holder died says nothing
		lock.Repaired(s.Queue.Lock, me)
	}
	s.Holds.Env.Release(&s.Queue, me)
}

// lead waits as the first in the queue. It calls begin before it sleeps.
func (s *Sema) lead(ctx context.Context, w Want, me lease.ID, begin func()) (Holding, error) {
	hub, began := s.Holds.Env.Hub, time.Now()
	for looks := 0; ; looks++ {
		epoch := hub.Epoch() // before the words: a death in between is then seen below
		if err := s.open(ctx, me); err != nil {
			return Holding{}, err
		}
		// Before the words, too: who gives back after they were looked at finds it, for they are shut by then.
		seen := s.announce(looks > 0 && time.Since(began) > patience)
		h, ok, err := s.take(w, me)
		s.close(me)
		if ok || err != nil {
			race.Acquire(s.Off)
			return h, err
		}
		if s.changes(seen) {
			continue
		}
		begin()
		asleep := seen | layout.SemaphoreAsleep
		if !s.X.Freed.CompareAndSwap(seen, asleep) {
			continue
		}
		crashpoint.At("sema.sleep")
		if err := hub.Block(ctx, &s.X.Freed, s.Off+layout.SemaphoreFreedAt, asleep, epoch, always); err != nil {
			return Holding{}, err
		}
		crashpoint.At("sema.woken")
	}
}

// always: a death is a reason to look, for the dead may have given something back and told nobody.
func always() bool { return true }

// changes looks for a while whether something is given back.
func (s *Sema) changes(seen uint32) bool {
	for range wait.Spins {
		if s.X.Freed.Load() != seen {
			return true
		}
		wait.Pause(wait.ShortPause)
	}
	return false
}

// announce says that somebody waits, and returns what Freed is then.
func (s *Sema) announce(reserve bool) uint32 {
	for {
		f := s.X.Freed.Load()
		next := f&^layout.SemaphoreAsleep | layout.SemaphoreWaiting
		if reserve {
			next |= layout.SemaphoreReserved
		}
		if f == next || s.X.Freed.CompareAndSwap(f, next) {
			crashpoint.At("sema.announced")
			return next
		}
	}
}

// relieve ends what the first in the queue has left if it died and nobody stands behind it: else all would take the slow path, or wait for
// what is reserved, until somebody waits again.
func (s *Sema) relieve(me lease.ID) {
	if s.Holds.Env.TryAcquire(&s.Queue, me) { // nobody's, or a dead one's
		crashpoint.At("sema.relieve")
		s.calm()
		s.leave(me)
	}
}

// calm says that nobody waits, until the next in the queue says otherwise.
func (s *Sema) calm() {
	for {
		f := s.X.Freed.Load()
		next := f &^ (layout.SemaphoreAsleep | layout.SemaphoreWaiting | layout.SemaphoreReserved)
		if f == next || s.X.Freed.CompareAndSwap(f, next) {
			return
		}
	}
}
