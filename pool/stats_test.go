package pool_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/pool"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

func TestStats(t *testing.T) {
	p := newPool(t, pool.Options{Workers: 1, Name: "crew", Chunk: 1})
	begun, end := newValue(t), newValue(t)
	before := time.Now()
	slow := pool.Submit(t.Context(), p, stubborn, stubbornness{begun, end})
	await(t, begun, 1)
	next := pool.Submit(t.Context(), p, whoami, multiproc.None{})
	s := p.Stats()
	if w := s.Workers[0]; s.Running+s.Queued != 2 || s.Running < 1 || s.Done+s.Failed+s.Retried != 0 || w.Task != "stubborn" ||
		w.Since.Before(before) || time.Now().Before(w.Since) || w.Name != "crew-1" || w.Pid == 0 || w.Restarts != 0 {
		t.Errorf("at a task: %+v", s)
	}
	shm.Add(end, 1)
	if _, err := slow.Result(modetest.Patient(t)); err != nil {
		t.Error(err)
	}
	if name, err := next.Result(modetest.Patient(t)); name != "crew-1" || err != nil {
		t.Errorf("it ran in %q, %v", name, err)
	}
	if _, err := pool.Submit(t.Context(), p, halve, 3).Result(modetest.Patient(t)); !errors.Is(err, errOdd) {
		t.Error(err)
	}
	s = p.Stats()
	if w := s.Workers[0]; s.Running+s.Queued != 0 || s.Done != 2 || s.Failed != 1 || w.Done != 3 || w.Busy <= 0 || w.Busy > time.Since(before) || w.Task != "" || !w.Since.IsZero() {
		t.Errorf("idle: %+v", s)
	}
}

// holds panics with a lock.
var holds = multiproc.Func("holds", func(ctx context.Context, mu *psync.Mutex) (int, error) {
	if _, err := mu.Lock(ctx); err != nil {
		return 0, err
	}
	panic("with a lock")
})

// TestPanicAbandons: what a task held when it panicked is Abandoned, as if its process had been killed.
func TestPanicAbandons(t *testing.T) {
	p := newPool(t, pool.Options{Workers: 1})
	mu, err := psync.NewMutex()
	if err != nil {
		t.Fatal(err)
	}
	defer mu.Close()
	if _, err := pool.Submit(t.Context(), p, holds, mu).Result(modetest.Patient(t)); !errors.Is(err, pool.ErrWorkerDied) {
		t.Error(err)
	}
	g, err := mu.Lock(modetest.Patient(t))
	if err != nil {
		t.Fatal(err)
	}
	if !g.Abandoned() {
		t.Error("the lock is not abandoned")
	}
	g.Repaired()
	g.Unlock()
}

// TestContextOfPoolKills: a task that does not heed the end of the pool's context has the grace time.
func TestContextOfPoolKills(t *testing.T) {
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	p, err := pool.New(ctx, pool.Options{Workers: 1, Worker: multiproc.Options{Grace: 20 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	begun, end := newValue(t), newValue(t)
	running := pool.Submit(t.Context(), p, stubborn, stubbornness{begun, end})
	waiting := pool.Submit(t.Context(), p, square, 2)
	await(t, begun, 1)
	cancel(why)
	if _, err := waiting.Result(modetest.Patient(t)); !errors.Is(err, why) {
		t.Error("one that was not begun:", err)
	}
	if _, err := running.Result(modetest.Patient(t)); !errors.Is(err, why) {
		t.Error("the running one:", err)
	}
	if err := p.Wait(modetest.Patient(t)); !errors.Is(err, why) {
		t.Error(err)
	}
	shm.Add(end, 1)
}
