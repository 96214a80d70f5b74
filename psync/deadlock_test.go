package psync_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/blocked"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// reports collects what this process and its children say of deadlocks.
type reports struct {
	mu     sync.Mutex
	text   strings.Builder
	stderr *os.File // of children that are processes
	pumped chan bool
}

func listen(t *testing.T) *reports {
	t.Helper()
	r := &reports{pumped: make(chan bool)}
	family.SetLogger(slog.New(slog.NewTextHandler(r, nil)))
	if family.ModeOf() == family.Processes {
		read, write, err := os.Pipe()
		must(t, err)
		r.stderr = write
		go func() {
			defer close(r.pumped)
			_, _ = io.Copy(r, read)
			read.Close()
		}()
	} else {
		close(r.pumped)
	}
	t.Cleanup(func() { family.SetLogger(nil); r.end() })
	return r
}

func (r *reports) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

// options are those of a child.
func (r *reports) options(name string) multiproc.Options {
	return multiproc.Options{Name: name, Stderr: r.stderr}
}

func (r *reports) all() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// count is how many there are.
func (r *reports) count() int { return strings.Count(r.all(), "multiproc: ") }

// end waits until all children have said everything. They have ended.
func (r *reports) end() string {
	if r.stderr != nil {
		r.stderr.Close()
	}
	<-r.pumped
	return r.all()
}

// crossing is two locks, or a lock to read and then to write, and others who take them the other way round.
type crossing struct {
	First, Second *psync.Mutex
	RW            *psync.RWMutex // in place of both
	Kind          string         // the others that may be in their place
	Re            [2]*psync.ReentrantMutex
	Once          [2]*psync.Once
	Sema          [2]*psync.Semaphore
	Met           *psync.Barrier // where each has got the first
}

// crossKinds has the first inside of which it waits for the second.
var crossKinds = multiproc.Func("crossKinds", func(ctx context.Context, c crossing) (string, error) {
	owner, err := psync.NewOwner()
	if err != nil {
		return "", err
	}
	do := func(i int, fn func() error) error {
		switch c.Kind {
		case "once":
			return c.Once[i].Do(ctx, fn)
		case "semaphore":
			return c.Sema[i].Do(ctx, func() error { // both permits
				return c.Sema[i].Do(ctx, fn)
			})
		}
		return c.Re[i].Do(ctx, owner, fn)
	}
	return "", do(0, func() error {
		if _, err := c.Met.Wait(ctx); err != nil {
			return err
		}
		return do(1, func() error { return nil })
	})
})

// TestSuspectedKinds: circles of what is a lock among other things.
func TestSuspectedKinds(t *testing.T) {
	for _, kind := range []string{"reentrant-mutex", "once", "semaphore"} {
		t.Run(kind, func(t *testing.T) {
			r := listen(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c := crossing{Kind: kind, Met: newBarrier(t, 2)}
			for i := range 2 {
				c.Re[i], c.Once[i], c.Sema[i] = newReentrant(t), newOnce(t), newSemaphore(t, 2)
			}
			var calls []*multiproc.Call[string]
			for _, name := range []string{"one", "two"} {
				call, err := crossKinds.StartWith(ctx, c, r.options(name))
				must(t, err)
				calls = append(calls, call)
				c.Re[0], c.Re[1] = c.Re[1], c.Re[0]
				c.Once[0], c.Once[1] = c.Once[1], c.Once[0]
				c.Sema[0], c.Sema[1] = c.Sema[1], c.Sema[0]
			}
			until(t, "a report", func() bool { return r.count() > 0 })
			cancel()
			for _, c := range calls {
				if _, err := c.Result(modetest.Patient(t)); err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("%v: %v", c.Name(), err)
				}
			}
			text := r.end()
			wantNames(t, text, "suspected", calls)
			if n := strings.Count(text, ", waits for "+kind+"@"); n != 2 {
				t.Errorf("%d wait for a %s:\n%s", n, kind, text)
			}
		})
	}
}

