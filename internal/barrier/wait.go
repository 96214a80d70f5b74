package barrier

import (
	"context"
	"runtime"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
	"github.com/multiproc-go/multiproc/internal/race"
	"github.com/multiproc-go/multiproc/internal/sys"
	"github.com/multiproc-go/multiproc/internal/wait"
)

// Wait is the arrival of me, and waits until all have arrived. The last to arrive runs action, unless it is
// nil, before anybody goes on. It returns how many had arrived before.
func (b *Barrier) Wait(ctx context.Context, me lease.ID, action func() error) (index int, err error) {
	if b.Closed() {
		return 0, lock.ErrClosed
	}
	if err := b.sit(me); err != nil {
		return 0, err
	}
	b.check()
	race.Release(b.Place.Off)
	for {
		s := b.look()
		switch {
		case s == 0:
			return 0, lock.ErrClosed
		case s&layout.BarrierBroken != 0:
			return 0, ErrBroken
		case arrived(s) >= parties(s): // more come than it is for: they are for the next round
			if err := b.await(ctx, me, round(s), false); err != nil {
				return 0, err
			}
			continue
		}
		index = arrived(s)
		last := index == parties(s)-1
		then := s + layout.BarrierArrived
		switch {
		case last && action != nil:
			then |= layout.BarrierActing
		case last:
			then = next(s, parties(s), true)
		}
		if !b.X.State.CompareAndSwap(s, then) {
			continue
		}
		crashpoint.At("barrier.arrived")
		switch {
		case !last:
			err = b.await(ctx, me, round(s), true)
		case action != nil:
			race.Acquire(b.Place.Off)
			err = b.act(round(s), action)
		default:
			b.ring(s)
		}
		if err == nil {
			race.Acquire(b.Place.Off)
		}
		return index, err
	}
}

// act runs the action of the round that all have reached.
func (b *Barrier) act(began uint64, action func() error) (err error) {
	done := false
	defer func() {
		if !done || err != nil { // a panic, too
			b.breakIf(func(s uint64) bool { return round(s) == began })
		}
	}()
	err = action()
	done = true
	if err != nil {
		return err
	}
	crashpoint.At("barrier.acted")
	race.Release(b.Place.Off)
	for {
		s := b.look()
		switch {
		case s == 0:
			return lock.ErrClosed
		case round(s) != began || s&layout.BarrierActing == 0:
			return ErrBroken // meanwhile
		}
		if b.X.State.CompareAndSwap(s, next(s, parties(s), true)) {
			b.ring(s)
			return nil
		}
	}
}

const (
	// spinFor is how often the state is looked at before a waiter sleeps, if all parties can run at once.
	spinFor = 12
	spinGap = 10
	// yieldFor is how often a waiter makes way for others before it sleeps, if they cannot.
	yieldFor = 8
)

// spin looks at the state for a while. Where there are fewer CPUs than parties, those that have not
// arrived need this one.
func (b *Barrier) spin(began uint64) (over bool, err error) {
	s := b.look()
	crowded := parties(s) > runtime.NumCPU()
	looks := spinFor
	if crowded {
		looks = yieldFor
	}
	for range looks {
		if over, err := outcome(s, began); over {
			return true, err
		}
		if crowded {
			sys.Yield()
		} else {
			wait.Pause(spinGap)
		}
		s = b.look()
	}
	return outcome(s, began)
}

// await waits until the round has ended. The caller has arrived in it, or only watches.
func (b *Barrier) await(ctx context.Context, me lease.ID, began uint64, arrived bool) error {
	if over, err := b.spin(began); over {
		return b.passed(err, arrived)
	}
	blocking := b.Env.Book.Begin(ctx, me, b.On, false)
	defer blocking.End()
	err := b.crowd.Wait(ctx, began, func() (bool, error) { return b.lead(ctx, began) })
	if err != nil && err == ctx.Err() {
		if !arrived {
			return err
		}
		return b.withdraw(ctx, began)
	}
	return b.passed(err, arrived)
}

// passed is the result of a wait: who only watched does not care how the round has ended.
func (b *Barrier) passed(err error, arrived bool) error {
	if err == ErrBroken && !arrived {
		return nil
	}
	return err
}

// lead waits for all of this process.
func (b *Barrier) lead(ctx context.Context, began uint64) (over bool, err error) {
	for {
		// In this order: what happens after it was looked at changes what is slept on.
		epoch, bell := b.Env.Hub.Epoch(), b.X.Bell.Load()
		b.check()
		s := b.look()
		if over, err := outcome(s, began); over {
			return true, err
		}
		if s&layout.BarrierSleepers == 0 && !b.X.State.CompareAndSwap(s, s|layout.BarrierSleepers) {
			continue
		}
		crashpoint.At("barrier.sleep")
		err := b.Env.Hub.Block(ctx, &b.X.Bell, b.Place.Off-layout.BarrierLockAt+layout.BarrierBellAt, bell, epoch, always)
		if err != nil {
			return false, err
		}
		crashpoint.At("barrier.woken")
	}
}

// always: a death is a reason to look, for the dead may be a member.
func always() bool { return true }

// withdraw takes an arrival back: it has not happened. If all have arrived and the last one runs its
// action, the round cannot do without the caller any more, and is broken.
func (b *Barrier) withdraw(ctx context.Context, began uint64) error {
	crashpoint.At("barrier.withdraw")
	for {
		s := b.look()
		if over, err := outcome(s, began); over {
			return err
		}
		then := s - layout.BarrierArrived
		if s&layout.BarrierActing != 0 {
			then = broken(s)
		}
		if b.X.State.CompareAndSwap(s, then) {
			if s&layout.BarrierActing != 0 {
				b.ring(s)
			}
			return ctx.Err()
		}
	}
}
