package shm_test

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/internal/race"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// racy are programs in which two goroutines do something at once. The race detector
// must report those where a program would be wrong on real processes, and no other.
var racy = map[string]struct {
	report bool
	run    func(both func(func()), r *racing)
}{
	"load and store": {true, func(both func(func()), r *racing) {
		both(func() { r.small.Store(r.small.Load() + 1) })
	}},
	"load and store, big": {true, func(both func(func()), r *racing) {
		both(func() { r.big.Store(r.big.Load()) })
	}},
	"store and store": {true, func(both func(func()), r *racing) {
		both(func() { r.small.Store(1) })
	}},
	"store and store, big": {true, func(both func(func()), r *racing) {
		both(func() { r.big.Store(wide{}) })
	}},
	"add and load": {true, func(both func(func()), r *racing) {
		both(func() { shm.Add(r.small, 1); r.small.Load() })
	}},
	"elements": {true, func(both func(func()), r *racing) {
		both(func() { r.array.Set(0, r.array.At(0)+1) })
	}},
	"a lock for each": {true, func(both func(func()), r *racing) {
		var turn sync.Mutex
		n := 0
		both(func() {
			turn.Lock()
			mu := r.mu[n]
			n++
			turn.Unlock()
			mu.Do(context.Background(), func() error { r.small.Store(r.small.Load() + 1); return nil })
		})
	}},

	"locked": {false, func(both func(func()), r *racing) {
		both(func() {
			r.mu[0].Do(context.Background(), func() error {
				r.small.Store(r.small.Load() + 1)
				r.big.Store(r.big.Load())
				r.array.Set(0, r.array.At(0)+1)
				return nil
			})
		})
	}},
	"tried": {false, func(both func(func()), r *racing) {
		both(func() {
			for {
				if g, ok := r.mu[0].TryLock(); ok {
					r.small.Store(r.small.Load() + 1)
					g.Unlock()
					return
				}
			}
		})
	}},
	"loads": {false, func(both func(func()), r *racing) {
		both(func() { r.small.Load(); r.big.Load(); r.array.At(0) })
	}},
	"add": {false, func(both func(func()), r *racing) {
		both(func() { shm.Add(r.small, 1); shm.Add(r.float, 1); shm.Add(r.tiny, 1) })
	}},
	"update": {false, func(both func(func()), r *racing) {
		both(func() {
			r.small.Update(context.Background(), func(x *int64) error { *x++; return nil })
			r.big.Update(context.Background(), func(x *wide) error { x.N++; return nil })
			r.array.Update(context.Background(), 0, 2, func(s []int64) error { s[1]++; return nil })
		})
	}},
	"update and add": {false, func(both func(func()), r *racing) {
		both(func() {
			r.small.Update(context.Background(), func(x *int64) error { *x++; return nil })
			shm.Add(r.small, 1)
		})
	}},
	"message by compare and swap": {false, func(both func(func()), r *racing) {
		both(func() {
			if shm.CompareAndSwap(r.tiny, 0, 1) { // the first one writes
				r.small.Store(5)
				r.array.Set(1, 6)
				shm.CompareAndSwap(r.tiny, 1, 2)
				return
			}
			for !shm.CompareAndSwap(r.tiny, 2, 3) {
			}
			if r.small.Load() != 5 || r.array.At(1) != 6 {
				panic("the message did not arrive")
			}
		})
	}},
	"message by add": {false, func(both func(func()), r *racing) {
		both(func() {
			if shm.Add(r.tiny, 1) == 1 {
				r.big.Store(wide{N: 5})
				shm.Add(r.tiny, 10)
				return
			}
			for shm.Add(r.tiny, 0) < 10 {
			}
			if r.big.Load().N != 5 {
				panic("the message did not arrive")
			}
		})
	}},
}

type racing struct {
	small *shm.Value[int64]
	float *shm.Value[float64]
	tiny  *shm.Value[int8]
	big   *shm.Value[wide]
	array *shm.Array[int64]
	mu    [2]*psync.Mutex
}

func init() {
	for name, p := range racy {
		programs[name] = func() error {
			var r racing
			var errs [7]error
			r.small, errs[0] = shm.NewValue[int64](0)
			r.float, errs[1] = shm.NewValue(0.0)
			r.tiny, errs[2] = shm.NewValue[int8](0)
			r.big, errs[3] = shm.NewValue(wide{})
			r.array, errs[4] = shm.NewArray[int64](2)
			r.mu[0], errs[5] = psync.NewMutex()
			r.mu[1], errs[6] = psync.NewMutex()
			if err := errors.Join(errs[:]...); err != nil {
				return err
			}
			p.run(func(f func()) {
				var wg sync.WaitGroup
				wg.Go(f)
				wg.Go(f)
				wg.Wait()
			}, &r)
			return nil
		}
	}
}

func TestRaceReports(t *testing.T) {
	if !race.Enabled {
		t.Skip("NOT RUN without -race")
	}
	for name, p := range racy {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Two goroutines that merely ran one after the other are reported too: nothing
			// orders them. A few tries, for a report needs both accesses in its memory.
			for try := 1; ; try++ {
				cmd := modetest.Program(t, name, "MULTIPROC_MODE=goroutines", "GORACE=atexit_sleep_ms=0")
				out, err := cmd.CombinedOutput()
				reported := strings.Contains(string(out), "WARNING: DATA RACE")
				if _, failed := errors.AsType[*exec.ExitError](err); failed != reported {
					t.Fatalf("%v\n%s", err, out)
				}
				if reported == p.report && (reported || try == 5) {
					return
				}
				if reported || try == 20 {
					t.Fatalf("reported: %v, want %v\n%s", reported, p.report, out)
				}
			}
		})
	}
}
