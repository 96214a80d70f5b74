package soak_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/internal/crashtest/soak"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/multiproctest"
)

func TestMain(m *testing.M) { multiproctest.Main(m) }

func envInt(name string, otherwise int64) int64 {
	if n, err := strconv.ParseInt(os.Getenv(name), 10, 64); err == nil {
		return n
	}
	return otherwise
}

// TestKillAtRandom kills workers at random and at named moments and replaces them. Set
// MULTIPROC_KILL_SECONDS for a longer run and MULTIPROC_KILL_SEED to repeat one.
func TestKillAtRandom(t *testing.T) {
	modetest.NeedProcess(t, "a goroutine cannot be killed")
	seconds := envInt("MULTIPROC_KILL_SECONDS", 2)
	seed := uint64(envInt("MULTIPROC_KILL_SEED", time.Now().UnixNano()))
	t.Logf("MULTIPROC_KILL_SEED=%d", seed)
	report, err := soak.Run(t.Context(), soak.Options{Processes: 7, For: time.Duration(seconds) * time.Second, Seed: seed})
	t.Log(report)
	if err != nil {
		t.Error(err)
	}
	if report.Total() == 0 {
		t.Error("nobody died")
	}
}

// TestOtherWays does the same without futex_waitv, and with locks that are released by a store.
func TestOtherWays(t *testing.T) {
	modetest.RunInOtherWays(t, "AtRandom$")
}
