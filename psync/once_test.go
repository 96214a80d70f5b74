package psync_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

func newOnce(t testing.TB) *psync.Once {
	t.Helper()
	o, err := psync.NewOnce()
	must(t, err)
	t.Cleanup(func() { o.Close() })
	return o
}

type onceJob struct {
	O     *psync.Once
	Times *shm.Value[int64]
	How   string
}

// doOnce does it, or dies in the middle.
var doOnce = multiproc.Proc("doOnce", func(ctx context.Context, j onceJob) error {
	return j.O.Do(ctx, func() error {
		j.Times.Store(j.Times.Load() + 1) // nobody else is here
		switch j.How {
		case "panic":
			panic("inside")
		case "Goexit":
			runtime.Goexit()
		case "error":
			return errTest
		}
		return nil
	})
})

// TestOnce: a death, a panic and an error leave it undone, until somebody does it; then nobody does.
func TestOnce(t *testing.T) {
	o, times := newOnce(t), newValue(t)
	run := func(how string) error {
		p, err := multiproc.Start(t.Context(), doOnce.With(onceJob{o, times, how}))
		must(t, err)
		return p.Wait(modetest.Patient(t))
	}
	for i, how := range []string{"error", "panic", "Goexit", "error"} {
		if err := run(how); err == nil {
			t.Errorf("%s: no error", how)
		}
		if got := shm.Add(times, 0); got != int64(i+1) || o.Done() {
			t.Errorf("%s: it was begun %d times, done: %v", how, got, o.Done())
		}
	}
	ctx := modetest.Patient(t)
	if err := o.Do(modetest.Ended(), never); err != context.Canceled {
		t.Error(err)
	}
	if err := o.Do(ctx, func() error { return errTest }); err != errTest || o.Done() {
		t.Error(err)
	}
	if p := modetest.PanicOf(func() { o.Do(ctx, func() error { panic(errTest) }) }); p != errTest {
		t.Errorf("panic %v", p)
	}
	must(t, o.Do(ctx, func() error { return nil }))
	if !o.Done() {
		t.Error("not done")
	}
	must(t, o.Do(modetest.Ended(), never), run("panic"), o.Do(ctx, never))
	if got := shm.Add(times, 0); got != 4 {
		t.Errorf("it was begun %d times", got)
	}
}

// TestOnceBetweenProcesses: of many who come at the same time one does it, and none returns before it is done.
func TestOnceBetweenProcesses(t *testing.T) {
	const processes, rounds = 4, 50
	var jobs []onceJob
	for range rounds {
		jobs = append(jobs, onceJob{O: newOnce(t), Times: newValue(t)})
	}
	var all []*multiproc.Process
	for range processes {
		p, err := multiproc.Start(t.Context(), doAll.With(jobs))
		must(t, err)
		all = append(all, p)
	}
	for _, p := range all {
		must(t, p.Wait(modetest.Patient(t)))
	}
}

var doAll = multiproc.Proc("doAll", func(ctx context.Context, jobs []onceJob) error {
	for _, j := range jobs {
		err := j.O.Do(ctx, func() error {
			runtime.Gosched()
			j.Times.Store(j.Times.Load() + 1)
			return nil
		})
		if err != nil {
			return err
		}
		if n := j.Times.Load(); n != 1 {
			return errors.New("it was done too often, or is not yet done")
		}
	}
	return nil
})

func TestOnceAfterClose(t *testing.T) {
	done, undone := newOnce(t), newOnce(t)
	must(t, done.Do(t.Context(), func() error { return nil }), done.Close(), undone.Close())
	for name, o := range map[string]*psync.Once{"done": done, "undone": undone, "zero": {}} {
		_, binary := o.MarshalBinary()
		for how, err := range map[string]error{"Do": o.Do(t.Context(), never), "late": o.Do(modetest.Ended(), never), "Close": o.Close(), "MarshalBinary": binary} {
			if !errors.Is(err, psync.ErrClosed) {
				t.Errorf("%s: %s: %v", name, how, err)
			}
		}
		if o.Done() {
			t.Errorf("%s: it is done", name)
		}
	}
}
