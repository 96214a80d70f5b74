package crashtest

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

type holdAllJob struct {
	Locks []*psync.Mutex
	Stage *shm.Value[int32]
}

// holdAll holds all locks until stage 2, and then releases every other one.
var holdAll = multiproc.Proc("hold all", func(ctx context.Context, j holdAllJob) error {
	guards := make([]psync.Guard, len(j.Locks))
	for i, mu := range j.Locks {
		g, err := mu.Lock(ctx)
		if err != nil {
			return err
		}
		guards[i] = g
	}
	j.Stage.Store(1)
	for j.Stage.Load() < 2 {
	}
	for i := 0; i < len(guards); i += 2 {
		guards[i].Unlock()
	}
	j.Stage.Store(3)
	<-ctx.Done()
	return nil
})

func threads(t *testing.T) (n int) {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(tasks)
}

// TestKillHolderOfMany: a process holds very many locks, and for each of them a goroutine
// here waits. They share few threads. Half of the locks are released, some waiters give
// up, and the holder is killed: every goroutine gets what it should.
func TestKillHolderOfMany(t *testing.T) {
	needProcess(t)
	const n = 1000
	locks := make([]*psync.Mutex, n)
	for i := range locks {
		var err error
		if locks[i], err = psync.NewMutex(); err != nil {
			t.Fatal(err)
		}
		defer locks[i].Close()
	}
	stage := newValue[int32](t, 0)
	holder := start(t, holdAll.With(holdAllJob{locks, stage}))
	reach(t, stage, 1)

	before := threads(t)
	impatient, cancel := context.WithCancel(patient(t))
	var all, released, gaveUp sync.WaitGroup
	for i, mu := range locks {
		ctx := patient(t)
		group := &all
		switch {
		case i%2 == 0:
			group = &released
		case i%5 == 0:
			group, ctx = &gaveUp, impatient
		}
		group.Go(func() {
			g, err := mu.Lock(ctx)
			switch {
			case group == &gaveUp:
				if !errors.Is(err, context.Canceled) {
					t.Errorf("lock %d: %v; want Canceled", i, err)
				}
				return
			case err != nil:
				t.Errorf("lock %d: %v", i, err)
				return
			case g.Abandoned() != (group == &all):
				t.Errorf("lock %d: abandoned %v", i, g.Abandoned())
			}
			g.Unlock()
		})
	}
	for _, mu := range locks { // until all of them sleep, or are about to
		eventually(t, func() error {
			if holderWord(t, mu)>>31 == 0 {
				return errors.New("nobody waits yet")
			}
			return nil
		})
	}
	if more := threads(t) - before; more > 100 {
		t.Errorf("%d more threads for %d waiting goroutines", more, n)
	}
	cancel()
	gaveUp.Wait()
	stage.Store(2)
	released.Wait()
	holder.Kill()
	all.Wait()
}
