package queue_test

import (
	"context"
	"errors"
	"testing"

	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/ring"
	"github.com/multiproc-go/multiproc/queue"
)

// A handle that somebody else's Close made stale names a block that may be another queue by now. Who
// uses it must not take that queue's lock for his own because his process holds it.
func TestStaleHandleReleasesNobodysLock(t *testing.T) {
	ctx := context.Background()
	config := ring.Config{Kind: layout.KindQueue, Size: 8, Capacity: 8, Leases: 1}
	newRing := func() *ring.Ring {
		r, err := ring.New(config)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	old := newRing()
	stale := old.BoundTo(old.Member()) // which does not learn of the Close
	if err := old.Close(old.Me(ctx)); err != nil {
		t.Fatal(err)
	}
	r := newRing()
	defer func() { r.Close(r.Me(ctx)) }()
	if r.Name() != stale.Name() {
		t.Fatalf("%s was not made in the block of %s", r.Name(), stale.Name())
	}
	me := r.Me(ctx)
	pos, _, err := r.BeginPut(ctx, me, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := stale.BeginPut(ctx, me, false); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("BeginPut of the stale handle: %v, want ErrClosed", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, _, err := r.BeginPut(ended, me, true); !errors.Is(err, context.Canceled) {
		t.Errorf("a second BeginPut while the first holds the lock: %v, want context.Canceled", err)
	}
	r.EndPut(me, pos, 1)
}
