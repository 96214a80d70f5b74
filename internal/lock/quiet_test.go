package lock_test

import (
	"context"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lock"
	"github.com/multiproc-go/multiproc/internal/race"
	"github.com/multiproc-go/multiproc/internal/wait"
)

var (
	_ = os.Setenv(lock.EnvRelease, "store")
	_ = os.Setenv(wait.EnvLastResort, "1h") // a lost wake is a test that hangs
)

type quiet struct {
	*family.Member
	lock.Place
	x *layout.Mutex
}

func newQuiet(t *testing.T) quiet {
	t.Helper()
	if race.Enabled || family.ModeOf() != family.Processes {
		t.Skip("NOT RUN: locks are never quiet in goroutine mode, nor under the race detector")
	}
	ref, err := family.NewRef(family.Shape{Kind: layout.KindMutex, Bytes: 16})
	if err != nil {
		t.Fatal(err)
	}
	x := (*layout.Mutex)(ref.Payload())
	q := quiet{ref.Member, ref.Place(&x.Lock, 0), x}
	q.Place.Mutex = x
	t.Cleanup(func() { ref.Close(nil) })
	return q
}

func (q quiet) state() uint32 { return q.x.Watch.Load() & layout.WatchState }

// waiter starts a goroutine that takes the lock, and returns when it is about to sleep.
func (q quiet) waiter(t *testing.T) (got chan error) {
	t.Helper()
	sleeping := make(chan struct{}, 100)
	crashpoint.Set(func(name string) {
		if name == "lock.sleep" {
			sleeping <- struct{}{}
		}
	})
	defer crashpoint.Set(nil)
	got = make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	go func() { got <- q.Acquire(ctx, &q.Place, q.ID()) }()
	<-sleeping
	return got
}

func (q quiet) hold(t *testing.T) {
	t.Helper()
	if err := q.Acquire(t.Context(), &q.Place, q.ID()); err != nil {
		t.Fatal(err)
	}
}

func TestQuietRelease(t *testing.T) {
	q := newQuiet(t)
	for range 3 {
		q.hold(t)
		ticket := q.Lock.Ticket.Load()
		if released, _ := q.ReleaseQuietly(&q.Place, q.ID(), ticket+1); released {
			t.Fatal("released with another's ticket")
		}
		if released, overtaken := q.ReleaseQuietly(&q.Place, q.ID(), ticket); !released || overtaken || q.Lock.Word.Load() != 0 {
			t.Fatalf("not released: %#x", q.Lock.Word.Load())
		}
		if released, _ := q.ReleaseQuietly(&q.Place, q.ID(), ticket); released {
			t.Fatal("released twice")
		}
	}
}

// TestOvertaken: a holder that has looked at Watch is put off until somebody sleeps,
// and then stores.
func TestOvertaken(t *testing.T) {
	q := newQuiet(t)
	for range 100 {
		q.hold(t)
		seen, ok := q.Place.Quiet(q.ID(), q.Lock.Ticket.Load())
		if !ok {
			q.Release(&q.Place, q.ID())
			q.calm(t)
			continue
		}
		got := q.waiter(t)
		if q.state() != layout.WatchOn {
			t.Fatalf("somebody sleeps, Watch is %#x", q.x.Watch.Load())
		}
		if released, _ := q.ReleaseQuietly(&q.Place, q.ID(), q.Lock.Ticket.Load()); released {
			t.Fatal("released quietly although somebody sleeps")
		}
		q.StoreFree(q.Lock.Ticket.Load())
		if !q.Place.Overtaken(seen) {
			t.Fatal("the holder sees nothing")
		}
		q.WakeOvertaken(&q.Place)
		if err := <-got; err != nil {
			t.Fatal(err)
		}
		q.Release(&q.Place, q.ID())
	}
}

// TestOvertakenByTwo: the same, but until it looks again the watch has ended.
func TestOvertakenByTwo(t *testing.T) {
	q := newQuiet(t)
	q.hold(t)
	seen, ok := q.Place.Quiet(q.ID(), q.Lock.Ticket.Load())
	if !ok {
		t.Fatal("a new lock is not quiet")
	}
	got := q.waiter(t)
	q.StoreFree(q.Lock.Ticket.Load())
	q.calm(t)
	if q.state() != layout.WatchNone || !q.Place.Overtaken(seen) {
		t.Fatalf("Watch %#x, seen %#x: the holder takes it for the one that it saw", q.x.Watch.Load(), seen)
	}
	q.WakeOvertaken(&q.Place)
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	q.Release(&q.Place, q.ID())
}