// cross tells what has come of it.
var cross = multiproc.Func("cross", func(ctx context.Context, c crossing) (string, error) {
	var unlock func()
	if c.RW != nil {
		g, err := c.RW.RLock(ctx)
		if err != nil {
			return "", err
		}
		unlock = g.Unlock
	} else {
		g, err := c.First.Lock(ctx)
		if err != nil {
			return "", err
		}
		unlock = g.Unlock
	}
	defer func() { unlock() }()
	if _, err := c.Met.Wait(ctx); err != nil {
		return "", err
	}
	if c.RW != nil {
		g, err := c.RW.Lock(ctx)
		if err == nil {
			g.Unlock()
		}
		return "", err
	}
	g, err := c.Second.Lock(ctx)
	switch {
	case errors.Is(err, psync.ErrDeadlock):
		return "told", nil
	case err != nil:
		return "", err
	}
	g.Unlock()
	return "both", nil
})

// circle starts n children, of which each has one lock and waits for the next one's.
func circle(t *testing.T, ctx context.Context, r *reports, n int, o psync.MutexOptions) (calls []*multiproc.Call[string]) {
	t.Helper()
	locks, met := make([]*psync.Mutex, n), newBarrier(t, n)
	for i := range locks {
		locks[i] = newMutexWith(t, o)
	}
	for i := range locks {
		c, err := cross.StartWith(ctx, crossing{First: locks[i], Second: locks[(i+1)%n], Met: met}, r.options(fmt.Sprintf("crosser-%d", i)))
		must(t, err)
		calls = append(calls, c)
	}
	return calls
}

func newMutexWith(t testing.TB, o psync.MutexOptions) *psync.Mutex {
	t.Helper()
	mu, err := psync.NewMutexWith(o)
	must(t, err)
	t.Cleanup(func() { mu.Close() })
	return mu
}

// wantNames checks that a report names all of a circle, once each.
func wantNames(t *testing.T, text, word string, calls []*multiproc.Call[string]) {
	t.Helper()
	if n := strings.Count(text, "multiproc: "); n != 1 {
		t.Errorf("%d reports:\n%s", n, text)
	}
	if !strings.Contains(text, fmt.Sprintf("multiproc: %s deadlock: %d processes wait for each other", word, len(calls))) {
		t.Errorf("no %s deadlock of %d processes:\n%s", word, len(calls), text)
	}
	for _, c := range calls {
		if line := fmt.Sprintf("%s (pid %d, entry cross", c.Name(), c.Pid()); strings.Count(text, line) != 1 {
			t.Errorf("not once: %q\n%s", line, text)
		}
	}
}

// TestSuspectedDeadlock: processes that wait for each other are reported, once, and nothing else becomes of it.
func TestSuspectedDeadlock(t *testing.T) {
	for _, n := range []int{2, 3, 5} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			r := listen(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			calls := circle(t, ctx, r, n, psync.MutexOptions{})
			until(t, "a report", func() bool { return r.count() > 0 })
			cancel()
			for _, c := range calls {
				// One whose neighbour has given up before it gets that one's lock.
				if _, err := c.Result(modetest.Patient(t)); err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("%v: %v", c.Name(), err)
				}
			}
			wantNames(t, r.end(), "suspected", calls)
		})
	}
}

// TestSuspectedUpgrade: two readers of one lock want to write.
func TestSuspectedUpgrade(t *testing.T) {
	r := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	rw, met := newRWMutex(t), newBarrier(t, 2)
	var calls []*multiproc.Call[string]
	for _, name := range []string{"one", "two"} {
		c, err := cross.StartWith(ctx, crossing{RW: rw, Met: met}, r.options(name))
		must(t, err)
		calls = append(calls, c)
	}
	until(t, "a report", func() bool { return r.count() > 0 })
	cancel()
	for _, c := range calls {
		if _, err := c.Result(modetest.Patient(t)); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("%v: %v", c.Name(), err)
		}
	}
	text := r.end()
	wantNames(t, text, "suspected", calls)
	for _, want := range []string{"waits for the readers of rwmutex@", "waits to write rwmutex@", "reads rwmutex@"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
}

// TestProvenDeadlock: one of those in the circle is told, and unlocks; so all others get both of their locks.
func TestProvenDeadlock(t *testing.T) {
	for _, n := range []int{2, 4} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			r := listen(t)
			calls := circle(t, t.Context(), r, n, psync.MutexOptions{Deadlock: true})
			told := 0
			for _, c := range calls {
				how, err := c.Result(modetest.Patient(t))
				must(t, err)
				if how == "told" {
					told++
				}
			}
			if told != 1 {
				t.Errorf("%d of %d are told", told, n)
			}
			text := r.end()
			wantNames(t, text, "proven", calls)
			if strings.Count(text, "it is told to give up") != 1 || strings.Count(text, ", goroutine ") != n {
				t.Error(text)
			}
		})
	}
}

