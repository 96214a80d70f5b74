package psync_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// newSemaphore makes a semaphore that is closed at the end of the test.
func newSemaphore(t testing.TB, n int) *psync.Semaphore {
	t.Helper()
	s, err := psync.NewSemaphore(n)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func mustAcquire(t testing.TB, s *psync.Semaphore, n int) psync.Permit {
	t.Helper()
	p, err := s.AcquireN(modetest.Patient(t), n)
	must(t, err)
	return p
}

// wantPermits checks that n permits are free, by taking them all.
func wantPermits(t testing.TB, s *psync.Semaphore, n int) {
	t.Helper()
	if got := s.Value(); got != n {
		t.Errorf("Value is %d, want %d", got, n)
	}
	var held []psync.Permit
	for range n + 1 {
		if p, ok := s.TryAcquire(); ok {
			held = append(held, p)
		}
	}
	if len(held) != n {
		t.Errorf("%d permits could be had, want %d", len(held), n)
	}
	for _, p := range held {
		p.Release()
	}
}

func TestSemaphore(t *testing.T) {
	for _, n := range []int{0, 1, 3, 100} {
		s := newSemaphore(t, n)
		wantPermits(t, s, n)
		var held []psync.Permit
		for range n {
			p, err := s.Acquire(modetest.Ended()) // free ones are had all the same
			must(t, err)
			held = append(held, p)
		}
		if _, err := s.Acquire(modetest.Ended()); err != context.Canceled {
			t.Errorf("the %dth of %d: %v", n+1, n, err)
		}
		if err := s.Wait(modetest.Ended()); err != context.Canceled || s.TryWait() {
			t.Errorf("Wait for the %dth of %d: %v", n+1, n, err)
		}
		rand.Shuffle(n, func(i, j int) { held[i], held[j] = held[j], held[i] })
		for i, p := range held {
			if got := s.Value(); got != i {
				t.Errorf("Value is %d, want %d", got, i)
			}
			p.Release()
		}
		wantPermits(t, s, n)
		must(t, s.Post(), s.Post())
		wantPermits(t, s, n+2)
		must(t, s.Wait(modetest.Ended()))
		if !s.TryWait() {
			t.Error("TryWait of a free permit")
		}
		wantPermits(t, s, n)
	}
}

func TestAcquireN(t *testing.T) {
	s := newSemaphore(t, 10)
	three, four := mustAcquire(t, s, 3), mustAcquire(t, s, 4)
	if three.Count() != 3 || four.Count() != 4 {
		t.Errorf("%d and %d", three.Count(), four.Count())
	}
	if _, ok := s.TryAcquireN(4); ok {
		t.Error("4 of 3")
	}
	wantPermits(t, s, 3)
	if _, err := s.AcquireN(modetest.Ended(), 4); err != context.Canceled {
		t.Error(err)
	}
	wantPermits(t, s, 3) // of all or none
	three.Release()
	wantPermits(t, s, 6)
	six, ok := s.TryAcquireN(6)
	if !ok {
		t.Error("6 of 6")
	}
	wantPermits(t, s, 0)
	four.Release()
	six.Release()
	wantPermits(t, s, 10)
	var all []psync.Permit // more than a hold has room for
	for range 5 {
		all = append(all, mustAcquire(t, s, 2))
	}
	for _, p := range all {
		p.Release()
	}
	wantPermits(t, s, 10)
	big := newSemaphore(t, psync.MostPermits)
	p := mustAcquire(t, big, psync.MostPermits)
	for range psync.MostPermits/1000 + 1 {
		must(t, big.Post())
	}
	p.Release()
	if got := big.Value(); got != psync.MostPermits+psync.MostPermits/1000+1 {
		t.Errorf("Value is %d", got)
	}
}

func TestBoundedSemaphore(t *testing.T) {
	s, err := psync.NewBoundedSemaphore(2)
	must(t, err)
	defer s.Close()
	tooMany := func(what string) {
		t.Helper()
		if err := s.Post(); err != psync.ErrBound {
			t.Errorf("Post, %s: %v", what, err)
		}
	}
	tooMany("all are free")
	p := mustAcquire(t, s, 1)
	tooMany("one is held and comes back")
	must(t, s.Wait(t.Context()))
	wantPermits(t, s, 0)
	must(t, s.Post())
	tooMany("again")
	p.Release()
	tooMany("all are free again")
	for range 2 {
		must(t, s.Wait(t.Context()))
	}
	must(t, s.Post(), s.Post())
	tooMany("all that were taken are back")
	wantPermits(t, s, 2)
	if _, err := s.AcquireN(t.Context(), 3); err != psync.ErrBound {
		t.Errorf("more than there ever are: %v", err)
	}
}

func TestSemaphoreArguments(t *testing.T) {
	s := newSemaphore(t, 1)
	for what, f := range map[string]func(){
		"-1":            func() { psync.NewSemaphore(-1) },
		"too many":      func() { psync.NewSemaphore(psync.MostPermits + 1) },
		"bound 0":       func() { psync.NewBoundedSemaphore(0) },
		"AcquireN 0":    func() { s.AcquireN(t.Context(), 0) },
		"AcquireN more": func() { s.AcquireN(t.Context(), psync.MostPermits+1) },
		"TryAcquireN":   func() { s.TryAcquireN(-1) },
	} {
		if modetest.PanicOf(f) == nil {
			t.Errorf("%s: no panic", what)
		}
	}
}

func TestPermits(t *testing.T) {
	s := newSemaphore(t, 200)
	for round := range 3 {
		var held, old []psync.Permit
		acquire := func(times int) {
			for i := range times {
				held = append(held, mustAcquire(t, s, 1+i%2))
			}
		}
		acquire(60)
		for _, p := range held[round*20:] {
			p.Release()
			old = append(old, p)
		}
		acquire(40)
		for _, p := range old {
			wantGuardError(t, "used", "Release", p.Release)
		}
		for _, p := range append(held[:round*20:round*20], held[60:]...) {
			p.Release()
		}
		wantPermits(t, s, 200)
	}
	wantGuardError(t, "zero", "Release", psync.Permit{}.Release)
}

func TestSemaphoreDo(t *testing.T) {
	s := newSemaphore(t, 1)
	if err := s.Do(t.Context(), func() error { wantPermits(t, s, 0); return errTest }); err != errTest {
		t.Error(err)
	}
	if p := modetest.PanicOf(func() { s.Do(t.Context(), func() error { panic(errTest) }) }); p != errTest {
		t.Errorf("panic %v", p)
	}
	if err := s.Do(modetest.Ended(), never); err != context.Canceled {
		t.Error(err)
	}
	wantPermits(t, s, 1)
}

// TestSemaphoreBigFirst: who wants all is served although another always takes the next permit before it gives one back, as long as
// there is one for it.
func TestSemaphoreBigFirst(t *testing.T) {
	s := newSemaphore(t, 2)
	p := mustAcquire(t, s, 1)
	var stop atomic.Bool
	ended := make(chan error)
	go func() {
		for !stop.Load() {
			if next, ok := s.TryAcquire(); ok {
				p.Release()
				p = next
				continue
			}
			p.Release()
			var err error
			if p, err = s.Acquire(modetest.Patient(t)); err != nil {
				ended <- err
				return
			}
		}
		p.Release()
		ended <- nil
	}()
	for range 5 {
		mustAcquire(t, s, 2).Release()
	}
	stop.Store(true)
	must(t, modetest.Receive(t, ended, "end of the other"))
	wantPermits(t, s, 2)
}

// TestSemaphoreWakes: one that sleeps is woken by a Post and by a Release, also if it wants more than one of them brings.
func TestSemaphoreWakes(t *testing.T) {
	sleeping := atPoint(t, "sema.sleep")
	s := newSemaphore(t, 2)
	for range 50 {
		held := mustAcquire(t, s, 1)
		got := make(chan error, 1)
		go func() {
			p, err := s.AcquireN(modetest.Patient(t), 3)
			if err == nil {
				p.Release()
			}
			got <- err
		}()
		modetest.Receive(t, sleeping, "waiter")
		must(t, s.Post())
		modetest.Receive(t, sleeping, "waiter that has too few")
		held.Release()
		must(t, modetest.Receive(t, got, "end of the waiter"))
		must(t, s.Wait(t.Context()))
		for len(sleeping) > 0 {
			<-sleeping
		}
	}
}

func TestSemaphoreAfterClose(t *testing.T) {
	s := newSemaphore(t, 2)
	text, err := s.MarshalText()
	must(t, err)
	p := mustAcquire(t, s, 1)
	must(t, s.Close())
	var again psync.Semaphore
	for name, s := range map[string]*psync.Semaphore{"closed": s, "zero": {}} {
		_, acquire := s.Acquire(t.Context())
		_, many := s.AcquireN(t.Context(), 2)
		_, binary := s.MarshalBinary()
		for how, err := range map[string]error{
			"Acquire": acquire, "AcquireN": many, "Wait": s.Wait(t.Context()), "Post": s.Post(), "Close": s.Close(), "MarshalBinary": binary,
			"Do": s.Do(t.Context(), never), "UnmarshalText": again.UnmarshalText(text),
		} {
			if how == "UnmarshalText" && err == nil {
				continue // it is closed when its last permit is released
			}
			if !errors.Is(err, psync.ErrClosed) {
				t.Errorf("%s: %s: %v", name, how, err)
			}
		}
		if _, ok := s.TryAcquire(); ok || s.TryWait() || s.Value() != 0 {
			t.Errorf("%s: there are permits", name)
		}
	}
	p.Release()
	if err := again.UnmarshalText(text); !errors.Is(err, psync.ErrClosed) {
		t.Errorf("a handle after the last Release: %v", err)
	}
	heir := newSemaphore(t, 1)
	if heir.String() != s.String() {
		t.Errorf("%v was not freed; the next is %v", s, heir)
	}
	q := mustAcquire(t, heir, 1)
	p.Release() // of one that is closed: nothing
	wantPermits(t, heir, 0)
	q.Release()
	wantPermits(t, heir, 1)
}

func TestSemaphoreCloseWhileWaiting(t *testing.T) {
	sleeping := atPoint(t, "sema.sleep")
	for range 10 {
		s := newSemaphore(t, 0)
		waited := make(chan error, 3)
		go func() { waited <- s.Wait(modetest.Patient(t)) }()
		modetest.Receive(t, sleeping, "waiter")
		go func() { _, err := s.Acquire(modetest.Patient(t)); waited <- err }()
		go func() { _, err := s.AcquireN(modetest.Patient(t), 5); waited <- err }()
		must(t, s.Close())
		for range 3 {
			if err := modetest.Receive(t, waited, "end of a waiter"); !errors.Is(err, psync.ErrClosed) {
				t.Fatal(err)
			}
		}
		heir := newSemaphore(t, 0)
		if heir.String() != s.String() {
			t.Errorf("%v was not freed; the next is %v", s, heir)
		}
		heir.Close()
	}
}

// TestPostAgainstCancel lets the two meet again and again: either the waiter has the permit, or it is free.
func TestPostAgainstCancel(t *testing.T) {
	s := newSemaphore(t, 0)
	sleeping := atPoint(t, "sema.sleep")
	for range 300 {
		ctx, cancel := context.WithCancel(t.Context())
		first, second := make(chan error, 1), make(chan error, 1)
		go func() { first <- s.Wait(ctx) }()
		modetest.Receive(t, sleeping, "waiter")
		go func() { second <- s.Wait(modetest.Patient(t)) }()
		go cancel()
		must(t, s.Post())
		switch err := modetest.Receive(t, first, "end of the first"); err {
		case nil:
			must(t, s.Post())
		case context.Canceled:
		default:
			t.Fatal(err)
		}
		must(t, modetest.Receive(t, second, "end of the second"))
		cancel()
		for len(sleeping) > 0 {
			<-sleeping
		}
	}
	wantPermits(t, s, 0)
}

type semaJob struct {
	S      *psync.Semaphore
	Inside *shm.Value[int64] // permits that are held
	Most   int64
	Turns  int
	Seed   uint64
}

// semaWork acquires, waits, posts and gives up at random. Never are more permits held than there are.
var semaWork = multiproc.Func("semaWork", func(ctx context.Context, j semaJob) (int, error) {
	rnd := rand.New(rand.NewPCG(j.Seed, 0))
	served := 0
	inside := func(n int64) error {
		served++
		if got := shm.Add(j.Inside, n); got > j.Most {
			return errors.New("more permits are held than there are")
		}
		if rnd.IntN(8) == 0 {
			time.Sleep(time.Duration(rnd.IntN(50)) * time.Microsecond) // so that others find too few
		}
		shm.Add(j.Inside, -n)
		return nil
	}
	turn := func(ctx context.Context) (err error) {
		if rnd.IntN(4) == 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, time.Duration(1+rnd.IntN(200_000)))
			defer cancel()
		}
		n := 1
		if rnd.IntN(3) == 0 {
			n = 1 + rnd.IntN(int(j.Most))
		}
		switch rnd.IntN(8) {
		case 0:
			if p, ok := j.S.TryAcquireN(n); ok {
				err = inside(int64(n))
				p.Release()
			}
		case 1, 2:
			if err = j.S.Wait(ctx); err == nil {
				err = errors.Join(inside(1), j.S.Post())
			}
		default:
			var p psync.Permit
			if p, err = j.S.AcquireN(ctx, n); err == nil {
				err = inside(int64(n))
				p.Release()
			}
		}
		if errors.Is(err, context.DeadlineExceeded) {
			return nil
		}
		return err
	}
	for range j.Turns {
		if err := turn(ctx); err != nil {
			return served, err
		}
	}
	return served, nil
})

