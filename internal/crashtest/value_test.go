package crashtest

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// ledger is larger than a word, and all its numbers are the same.
type ledger [25]int64

func entry(n int64) (l ledger) {
	for i := range l {
		l[i] = n
	}
	return l
}

type valueJob struct {
	V      *shm.Value[ledger]
	Update bool
	Die    death
}

var writeValue = multiproc.Proc("write value", func(ctx context.Context, j valueJob) error {
	j.Die.arm(nil)
	for n := int64(1); ; n++ {
		if !j.Update {
			j.V.Store(entry(n))
			continue
		}
		err := j.V.Update(ctx, func(l *ledger) error { *l = entry(n); return nil })
		if err != nil {
			return err
		}
	}
})

// TestKillStore: a process dies inside a Store or Update of a large value. The old value
// stays, whole, and the next writer gets through.
func TestKillStore(t *testing.T) {
	needProcess(t)
	for _, update := range []bool{false, true} {
		for _, point := range []string{"value.half", "value.flip"} {
			for nth := 1; nth <= 3; nth++ {
				v := newValue(t, entry(0))
				killed(t, start(t, writeValue.With(valueJob{v, update, death{Point: point, Nth: nth}})))
				if got, want := v.Load(), entry(int64(nth-1)); got != want {
					t.Fatalf("%s, %d: the value is %v; want %v", point, nth, got, want)
				}
				v.Store(entry(77))
				if v.Load() != entry(77) {
					t.Fatal("the next Store was lost")
				}
				if err := v.Update(patient(t), func(l *ledger) error { *l = entry(78); return nil }); err != nil || v.Load() != entry(78) {
					t.Fatalf("the next Update: %v, %v", err, v.Load())
				}
			}
		}
	}
}

type arrayJob struct {
	A     *shm.Array[int32]
	Stage *shm.Value[int32]
}

var halfUpdate = multiproc.Proc("half an update", func(ctx context.Context, j arrayJob) error {
	return j.A.Update(ctx, 0, j.A.Len(), func(s []int32) error {
		for i := range s[:len(s)/2] {
			s[i] = 1
		}
		dieNow()
		return nil
	})
})

func TestKillArrayUpdate(t *testing.T) {
	needProcess(t)
	a, err := shm.NewArray[int32](1000)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	killed(t, start(t, halfUpdate.With(arrayJob{A: a})))
	nop := func([]int32) error { return nil }
	for range 2 {
		if err := a.Update(patient(t), 0, 1, nop); !errors.Is(err, shm.ErrAbandoned) {
			t.Errorf("Update: %v; want ErrAbandoned", err)
		}
	}
	if !a.Abandoned() {
		t.Error("not abandoned")
	}
	failed := errors.New("no")
	if err := a.Repair(patient(t), func([]int32) error { return failed }); err != failed || !a.Abandoned() {
		t.Errorf("a Repair that fails: %v, abandoned %v", err, a.Abandoned())
	}
	if err := a.Repair(patient(t), func(s []int32) error { clear(s); return nil }); err != nil || a.Abandoned() {
		t.Errorf("Repair: %v, abandoned %v", err, a.Abandoned())
	}
	if err := a.Update(patient(t), 0, 1, nop); err != nil {
		t.Errorf("Update after Repair: %v", err)
	}
}

type readJob struct {
	Mu      *psync.Mutex
	A       *shm.Array[byte]
	Stage   *shm.Value[int32]
	Threads int // that do nothing
}

// gulp reads zeros from the kernel into a shared view while it holds a lock.
var gulp = multiproc.Proc("gulp", func(ctx context.Context, j readJob) error {
	zero, err := os.Open("/dev/zero")
	if err != nil {
		return err
	}
	g, err := j.Mu.Lock(ctx)
	if err != nil {
		return err
	}
	defer g.Unlock()
	var idle sync.WaitGroup
	for range j.Threads {
		idle.Add(1)
		go func() {
			runtime.LockOSThread()
			idle.Done()
			<-ctx.Done()
		}()
	}
	idle.Wait()
	failed := make(chan error)
	go func() { // in a thread after those in the list of threads
		j.Stage.Store(1)
		for {
			if _, err := zero.Read(j.A.Slice()); err != nil { // one system call, up to 1 GiB
				failed <- err
				return
			}
		}
	}()
	return <-failed
})

// TestKillInRead is (j): the kernel goes on writing for a process that has been marked as
// dead. The next holder must not see any of that, nor be misled by threads that exit while
// it looks for the one that reads.
func TestKillInRead(t *testing.T) {
	needProcess(t)
	const size = 256 << 20
	a, err := shm.NewArray[byte](size)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	mu, err := psync.NewMutex()
	if err != nil {
		t.Fatal(err)
	}
	defer mu.Close()
	view := a.Slice()
	n := 5
	if testing.Short() {
		n = 2
	}
	for i := range 2 * n {
		stage := newValue[int32](t, 0)
		p := start(t, gulp.With(readJob{mu, a, stage, i % 2 * 100}))
		reach(t, stage, 1)
		p.Kill() // most likely in the middle of a read
		g, err := mu.Lock(patient(t))
		if err != nil {
			t.Fatal(err)
		}
		if !g.Abandoned() {
			t.Error("not abandoned")
		}
		g.Repaired()
		for i := 0; i < size; i += 4096 {
			view[i] = 1
		}
		<-p.Done()
		for i := 0; i < size; i += 4096 {
			if view[i] != 1 {
				t.Fatalf("byte %d was overwritten after the lock changed hands", i)
			}
		}
		g.Unlock()
	}
}
