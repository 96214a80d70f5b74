package soak_test

import (
	"context"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/internal/crashtest/soak"
	"github.com/multiproc-go/multiproc/internal/modetest"
)

// TestKillObjectsAtRandom kills those who use one kind of object after another, at random and at named moments. MULTIPROC_KILL_SECONDS, which
// the kinds share, and MULTIPROC_KILL_SEED are as for TestKillAtRandom.
func TestKillObjectsAtRandom(t *testing.T) {
	modetest.NeedProcess(t, "a goroutine cannot be killed")
	kinds := []struct {
		name string
		run  func(context.Context, soak.Options) (soak.Toll, error)
	}{
		{"rwmutex", tollOf(soak.RunRWMutex, func(r soak.RWMutexReport) soak.Toll { return r.Toll })},
		{"cond", tollOf(soak.RunCond, func(r soak.CondReport) soak.Toll { return r.Toll })},
		{"barrier", tollOf(soak.RunBarrier, func(r soak.BarrierReport) soak.Toll { return r.Toll })},
		{"event", tollOf(soak.RunEvent, func(r soak.EventReport) soak.Toll { return r.Toll })},
		{"reentrant", tollOf(soak.RunReentrant, func(r soak.ReentrantReport) soak.Toll { return r.Toll })},
		{"semaphore", tollOf(soak.RunSemaphore, func(r soak.SemaphoreReport) soak.Toll { return r.Toll })},
		{"queue", tollOf(soak.RunQueue, func(r soak.QueueReport) soak.Toll { return r.Toll })},
	}
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			seed := uint64(envInt("MULTIPROC_KILL_SEED", time.Now().UnixNano()))
			t.Logf("MULTIPROC_KILL_SEED=%d", seed)
			o := soak.Options{Processes: 6, Seed: seed, Kills: 40}
			if seconds := envInt("MULTIPROC_KILL_SECONDS", 0); seconds > 0 {
				o.Kills, o.For = 0, time.Duration(seconds)*time.Second/time.Duration(len(kinds))
			}
			toll, err := k.run(t.Context(), o)
			t.Log(toll)
			if err != nil {
				t.Fatal(err)
			}
			if toll.Kills+toll.Deaths == 0 {
				t.Error("nobody died")
			}
		})
	}
}

func tollOf[R any](run func(context.Context, soak.Options) (R, error), toll func(R) soak.Toll) func(context.Context, soak.Options) (soak.Toll, error) {
	return func(ctx context.Context, o soak.Options) (soak.Toll, error) {
		report, err := run(ctx, o)
		return toll(report), err
	}
}
