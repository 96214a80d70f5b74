package soak_test

import (
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/internal/crashtest/soak"
	"github.com/multiproc-go/multiproc/internal/modetest"
)

// TestKillPool does to pools what TestKillAtRandom does to a family.
func TestKillPool(t *testing.T) {
	modetest.NeedProcess(t, "a goroutine cannot be killed")
	seconds := envInt("MULTIPROC_KILL_SECONDS", 2)
	seed := uint64(envInt("MULTIPROC_KILL_SEED", time.Now().UnixNano()))
	t.Logf("MULTIPROC_KILL_SEED=%d", seed)
	report, err := soak.RunPool(t.Context(), soak.Options{Processes: 3, For: time.Duration(seconds) * time.Second, Seed: seed})
	t.Log(report)
	if err != nil {
		t.Error(err)
	}
	if report.Kills == 0 || report.Deaths == 0 {
		t.Error("nobody died")
	}
}
