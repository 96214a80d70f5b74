package pool_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/pool"
	"github.com/multiproc-go/multiproc/shm"
)

// The task that kills its worker fails alone.
func TestKilledByTask(t *testing.T) {
	modetest.NeedProcess(t, "a goroutine cannot be killed")
	for _, chunk := range []int{0, 1, 10} {
		p := newPool(t, pool.Options{Workers: 2, Chunk: chunk})
		seen := map[int]bool{}
		failures := 0
		for r, err := range pool.MapUnordered(modetest.Patient(t), p, dies, slices.Values(numbers(100))) {
			if err == nil {
				if seen[r] {
					t.Fatalf("%d twice", r)
				}
				seen[r] = true
				continue
			}
			failures++
			item, _ := errors.AsType[*pool.ItemError](err)
			died, ok := errors.AsType[*pool.WorkerError](err)
			signal, killed := errors.AsType[*multiproc.SignalError](err)
			if !ok || !killed || item.Index != 7 || signal.Signal != syscall.SIGKILL || died.Entry != "dies" || died.Tries != 1 || died.Pid == 0 ||
				!strings.HasPrefix(died.Worker, "pool-") || !errors.Is(err, pool.ErrWorkerDied) || errors.Is(err, pool.ErrTimeout) {
				t.Errorf("%v", err)
			}
		}
		if failures != 1 || len(seen) != 99 {
			t.Errorf("chunk %d: %d failures, %d results", chunk, failures, len(seen))
		}
		if s := p.Stats(); s.Done != 99 || s.Failed != 1 {
			t.Errorf("%+v", s)
		}
	}
}

func TestRetry(t *testing.T) {
	modetest.NeedProcess(t, "a goroutine cannot be killed")
	p := newPool(t, pool.Options{Workers: 2, Retry: 2})
	_, err := pool.Submit(t.Context(), p, dies, 7).Result(modetest.Patient(t))
	if died, ok := errors.AsType[*pool.WorkerError](err); !ok || died.Tries != 3 {
		t.Error(err)
	}
	if s := p.Stats(); s.Retried != 2 {
		t.Errorf("%+v", s)
	}
}

func TestPanic(t *testing.T) {
	p := newPool(t, pool.Options{Workers: 1, Retry: 5})
	_, err := pool.Submit(t.Context(), p, panics, "at the disco").Result(modetest.Patient(t))
	e, ok := errors.AsType[*multiproc.PanicError](err)
	if !ok || e.Value != "at the disco" || !strings.Contains(e.Stack, "main_test.go") || !errors.Is(err, pool.ErrWorkerDied) {
		t.Error(err)
	}
	_, err = pool.Submit(t.Context(), p, goexits, multiproc.None{}).Result(modetest.Patient(t))
	if !errors.Is(err, multiproc.ErrGoexit) || !errors.Is(err, pool.ErrWorkerDied) {
		t.Error(err)
	}
	if r, err := pool.Submit(t.Context(), p, square, 3).Result(modetest.Patient(t)); r != 9 || err != nil {
		t.Error(r, err)
	}
	if s := p.Stats(); s.Workers[0].Restarts != 2 || s.Retried != 0 {
		t.Errorf("%+v", s)
	}
}

func TestExit(t *testing.T) {
	modetest.NeedProcess(t, "os.Exit would end the test")
	p := newPool(t, pool.Options{Workers: 1})
	_, err := pool.Submit(t.Context(), p, exits, 0).Result(modetest.Patient(t))
	if e, ok := errors.AsType[*multiproc.ExitError](err); !ok || e.Code != 0 {
		t.Error(err)
	}
}

func TestTimeout(t *testing.T) {
	p := newPool(t, pool.Options{Workers: 2, TaskTimeout: 50 * time.Millisecond, Worker: multiproc.Options{Grace: 50 * time.Millisecond}})
	begun, end := newValue(t), newValue(t)
	late := pool.Submit(t.Context(), p, stubborn, stubbornness{begun, end})
	if _, err := late.Result(modetest.Patient(t)); !errors.Is(err, pool.ErrTimeout) && !errors.Is(err, pool.ErrWorkerDied) {
		t.Error(err)
	}
	shm.Add(end, 1)
	if r, err := pool.Submit(t.Context(), p, square, 3).Result(modetest.Patient(t)); r != 9 || err != nil {
		t.Error(r, err)
	}
	heeded := pool.Submit(t.Context(), p, waits, begun)
	if _, err := heeded.Result(modetest.Patient(t)); !errors.Is(err, pool.ErrTimeout) {
		t.Error(err)
	}
}

