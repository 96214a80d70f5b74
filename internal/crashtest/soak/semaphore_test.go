package soak_test

import (
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/internal/crashtest/soak"
	"github.com/multiproc-go/multiproc/internal/modetest"
)

// TestKillSemaphoreAtRandom kills those who hold permits and pass signals, at random and at named moments. MULTIPROC_KILL_SECONDS and
// MULTIPROC_KILL_SEED are as for TestKillAtRandom.
func TestKillSemaphoreAtRandom(t *testing.T) {
	modetest.NeedProcess(t, "a goroutine cannot be killed")
	seed := uint64(envInt("MULTIPROC_KILL_SEED", time.Now().UnixNano()))
	t.Logf("seed %d", seed)
	report, err := soak.RunSemaphore(t.Context(), soak.Options{
		Processes: 6, Seed: seed, For: time.Duration(envInt("MULTIPROC_KILL_SECONDS", 2)) * time.Second,
	})
	t.Log(report)
	if err != nil {
		t.Fatal(err)
	}
	if report.Kills+report.Deaths == 0 {
		t.Error("nobody died")
	}
}