// TestSemaphoreBetweenProcesses: random operations, bounded and not; no permit is doubled, and none is lost.
func TestSemaphoreBetweenProcesses(t *testing.T) {
	const processes, goroutines, permits = 4, 4, 5
	for _, make := range []func(int) (*psync.Semaphore, error){psync.NewSemaphore, psync.NewBoundedSemaphore} {
		s, err := make(permits)
		must(t, err)
		defer s.Close()
		j := semaJob{S: s, Inside: newValue(t), Most: permits, Turns: 1500, Seed: rand.Uint64()}
		t.Logf("seed %d", j.Seed)
		var calls []*multiproc.Call[int]
		for i := range processes {
			j := j
			j.Seed += uint64(i)
			call, err := semaWork.Start(t.Context(), j)
			must(t, err)
			calls = append(calls, call)
		}
		var wg sync.WaitGroup
		for range goroutines { // of this process, which act as one owner
			wg.Go(func() {
				for range j.Turns {
					p, err := s.Acquire(modetest.Patient(t))
					if err != nil {
						t.Error(err)
						return
					}
					p.Release()
				}
			})
		}
		wg.Wait()
		for _, call := range calls {
			served, err := call.Result(modetest.Patient(t))
			if err != nil || served == 0 {
				t.Errorf("served %d times: %v", served, err)
			}
		}
		wantPermits(t, s, permits)
	}
}

