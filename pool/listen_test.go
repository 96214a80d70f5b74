package pool_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/pool"
)

// TestListeners: those who hear the workers themselves and those who sleep do not lose each other's results. A sleeper looks again
// by itself after an hour only (see TestMain).
func TestListeners(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	p := newPool(t, pool.Options{Workers: 2})
	ctx := modetest.Patient(t)
	var users sync.WaitGroup
	for i := range 4 {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		users.Go(func() {
			for n := range 500 {
				f := pool.Submit(ctx, p, square, n)
				if r.IntN(3) == 0 {
					select {
					case <-f.Done():
					case <-ctx.Done():
					}
				}
				if got, err := f.Result(ctx); err != nil || got != n*n {
					t.Errorf("%d: %d, %v", n, got, err)
					return
				}
				if r.IntN(20) == 0 {
					time.Sleep(time.Duration(r.IntN(300)) * time.Microsecond)
				}
			}
		})
	}
	users.Go(func() {
		for range 10 {
			if _, err := pool.Map(ctx, p, square, numbers(300)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	users.Wait()
}
