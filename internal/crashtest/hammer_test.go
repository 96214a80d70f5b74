package crashtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

type hammerJob struct {
	Mu    *psync.Mutex
	Sum   *shm.Value[int64]
	Seed  uint64
	Turns int
}

// hammer takes the lock and releases it, in two goroutines, at every speed: at once again, after a
// while, and with contexts that end while it waits. It returns how often it had the lock.
var hammer = multiproc.Func("hammer", func(ctx context.Context, j hammerJob) (int64, error) {
	var (
		wg   sync.WaitGroup
		had  [2]int64
		errs [2]error
	)
	for i := range had {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(j.Seed, uint64(i)))
			for range j.Turns {
				ctx, cancel := ctx, context.CancelFunc(func() {})
				if rnd.IntN(8) == 0 {
					ctx, cancel = context.WithTimeout(ctx, time.Duration(rnd.IntN(50_000)))
				}
				g, err := j.Mu.Lock(ctx)
				cancel()
				if errors.Is(err, context.DeadlineExceeded) {
					continue
				}
				if err != nil {
					errs[i] = err
					return
				}
				j.Sum.Store(j.Sum.Load() + 1)
				had[i]++
				pause(rnd, 12)
				g.Unlock()
				pause(rnd, 14)
			}
		})
	}
	wg.Wait()
	return had[0] + had[1], errors.Join(errs[:]...)
})

// pause works, mostly for a very short time.
func pause(rnd *rand.Rand, most int) {
	for range 1 << rnd.IntN(most) >> 1 {
		rnd.Uint64()
	}
}

// TestKillNobody: nobody dies, and nobody sleeps for ever, however sleepers and holders that do not
// look meet. No sleeper has a timeout here, so a wake that is lost is a test that hangs.
func TestKillNobody(t *testing.T) {
	needProcess(t)
	mu, err := psync.NewMutex()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mu.Close() })
	sum := newValue(t, int64(0))
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	turns := 20_000
	if testing.Short() {
		turns = 4_000
	}
	var calls []*multiproc.Call[int64]
	for i := range uint64(3) {
		call, err := hammer.Start(patient(t), hammerJob{mu, sum, seed + i, turns})
		if err != nil {
			t.Fatal(err)
		}
		calls = append(calls, call)
	}
	want := int64(0)
	for _, call := range calls {
		had, err := call.Result(patient(t))
		if err != nil {
			t.Fatal(err)
		}
		want += had
	}
	if got := sum.Load(); got != want {
		t.Errorf("%d increments, counted %d", want, got)
	}
}
