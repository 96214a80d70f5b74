package sema

import (
	"context"
	"math"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/holds"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
)

// BeginClose closes the semaphore for all who come from now on. It returns false if somebody has done so before.
func (s *Sema) BeginClose() bool {
	if !s.Queue.Live() || !s.Holds.Env.BeginClose(&s.Queue) {
		return false
	}
	crashpoint.At("sema.closing")
	s.shutAll()
	return true
}

// WakeAll wakes all who wait, to find it closed.
func (s *Sema) WakeAll() {
	s.Holds.Env.WakeAll(&s.Queue)
	s.Holds.Env.Hub.Wake(&s.X.Freed, math.MaxInt32)
}

// Closed reports whether the semaphore was closed, so that the last who leaves has to see to the rest.
func (s *Sema) Closed() bool { return s.Queue.Closing() }

// Finish frees a semaphore that was closed, if nobody waits for it or holds permits of it any more. Everybody who leaves a closed
// semaphore calls it, so that the last one finds nobody. free frees the object's block and calls what it is given before.
func (s *Sema) Finish(me lease.ID, free func(last func()) error) {
	env := s.Holds.Env
	for s.Queue.Live() && s.Queue.Closing() {
		if !lock.Closed(s.Queue.Lock) && !env.TryAcquire(&s.Queue, me) {
			return
		}
		if env.Acquire(context.Background(), &s.Books, me) != nil {
			return // somebody has done it
		}
		s.shutAll() // whoever closed it may have died before that, and who had the books may have opened one
		if !s.Holds.AnyHeld(me) {
			crashpoint.At("sema.finish")
			s.Holds.Free(me)
			// An error says that another has done it.
			_ = free(func() {
				holds.Void(s.X.Holds[:])
				s.X.Pool.Word.Store(0)
				env.Close(s.Queue.Lock)
				env.Close(s.Books.Lock)
			})
			return
		}
		env.Release(&s.Books, me)
		env.Release(&s.Queue, me)
		if s.Holds.AnyHeld(me) {
			return // who gives back from now on finds both free
		}
	}
}
