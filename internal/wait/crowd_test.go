package wait

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// TestCrowd: one leads at a time, and when it is over all of that round go.
func TestCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Crowd
		var leading, old atomic.Int32
		over := make(chan struct{})
		errOver := errors.New("over")
		wait := func(ctx context.Context, round uint64, result chan<- error) {
			result <- c.Wait(ctx, round, func() (bool, error) {
				if n := leading.Add(1); n != 1 {
					t.Errorf("%d lead", n)
				}
				defer leading.Add(-1)
				select {
				case <-over:
					return true, errOver
				case <-ctx.Done():
					return false, ctx.Err()
				}
			})
		}
		const waiters = 10
		gaveUp, stayed := make(chan error, waiters), make(chan error, waiters)
		var cancels []context.CancelFunc
		for i := range waiters {
			if i%2 == 0 {
				ctx, cancel := context.WithCancel(t.Context())
				cancels = append(cancels, cancel)
				go wait(ctx, 1, gaveUp)
			} else {
				go wait(t.Context(), 1, stayed)
			}
			synctest.Wait()
		}
		for i, cancel := range cancels { // the first of them leads, and then whoever
			cancel()
			synctest.Wait()
			if len(gaveUp) != i+1 || len(stayed) != 0 || leading.Load() != 1 {
				t.Fatalf("%d gave up, %d stayed no longer, %d lead", len(gaveUp), len(stayed), leading.Load())
			}
		}
		// Those of another round have a leader of their own.
		go func() {
			c.Wait(t.Context(), 2, func() (bool, error) { old.Store(1); return true, nil })
		}()
		synctest.Wait()
		if old.Load() != 1 || len(stayed) != 0 {
			t.Error("two rounds are mixed up")
		}
		close(over)
		synctest.Wait()
		if len(stayed) != waiters/2 {
			t.Fatalf("%d of %d", len(stayed), waiters/2)
		}
		for range waiters / 2 {
			if err := <-stayed; err != errOver {
				t.Error(err)
			}
		}
		if c.now != nil {
			t.Error("a round is left")
		}
	})
}

// TestCrowdAllGiveUp: nobody is left, and a later one begins anew.
func TestCrowdAllGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Crowd
		for range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 5)
			for range 5 {
				go func() {
					ended <- c.Wait(ctx, 7, func() (bool, error) { <-ctx.Done(); return false, ctx.Err() })
				}()
			}
			synctest.Wait()
			cancel()
			for range 5 {
				if err := <-ended; err != context.Canceled {
					t.Error(err)
				}
			}
			if c.now != nil {
				t.Error("a round is left")
			}
		}
	})
}