// TestClosedHolds: what a closed object had beyond its own block belongs to the next one, and a handle that remembers it
// finds the object closed.
func TestClosedHolds(t *testing.T) {
	ctx := context.Background()
	const many = 100 // more than the holds in the block have slots for
	for name, closed := range map[string]func() (again func() error){
		"semaphore": func() func() error {
			s := newSemaphore(t, 2*many)
			useUp(t, many, func() (func(), error) {
				p, err := s.Acquire(ctx)
				return p.Release, err
			})
			must(t, s.Close())
			return func() error {
				_, err := s.Acquire(ctx)
				return err
			}
		},
		"rwmutex": func() func() error {
			m := newRWMutex(t)
			useUp(t, many, func() (func(), error) {
				g, err := m.RLock(ctx)
				return g.Unlock, err
			})
			must(t, m.Close())
			return func() error {
				_, err := m.RLock(ctx)
				return err
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			next := newSemaphore(t, 2*many) // as old as the other
			again := closed()
			useUp(t, many, func() (func(), error) {
				p, err := next.Acquire(ctx)
				return p.Release, err
			})
			if err := again(); !errors.Is(err, psync.ErrClosed) {
				t.Errorf("the closed one: %v", err)
			}
			if n := next.Value(); n != 2*many {
				t.Errorf("the other has %d permits", n)
			}
			must(t, next.Close())
		})
	}
}

// useUp takes n times, and then gives all back.
func useUp(t *testing.T, n int, take func() (give func(), err error)) {
	t.Helper()
	var back []func()
	for range n {
		give, err := take()
		must(t, err)
		back = append(back, give)
	}
	for _, give := range back {
		give()
	}
}
