package ring

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/modetest"
)

// TestLookingEnds: who looks at the queue, for longer than this test may take, sees everything that concerns him; also
// what happened after he found nothing and before he began to look.
func TestLookingEnds(t *testing.T) {
	newSpinning := func(t *testing.T) (*Ring, *Held) {
		r := newRing(t, Config{Size: Varying, Capacity: 1, Spin: maxSpin})
		ctx, me := t.Context(), r.Me(t.Context())
		if err := r.PutBytes(ctx, me, []byte("held"), false, true); err != nil {
			t.Fatal(err)
		}
		h, err := r.Lease(ctx, me, true)
		if err != nil {
			t.Fatal(err)
		}
		return r, h
	}
	for _, c := range []struct {
		name   string
		full   bool // the one who looks waits for room
		locked bool // it takes the lock under which one finds that one has to wait
		do     func(r *Ring, h *Held, cancel func()) error
		want   error
	}{
		{"put", false, false, func(r *Ring, _ *Held, _ func()) error {
			return r.PutBytes(context.Background(), r.Me(context.Background()), nil, false, true)
		}, nil},
		{"get", true, false, func(r *Ring, _ *Held, _ func()) error {
			_, _, err := r.GetBytes(context.Background(), r.Me(context.Background()), nil, true)
			return err
		}, nil},
		{"nack", false, true, func(_ *Ring, h *Held, _ func()) error { return h.Nack() }, nil},
		{"cancel", false, false, func(_ *Ring, _ *Held, cancel func()) error { cancel(); return nil }, context.Canceled},
		{"cancel put", true, false, func(_ *Ring, _ *Held, cancel func()) error { cancel(); return nil }, context.Canceled},
		{"drain", true, true, func(r *Ring, _ *Held, _ func()) error { return r.Drain(r.Me(context.Background())) }, ErrDrained},
		{"close", false, true, func(r *Ring, _ *Held, _ func()) error { return r.Close(r.Me(context.Background())) }, family.ErrClosed},
	} {
		for _, early := range []bool{true, false} { // before it begins to look; most probably after
			if early && c.locked {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				r, h := newSpinning(t)
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				me := r.Me(ctx)
				if c.full {
					if err := r.PutBytes(ctx, me, nil, false, true); err != nil {
						t.Fatal(err)
					}
				}
				wanting, goOn := make(chan bool), make(chan bool)
				once := false
				crashpoint.Set(func(name string) {
					if name == "queue.wanting" && !once { // called by one goroutine only
						once = true
						close(wanting)
						if early {
							<-goOn
						}
					}
				})
				defer crashpoint.Set(nil)
				ended := make(chan error, 1)
				go func() {
					if c.full {
						ended <- r.PutBytes(ctx, me, nil, false, true)
						return
					}
					_, _, err := r.GetBytes(ctx, me, nil, true)
					ended <- err
				}()
				modetest.Receive(t, wanting, "wish")
				if !early {
					time.Sleep(time.Millisecond) // to make it probable, no more
				}
				if err := c.do(r, h, cancel); err != nil {
					t.Fatal(err)
				}
				if early {
					close(goOn)
				}
				if err := modetest.Receive(t, ended, "end"); !errors.Is(err, c.want) || c.want == nil && err != nil {
					t.Errorf("%v, want %v", err, c.want)
				}
			})
		}
	}
}
