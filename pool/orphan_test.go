package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/pool"
	"github.com/multiproc-go/multiproc/shm"
)

// owner has a pool of its own, whose workers are at a task that waits for the end of its context.
var owner = multiproc.Proc("owner", func(ctx context.Context, begun *shm.Value[int64]) error {
	p, err := pool.New(ctx, pool.Options{Workers: 2, Worker: multiproc.Options{Grace: 50 * time.Millisecond}})
	if err != nil {
		return err
	}
	for range 2 {
		pool.Submit(ctx, p, waits, begun)
	}
	<-ctx.Done()
	return p.Wait(context.WithoutCancel(ctx))
})

// TestOwnerIsKilled: its workers end too. That nothing is left behind is what TestMain looks for.
func TestOwnerIsKilled(t *testing.T) {
	modetest.NeedProcess(t, "a goroutine cannot be killed")
	begun := newValue(t)
	p, err := multiproc.Start(t.Context(), owner.With(begun))
	if err != nil {
		t.Fatal(err)
	}
	await(t, begun, 2)
	if err := p.Kill(); err != nil {
		t.Error(err)
	}
	<-p.Done()
}

// TestPoolInAChild: any process may have a pool.
func TestPoolInAChild(t *testing.T) {
	begun := newValue(t)
	ctx, cancel := context.WithCancel(t.Context())
	p, err := multiproc.Start(ctx, owner.With(begun))
	if err != nil {
		t.Fatal(err)
	}
	await(t, begun, 2)
	cancel()
	if err := p.Wait(modetest.Patient(t)); err == nil {
		t.Error("the pool has not said why it ended")
	}
}
