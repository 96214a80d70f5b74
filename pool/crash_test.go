package pool_test

import (
	"context"
	"errors"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/pool"
	"github.com/multiproc-go/multiproc/shm"
)

type bomb struct {
	Point string
	Left  *shm.Value[int64] // times that the point is passed before
}

// arm makes the worker that is the one to pass a point die there.
var arm = multiproc.Proc("arm", func(_ context.Context, b bomb) error {
	crashpoint.Set(func(name string) {
		if name == b.Point && shm.Add(b.Left, -1) == 0 {
			suicide()
		}
	})
	return nil
})

// TestCrash: a worker dies at each step of a task. Only the task that it had begun and not finished fails.
func TestCrash(t *testing.T) {
	modetest.NeedProcess(t, "a goroutine cannot be killed")
	for point, fails := range map[string]int{"pool.begun": 1, "pool.ran": 1, "pool.logged": 0, "pool.sent": 0} {
		for _, chunk := range []int{1, 16} {
			left := newValue(t)
			left.Store(10)
			if point == "pool.sent" {
				left.Store(2) // many results go at a time
			}
			p := newPool(t, pool.Options{Workers: 2, Chunk: chunk, Init: arm.With(bomb{point, left})})
			const n = 2000
			runs, err := shm.NewArray[int32](n)
			if err != nil {
				t.Fatal(err)
			}
			ended, failed := make([]int, n), 0
			inputs := func(yield func(counted) bool) {
				for i := 0; i < n && yield(counted{runs, i}); i++ {
				}
			}
			for i, err := range pool.MapUnordered(modetest.Patient(t), p, count, inputs) {
				if item, ok := errors.AsType[*pool.ItemError](err); ok && errors.Is(err, pool.ErrWorkerDied) {
					i = item.Index
					failed++
				} else if err != nil {
					t.Fatal(err)
				}
				ended[i]++
			}
			if point == "pool.sent" && failed == 1 {
				failed = 0 // it was sent because the next task, which had begun, took long
			}
			if failed != fails || left.Load() > 0 {
				t.Errorf("%s, chunk %d: %d failed, want %d; %d left", point, chunk, failed, fails, left.Load())
			}
			for i := range n {
				if ended[i] != 1 || runs.Slice()[i] > 1 {
					t.Errorf("%s, chunk %d: task %d ended %d times and ran %d times", point, chunk, i, ended[i], runs.Slice()[i])
				}
			}
			runs.Close()
		}
	}
}