// calm takes the lock and releases it until nobody is watched for.
func (q quiet) calm(t *testing.T) {
	t.Helper()
	for n := 0; q.state() == layout.WatchOn; n++ {
		if n > 1000 {
			t.Fatal("it is never quiet again")
		}
		q.hold(t)
		q.Calm(&q.Place, q.ID())
		q.Release(&q.Place, q.ID())
	}
}

// TestCalm: the lock is quiet again when nobody has slept for long, and only then; who sleeps
// after that is seen.
func TestCalm(t *testing.T) {
	q := newQuiet(t)
	for round := range uint32(5) {
		q.hold(t)
		got := q.waiter(t)
		q.Release(&q.Place, q.ID())
		if err := <-got; err != nil {
			t.Fatal(err)
		}
		q.Release(&q.Place, q.ID())
		before := q.x.Watch.Load()
		q.calm(t)
		if now := q.x.Watch.Load(); now == before&^layout.WatchState {
			t.Errorf("round %d: Watch is %#x again: a swap that comes late would succeed", round, now)
		}
		q.hold(t)
		if released, _ := q.ReleaseQuietly(&q.Place, q.ID(), q.Lock.Ticket.Load()); !released {
			t.Fatal("quiet, but not released quietly")
		}
	}
}

// TestClosing: the holder finds out, whichever way it releases.
func TestClosing(t *testing.T) {
	q := newQuiet(t)
	q.hold(t)
	got := q.waiter(t)
	if !q.BeginClose(&q.Place) || q.BeginClose(&q.Place) {
		t.Fatal("closing succeeds once")
	}
	q.WakeAll(&q.Place)
	if err := <-got; err != lock.ErrClosed {
		t.Errorf("a waiter: %v", err)
	}
	if released, _ := q.ReleaseQuietly(&q.Place, q.ID(), q.Lock.Ticket.Load()); released || !q.Closing() {
		t.Error("the holder does not see it")
	}
}

// TestStoreOrder: what a holder wrote is seen by the next.
func TestStoreOrder(t *testing.T) {
	if race.Enabled {
		t.Skip("NOT RUN: the race detector does not see plain stores as synchronizing, and there are none in its builds")
	}
	var word atomic.Uint32
	var data [8]int
	done := make(chan bool)
	go func() {
		for i := 1; i <= 20_000; i++ {
			for n := 0; word.Load() != 0; n++ {
				rest(n)
			}
			for k := range data {
				data[k] = i
			}
			lock.Store(&word, 1)
		}
		close(done)
	}()
	for i := 1; i <= 20_000; i++ {
		for n := 0; word.Load() != 1; n++ {
			rest(n)
		}
		for k := range data {
			if data[k] != i {
				t.Fatalf("round %d: %v", i, data)
			}
		}
		lock.Store(&word, 0)
	}
	<-done
}

// TestReleaseAgainstWatch: either the holder sees that somebody is going to sleep, or that one sees
// the lock free. A processor that looks before its store is seen by others would break that.
func TestReleaseAgainstWatch(t *testing.T) {
	if runtime.NumCPU() == 1 {
		t.Skip("NOT RUN: one CPU is always in order")
	}
	q := newQuiet(t)
	const rounds = 20_000
	var ready, begin atomic.Int32
	var released, seen bool
	go func() {
		for n := int32(1); n <= rounds; n++ {
			for k := 0; begin.Load() != n; k++ {
				rest(k)
			}
			released, seen = q.ReleaseQuietly(&q.Place, q.ID(), q.Lock.Ticket.Load())
			ready.Store(n)
		}
	}()
	met, sink := 0, uint32(0)
	for n := int32(1); n <= rounds; n++ {
		q.x.Watch.Store(layout.WatchNone)
		q.Lock.Word.Store(uint32(q.ID()))
		begin.Store(n)
		for range n % 3000 { // they meet within some nanoseconds, if at all
			sink += uint32(n)
		}
		q.Watch(&q.Place)
		held := q.Lock.Word.Load() != 0
		for k := 0; ready.Load() != n; k++ {
			rest(k)
		}
		if released && held && !seen {
			t.Fatalf("round %d: neither saw the other", n)
		}
		if released && seen {
			met++
		}
	}
	t.Logf("they met in %d of %d rounds (%d)", met, rounds, sink)
	q.Lock.Word.Store(0)
}

// rest lets others run when a spin takes long: the machine may be busy.
func rest(n int) {
	if n%1000 == 999 {
		runtime.Gosched()
	}
}