func TestCancelMap(t *testing.T) {
	p := newPool(t, pool.Options{Workers: 2})
	begun := newValue(t)
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(modetest.Patient(t))
	go func() {
		for shm.Add(begun, 0) < 2 {
			time.Sleep(time.Millisecond)
		}
		cancel(why)
	}()
	inputs := make([]*shm.Value[int64], 100)
	for i := range inputs {
		inputs[i] = begun
	}
	if _, err := pool.Map(ctx, p, waits, inputs); err != why {
		t.Error(err)
	}
	if n := shm.Add(begun, 0); n != 2 {
		t.Errorf("%d tasks were begun", n)
	}
	if r, err := pool.Submit(t.Context(), p, square, 3).Result(modetest.Patient(t)); r != 9 || err != nil {
		t.Error(r, err)
	}
}

func TestCancelStubborn(t *testing.T) {
	p := newPool(t, pool.Options{Workers: 1, Worker: multiproc.Options{Grace: 20 * time.Millisecond}})
	begun, end := newValue(t), newValue(t)
	f := pool.Submit(t.Context(), p, stubborn, stubbornness{begun, end})
	waiting := pool.Submit(t.Context(), p, square, 4)
	await(t, begun, 1)
	f.Cancel()
	if _, err := f.Result(modetest.Patient(t)); !errors.Is(err, pool.ErrCanceled) {
		t.Error(err)
	}
	if r, err := waiting.Result(modetest.Patient(t)); r != 16 || err != nil {
		t.Error("a task that waited behind it:", r, err)
	}
	shm.Add(end, 1)
}

func TestCloseFinishes(t *testing.T) {
	p := newPool(t, pool.Options{Workers: 2})
	var futures []*pool.Future[int]
	for i := range 1000 {
		futures = append(futures, pool.Submit(t.Context(), p, square, i))
	}
	p.Close()
	p.Close()
	if _, err := pool.Submit(t.Context(), p, square, 1).Result(modetest.Patient(t)); !errors.Is(err, pool.ErrClosed) {
		t.Error(err)
	}
	if _, err := pool.Map(t.Context(), p, square, numbers(3)); !errors.Is(err, pool.ErrClosed) {
		t.Error(err)
	}
	if err := p.Wait(modetest.Patient(t)); err != nil {
		t.Error(err)
	}
	for i, f := range futures {
		if r, err := f.Result(modetest.Patient(t)); r != i*i || err != nil {
			t.Fatal(i, r, err)
		}
	}
}

func TestCancelDropsQueued(t *testing.T) {
	p := newPool(t, pool.Options{Workers: 1})
	begun, end := newValue(t), newValue(t)
	running := pool.Submit(t.Context(), p, stubborn, stubbornness{begun, end})
	queued := pool.Submit(t.Context(), p, square, 1)
	await(t, begun, 1)
	p.Cancel()
	if _, err := queued.Result(modetest.Patient(t)); !errors.Is(err, pool.ErrClosed) {
		t.Error(err)
	}
	if err := p.Wait(modetest.Ended()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	shm.Add(end, 1)
	if r, err := running.Result(modetest.Patient(t)); r != 1 || err != nil {
		t.Error(r, err)
	}
	if err := p.Wait(modetest.Patient(t)); err != nil {
		t.Error(err)
	}
}

func TestTerminate(t *testing.T) {
	p := newPool(t, pool.Options{Workers: 2})
	begun := newValue(t)
	running, queued := pool.Submit(t.Context(), p, waits, begun), pool.Submit(t.Context(), p, square, 1)
	await(t, begun, 1)
	p.Terminate()
	if err := p.Wait(modetest.Patient(t)); err != nil {
		t.Error(err)
	}
	if _, err := running.Result(modetest.Patient(t)); !errors.Is(err, pool.ErrClosed) {
		t.Error(err)
	}
	if _, err := queued.Result(modetest.Patient(t)); err != nil && !errors.Is(err, pool.ErrClosed) {
		t.Error(err)
	}
}

func TestContextOfPool(t *testing.T) {
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	p, err := pool.New(ctx, pool.Options{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	begun := newValue(t)
	f := pool.Submit(t.Context(), p, waits, begun)
	await(t, begun, 1)
	cancel(why)
	if _, err := f.Result(modetest.Patient(t)); !errors.Is(err, why) {
		t.Error(err)
	}
	if err := p.Wait(modetest.Patient(t)); !errors.Is(err, why) {
		t.Error(err)
	}
}

// A slow task holds up nothing that has been handed to its worker already.
func TestSlowTaskHoldsNobodyUp(t *testing.T) {
	p := newPool(t, pool.Options{Workers: 2})
	if _, err := pool.Map(modetest.Patient(t), p, square, numbers(5000)); err != nil {
		t.Fatal(err)
	}
	begun, end := newValue(t), newValue(t)
	slow := pool.Submit(t.Context(), p, stubborn, stubbornness{begun, end})
	await(t, begun, 1)
	for range 3 {
		if _, err := pool.Map(modetest.Patient(t), p, square, numbers(5000)); err != nil {
			t.Fatal(err)
		}
	}
	shm.Add(end, 1)
	if _, err := slow.Result(modetest.Patient(t)); err != nil {
		t.Error(err)
	}
}