// TestDeadlockWithItself: a goroutine waits for a mutex that it holds.
func TestDeadlockWithItself(t *testing.T) {
	r := listen(t)
	mu := newMutexWith(t, psync.MutexOptions{Deadlock: true})
	ctx := modetest.Patient(t)
	g := mustLock(t, mu)
	if _, err := mu.Lock(ctx); err != psync.ErrDeadlock {
		t.Errorf("Lock: %v", err)
	}
	if err := mu.Do(ctx, never); err != psync.ErrDeadlock {
		t.Errorf("Do: %v", err)
	}
	g.Unlock()
	g, ok := mu.TryLock()
	if !ok {
		t.Fatal("it is not free")
	}
	if _, err := mu.Lock(ctx); err != psync.ErrDeadlock {
		t.Errorf("Lock after TryLock: %v", err)
	}
	g.Unlock()
	wantFree(t, mu)
	if n := strings.Count(r.end(), "proven deadlock: a goroutine waits for itself"); n != 3 {
		t.Errorf("%d reports:\n%s", n, r.all())
	}
}

// TestDeadlockInOneProcess: two goroutines of a process.
func TestDeadlockInOneProcess(t *testing.T) {
	r := listen(t)
	a, b := newMutexWith(t, psync.MutexOptions{Deadlock: true}), newMutexWith(t, psync.MutexOptions{Deadlock: true})
	met := newBarrier(t, 2)
	ended := make(chan error, 2)
	for _, pair := range [][2]*psync.Mutex{{a, b}, {b, a}} {
		go func() {
			ctx := modetest.Patient(t)
			ended <- pair[0].Do(ctx, func() error {
				if _, err := met.Wait(ctx); err != nil {
					return err
				}
				return pair[1].Do(ctx, func() error { return nil })
			})
		}()
	}
	told := 0
	for range 2 {
		switch err := modetest.Receive(t, ended, "end"); err {
		case nil:
		case psync.ErrDeadlock:
			told++
		default:
			t.Error(err)
		}
	}
	if told != 1 || strings.Count(r.end(), "proven deadlock: 2 goroutines of a process wait for each other") != 1 {
		t.Errorf("%d were told\n%s", told, r.all())
	}
}

// TestDeadlockVariable: the environment makes all mutexes look for deadlocks.
func TestDeadlockVariable(t *testing.T) {
	listen(t)
	t.Setenv(psync.EnvDeadlock, "1")
	mu := newMutex(t)
	g := mustLock(t, mu)
	if _, err := mu.Lock(modetest.Patient(t)); err != psync.ErrDeadlock {
		t.Error(err)
	}
	g.Unlock()
}

// TestCondIsNotTold: whoever returns from Wait has the mutex, and so gets no ErrDeadlock; somebody else does.
func TestCondIsNotTold(t *testing.T) {
	r := listen(t)
	inner, outer := newMutexWith(t, psync.MutexOptions{Deadlock: true}), newMutexWith(t, psync.MutexOptions{Deadlock: true})
	c, err := psync.NewCond(inner)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	ctx := modetest.Patient(t)
	ended := make(chan error)
	go func() { // holds outer, and waits for inner in Wait
		ended <- outer.Do(ctx, func() error {
			g, err := inner.Lock(ctx)
			if err != nil {
				return err
			}
			defer func() { g.Unlock() }()
			return c.Wait(ctx, &g)
		})
	}()
	until(t, "it waits", func() bool { return len(c.Waiters()) == 1 })
	g := mustLock(t, inner)
	told := make(chan error)
	go func() { c.Signal(); told <- nil }()
	must(t, <-told)
	if _, err := outer.Lock(ctx); err != psync.ErrDeadlock {
		t.Errorf("Lock: %v", err)
	}
	g.Unlock()
	must(t, modetest.Receive(t, ended, "end of Wait"))
	if !strings.Contains(r.end(), "proven deadlock: 2 goroutines") {
		t.Error(r.all())
	}
}

