// Package event is the word of an event, whose states are in [layout.Event]; this package is
// their transitions.
//
// No death can leave a waiter asleep beside an event that was set: Waiters stays set until all were
// woken, so that whoever sets the event again wakes them too; and the announcement of the death of
// whoever was about to wake them wakes them, and they look.
package event

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/multiproc-go/multiproc/internal/blocked"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
	"github.com/multiproc-go/multiproc/internal/race"
	"github.com/multiproc-go/multiproc/internal/wait"
)

// Event is an event as one handle knows it.
type Event struct {
	X     *layout.Event
	Off   uint64        // of the word
	Block *layout.Block // that it lies in
	Gen   uint32        // of the block
	Hub   *wait.Hub
	Book  *blocked.Book
	On    blocked.On // how it is recorded who waits
	crowd wait.Crowd
}

// Begin makes a new event, which nobody else knows yet.
func (e *Event) Begin() {
	// What lies here later shall not look like it.
	e.X.Word.Store(rand.Uint32()&^(layout.EventSet|layout.EventWaiters) | layout.EventOpen)
}

// look reads the word. It is 0 if the event was closed, whosever the word is by then.
func (e *Event) look() uint32 {
	w := e.X.Word.Load()
	if e.Block.Generation.Load() != e.Gen {
		return 0
	}
	return w
}

// Closed reports whether the event was closed.
func (e *Event) Closed() bool { return e.look() == 0 }

// IsSet reports whether the event is set.
func (e *Event) IsSet() bool {
	if e.look()&layout.EventSet == 0 {
		return false
	}
	race.Acquire(e.Off)
	return true
}

// Set sets the event and wakes all who wait.
func (e *Event) Set() error {
	race.Release(e.Off)
	for {
		w := e.look()
		next := w
		switch {
		case w == 0:
			return lock.ErrClosed
		case w&layout.EventSet == 0:
			next = (w + layout.EventTurn) | layout.EventSet | layout.EventOpen
		}
		// A swap even if nothing changes: what was done before this Set is seen by who finds it set.
		if !e.X.Word.CompareAndSwap(w, next) {
			continue
		}
		if next&layout.EventWaiters == 0 {
			return nil
		}
		crashpoint.At("event.set")
		e.Hub.Wake(&e.X.Word, math.MaxInt32)
		crashpoint.At("event.woke")
		e.X.Word.CompareAndSwap(next, next&^layout.EventWaiters)
		return nil
	}
}

// Clear ends the set state.
func (e *Event) Clear() error {
	for {
		w := e.look()
		switch {
		case w == 0:
			return lock.ErrClosed
		case w&layout.EventSet == 0 || e.X.Word.CompareAndSwap(w, w&^layout.EventSet):
			return nil
		}
	}
}

// turn is the part of a word that each Set changes.
func turn(w uint32) uint32 { return w &^ (layout.EventSet | layout.EventWaiters) }

// Wait waits, for the process me, until the event is set, or was set after Wait began. The error is ctx's or ErrClosed.
func (e *Event) Wait(ctx context.Context, me lease.ID) error {
	w := e.look()
	if w == 0 {
		return lock.ErrClosed
	}
	if w&layout.EventSet == 0 {
		began := turn(w)
		blocking := e.Book.Begin(ctx, me, e.On, false)
		defer blocking.End()
		if err := e.crowd.Wait(ctx, uint64(began), func() (bool, error) { return e.lead(ctx, began) }); err != nil {
			return err
		}
	}
	race.Acquire(e.Off)
	return nil
}

func (e *Event) lead(ctx context.Context, began uint32) (over bool, err error) {
	for {
		epoch := e.Hub.Epoch()
		w := e.look()
		if w == 0 {
			return true, lock.ErrClosed
		}
		if w&layout.EventSet != 0 || turn(w) != began {
			return true, nil
		}
		if w&layout.EventWaiters == 0 {
			if !e.X.Word.CompareAndSwap(w, w|layout.EventWaiters) {
				continue
			}
			w |= layout.EventWaiters
		}
		crashpoint.At("event.sleep")
		if err := e.Hub.Block(ctx, &e.X.Word, e.Off, w, epoch, e.Closed); err != nil {
			return false, err
		}
		crashpoint.At("event.woken")
	}
}

// Close makes the event unusable and wakes all. It returns false if somebody has done so before.
// The caller then frees the block.
func (e *Event) Close() bool {
	for {
		w := e.look()
		if w == 0 {
			return false
		}
		if e.X.Word.CompareAndSwap(w, 0) {
			crashpoint.At("event.closed")
			e.Hub.Wake(&e.X.Word, math.MaxInt32)
			return true
		}
	}
}
