package psync_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/psync"
)

type hoarding struct {
	S   *psync.Semaphore
	How string
}

var hoarded = make(chan psync.Permit, 1) // in goroutine mode

// hoard ends while it holds permits, in the ways that are a death in both modes.
var hoard = multiproc.Proc("hoard", func(ctx context.Context, h hoarding) error {
	if _, err := h.S.Acquire(ctx); err != nil {
		return err
	}
	p, err := h.S.AcquireN(ctx, 2)
	if err != nil {
		return err
	}
	switch h.How {
	case "panic":
		panic("with a permit")
	case "Goexit":
		runtime.Goexit()
	case "error":
		return errTest
	case "try":
		h.S.TryAcquire()
	case "wait": // has no owner
		return h.S.Wait(ctx)
	case "do":
		return h.S.Do(ctx, func() error { panic("with one more") })
	case "late":
		multiproc.AtExit(ctx, p.Release)
	case "outlive":
		hoarded <- p
	}
	return nil
})

func TestPermitsOfTheDead(t *testing.T) {
	for _, how := range []string{"return", "error", "panic", "Goexit", "try", "wait", "do", "late"} {
		t.Run(how, func(t *testing.T) {
			s := newSemaphore(t, 5)
			left := 5
			for range 3 {
				p, err := multiproc.Start(t.Context(), hoard.With(hoarding{s, how}))
				must(t, err)
				p.Wait(modetest.Patient(t))
				if how == "wait" {
					left--
				}
				if left < 4 {
					break // it could not have another
				}
			}
			wantPermits(t, s, left)
		})
	}
}

// TestPermitOutlivesItsEntry: what a goroutine releases that counts as dead is not released twice, nor is what somebody has now who got its hold.
func TestPermitOutlivesItsEntry(t *testing.T) {
	modetest.NeedGoroutines(t, "a goroutine does not outlive its process")
	s := newSemaphore(t, 3)
	p, err := multiproc.Start(t.Context(), hoard.With(hoarding{s, "outlive"}))
	must(t, err)
	must(t, p.Wait(modetest.Patient(t)))
	late := modetest.Receive(t, hoarded, "permit")
	one, two := mustAcquire(t, s, 1), mustAcquire(t, s, 2)
	late.Release()
	wantPermits(t, s, 0)
	one.Release()
	two.Release()
	wantPermits(t, s, 3)
}