// TestNoDeadlock: what looks like a circle of processes and is none of goroutines.
func TestNoDeadlock(t *testing.T) {
	r := listen(t)
	a, b := newMutexWith(t, psync.MutexOptions{Deadlock: true}), newMutexWith(t, psync.MutexOptions{Deadlock: true})
	looked := new(atomic.Int32)
	crashpoint.Set(func(name string) {
		if name == "deadlock.look" {
			looked.Add(1)
		}
	})
	t.Cleanup(func() { crashpoint.Set(nil) })
	ga, gb := mustLock(t, a), mustLock(t, b)
	ended := make(chan error, 2)
	for _, mu := range []*psync.Mutex{a, b} {
		go func() {
			g, err := mu.Lock(modetest.Patient(t))
			if err == nil {
				g.Unlock()
			}
			ended <- err
		}()
	}
	until(t, "two looks", func() bool { return looked.Load() > 2 })
	ga.Unlock()
	gb.Unlock()
	must(t, modetest.Receive(t, ended, "end"), modetest.Receive(t, ended, "end"))
	if text := r.end(); text != "" {
		t.Error(text)
	}
}

type loaded struct {
	Locks   []*psync.Mutex
	Until   *psync.Event
	Pairs   *shm.Value[int64]
	Looks   *shm.Value[int64]
	Workers int
	Seed    uint64
}

// inOrder takes pairs of locks, the lower one first, and holds some of them for longer than it takes others to become suspicious.
var inOrder = multiproc.Proc("inOrder", func(ctx context.Context, l loaded) error {
	if self, parent := multiproc.Self(ctx), os.Getpid(); self.Pid == parent {
		crashpoint.Set(func(name string) {
			if name == "deadlock.look" {
				shm.Add(l.Looks, 1)
			}
		})
	}
	ended := make(chan error, l.Workers)
	for w := range l.Workers {
		rnd := rand.New(rand.NewPCG(l.Seed, uint64(w)))
		go func() {
			for !l.Until.IsSet() {
				i, j := rnd.IntN(len(l.Locks)), rnd.IntN(len(l.Locks))
				if rnd.IntN(3) > 0 { // some are hot
					i, j = rnd.IntN(4), rnd.IntN(4)
				}
				if i == j {
					continue
				}
				err := l.Locks[min(i, j)].Do(ctx, func() error {
					return l.Locks[max(i, j)].Do(ctx, func() error {
						if rnd.IntN(100) == 0 {
							time.Sleep(time.Duration(rnd.IntN(60)) * time.Millisecond)
						}
						shm.Add(l.Pairs, 1)
						return nil
					})
				})
				if err != nil {
					ended <- err
					return
				}
			}
			ended <- nil
		}()
	}
	var errs []error
	for range l.Workers {
		errs = append(errs, <-ended)
	}
	return errors.Join(errs...)
})

// TestNoFalseReports: thousands of pairs of locks are taken in order, so there is no circle. All of them look for one all the
// time, with far less patience than usual. Where goroutines are not recorded, one in each process takes locks, for more
// of them can look like a circle; and these few have fewer locks, so that they meet.
func TestNoFalseReports(t *testing.T) {
	for _, c := range []struct {
		checked        bool
		workers, locks int
	}{{true, 6, 200}, {false, 1, 20}} {
		t.Run(fmt.Sprintf("checked=%v", c.checked), func(t *testing.T) {
			if !c.checked && os.Getenv(psync.EnvDeadlock) == "1" {
				t.Skip("NOT RUN: all mutexes are checked here")
			}
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			m, err := family.Current()
			must(t, err)
			old := m.Book.Patience()
			m.Book.SetPatience(2 * time.Millisecond)
			t.Setenv(blocked.EnvPatience, "2ms")
			r := listen(t)
			l := loaded{Until: newEvent(t), Pairs: newValue(t), Looks: newValue(t), Workers: c.workers}
			for range c.locks {
				l.Locks = append(l.Locks, newMutexWith(t, psync.MutexOptions{Deadlock: c.checked}))
			}
			var started []*multiproc.Process
			for i := range 4 {
				l.Seed = seed + uint64(i)
				p, err := multiproc.Start(t.Context(), inOrder.With(l).WithOptions(r.options("")))
				must(t, err)
				started = append(started, p)
			}
			until(t, "pairs and looks", func() bool { return shm.Add(l.Pairs, 0) > 5000 && shm.Add(l.Looks, 0) > 10 })
			must(t, l.Until.Set())
			for _, p := range started {
				must(t, p.Wait(modetest.Patient(t)))
			}
			crashpoint.Set(nil)
			m.Book.SetPatience(old)
			if text := r.end(); text != "" {
				t.Error(text)
			}
			t.Logf("%d pairs, %d looks", l.Pairs.Load(), l.Looks.Load())
		})
	}
}
