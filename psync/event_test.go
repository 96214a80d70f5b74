package psync_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

func newEvent(t testing.TB) *psync.Event {
	t.Helper()
	e, err := psync.NewEvent()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// atPoint tells whenever this process passes a crashpoint.
func atPoint(t *testing.T, point string) <-chan bool {
	passed := make(chan bool, 100_000)
	crashpoint.Set(func(name string) {
		if name == point {
			select {
			case passed <- true:
			default:
			}
		}
	})
	t.Cleanup(func() { crashpoint.Set(nil) })
	return passed
}

// must fails the test at the first error.
func must(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestEvent(t *testing.T) {
	e := newEvent(t)
	ctx := modetest.Patient(t)
	for range 3 {
		if e.IsSet() {
			t.Fatal("set")
		}
		if err := e.Wait(modetest.Ended()); err != context.Canceled {
			t.Errorf("not set, and ctx has ended: %v", err)
		}
		must(t, e.Clear(), e.Set(), e.Set())
		if !e.IsSet() {
			t.Fatal("not set")
		}
		must(t, e.Wait(ctx), e.Wait(modetest.Ended()), e.Clear())
	}
}

func TestEventAfterClose(t *testing.T) {
	e := newEvent(t)
	text, err := e.MarshalText()
	must(t, err, e.Set(), e.Close())
	for name, e := range map[string]*psync.Event{"closed": e, "zero": {}} {
		_, binary := e.MarshalBinary()
		_, texted := e.MarshalText()
		for how, err := range map[string]error{
			"Set": e.Set(), "Clear": e.Clear(), "Wait": e.Wait(t.Context()), "Close": e.Close(),
			"MarshalBinary": binary, "MarshalText": texted,
		} {
			if !errors.Is(err, psync.ErrClosed) {
				t.Errorf("%s of a %s event: %v", how, name, err)
			}
		}
		if e.IsSet() {
			t.Errorf("a %s event is set", name)
		}
		_ = e.String()
	}
	if err := new(psync.Event).UnmarshalText(text); !errors.Is(err, psync.ErrClosed) {
		t.Errorf("UnmarshalText: %v", err)
	}
}

type tossed struct {
	Ping, Pong *psync.Event
	Ball       *shm.Value[int64] // in builds with -race a plain variable
	Times      int
}

var toss = multiproc.Proc("toss", func(ctx context.Context, j tossed) error {
	for range j.Times {
		if err := j.Ping.Wait(ctx); err != nil {
			return err
		}
		j.Ball.Store(j.Ball.Load() + 1)
		if err := errors.Join(j.Ping.Clear(), j.Pong.Set()); err != nil {
			return err
		}
	}
	return nil
})

// TestEventBetweenProcesses: a ball that has no lock but these two events.
func TestEventBetweenProcesses(t *testing.T) {
	ball, err := shm.NewValue[int64](0)
	must(t, err)
	defer ball.Close()
	j := tossed{newEvent(t), newEvent(t), ball, 300}
	p, err := multiproc.Start(t.Context(), toss.With(j))
	must(t, err)
	ctx := modetest.Patient(t)
	for range j.Times {
		ball.Store(ball.Load() + 1)
		must(t, j.Ping.Set(), j.Pong.Wait(ctx), j.Pong.Clear())
	}
	must(t, p.Wait(ctx))
	if n := ball.Load(); n != int64(2*j.Times) {
		t.Errorf("%d, want %d", n, 2*j.Times)
	}
}

// TestEventPulse: Set reaches those who wait, although Clear follows at once.
func TestEventPulse(t *testing.T) {
	e := newEvent(t)
	sleeping := atPoint(t, "event.sleep")
	for range 100 {
		waited := make(chan error, 1)
		go func() { waited <- e.Wait(modetest.Patient(t)) }()
		modetest.Receive(t, sleeping, "waiter")
		must(t, e.Set(), e.Clear())
		must(t, modetest.Receive(t, waited, "end of the waiter"))
		for len(sleeping) > 0 { // it may have been disturbed, and slept again
			<-sleeping
		}
	}
}

// threads is how many this process has.
func threads(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/task")
	must(t, err)
	return len(list)
}

// wantFewThreads is called while thousands of goroutines wait for one object. Go never ends a thread,
// so those of earlier tests count, too: the bound tells a few from one for each; bench measures how few.
func wantFewThreads(t testing.TB) {
	t.Helper()
	if runtime.GOOS != "linux" || family.ModeOf() == family.Goroutines {
		return
	}
	if n := threads(t); n > 100+runtime.GOMAXPROCS(0) {
		t.Errorf("%d threads", n)
	}
}

// TestEventCrowd: ten thousand goroutines, of which every tenth gives up, the leader among them.
func TestEventCrowd(t *testing.T) {
	const n = 10_000
	e := newEvent(t)
	sleeping := atPoint(t, "event.sleep")
	impatient, cancel := context.WithCancel(t.Context())
	patient := modetest.Patient(t)
	gaveUp, served := make(chan error, n), make(chan error, n)
	var begun sync.WaitGroup
	for i := range n {
		begun.Add(1)
		go func() {
			begun.Done()
			if i%10 == 0 {
				gaveUp <- e.Wait(impatient)
			} else {
				served <- e.Wait(patient)
			}
		}()
		if i == 0 {
			modetest.Receive(t, sleeping, "leader")
		}
	}
	begun.Wait()
	wantFewThreads(t)
	cancel()
	for range n / 10 {
		if err := modetest.Receive(t, gaveUp, "end of one who gives up"); err != context.Canceled {
			t.Fatal(err)
		}
	}
	if len(served) != 0 {
		t.Fatal("others were let go with them")
	}
	must(t, e.Set())
	for range n - n/10 {
		must(t, modetest.Receive(t, served, "end of a waiter"))
	}
}

func TestEventCloseWhileWaiting(t *testing.T) {
	for range 20 {
		e := newEvent(t)
		sleeping := atPoint(t, "event.sleep")
		const waiters = 5
		waited := make(chan error, waiters)
		for range waiters {
			go func() { waited <- e.Wait(modetest.Patient(t)) }()
		}
		modetest.Receive(t, sleeping, "waiter")
		must(t, e.Close())
		heir := newEvent(t) // in the same place
		for range waiters {
			if err := modetest.Receive(t, waited, "end of a waiter"); !errors.Is(err, psync.ErrClosed) {
				t.Fatalf("a waiter: %v", err)
			}
		}
		must(t, heir.Close())
	}
}

// TestEventModel does random things, in this process and by a second handle, and compares with a flag.
func TestEventModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	one := newEvent(t)
	text, err := one.MarshalText()
	must(t, err)
	var two psync.Event
	must(t, two.UnmarshalText(text))
	handles := []*psync.Event{one, &two}
	type waiting struct {
		done   chan error
		cancel context.CancelFunc
	}
	var waiters []waiting
	set := false
	collect := func(w waiting, want error) {
		t.Helper()
		if err := modetest.Receive(t, w.done, "end of a waiter"); err != want {
			t.Fatalf("seed %d: a waiter: %v, want %v", seed, err, want)
		}
		w.cancel()
	}
	for range 2000 {
		e := handles[rnd.IntN(2)]
		switch op := rnd.IntN(6); {
		case op == 0:
			must(t, e.Set())
			set = true
			for _, w := range waiters {
				collect(w, nil)
			}
			waiters = nil
		case op == 1:
			must(t, e.Clear())
			set = false
		case op == 2 && len(waiters) > 0:
			i := rnd.IntN(len(waiters))
			waiters[i].cancel()
			collect(waiters[i], context.Canceled)
			waiters = append(waiters[:i], waiters[i+1:]...)
		case op < 5:
			ctx, cancel := context.WithCancel(modetest.Patient(t))
			w := waiting{make(chan error, 1), cancel}
			go func() { w.done <- e.Wait(ctx) }()
			if set {
				collect(w, nil)
				continue
			}
			waiters = append(waiters, w) // whether it sleeps already or comes to find the event set
		}
		if e.IsSet() != set {
			t.Fatalf("seed %d: set: %v, want %v", seed, !set, set)
		}
		for _, w := range waiters {
			if len(w.done) != 0 {
				t.Fatalf("seed %d: a waiter has come back: %v", seed, <-w.done)
			}
		}
	}
	for _, w := range waiters {
		w.cancel()
		collect(w, context.Canceled)
	}
}
