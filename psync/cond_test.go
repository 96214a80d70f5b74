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

func newCond(t testing.TB) *psync.Cond {
	t.Helper()
	c, err := psync.NewCond(newMutex(t))
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// waitOnce is a goroutine that waits once, and has begun when the mutex is free again.
func waitOnce(t testing.TB, ctx context.Context, c *psync.Cond) <-chan error {
	t.Helper()
	g := mustLock(t, c.Mutex())
	done := make(chan error, 1)
	go func() {
		err := c.Wait(ctx, &g)
		if _, ok := c.Mutex().TryLock(); ok {
			err = errors.New("Wait came back without the mutex")
		}
		g.Unlock()
		done <- err
	}()
	h := mustLock(t, c.Mutex()) // when Wait has given it back
	h.Unlock()
	return done
}

func TestCondSignal(t *testing.T) {
	c := newCond(t)
	c.Signal() // nobody waits: lost
	c.Broadcast()
	for range 50 {
		var waiters []<-chan error
		for range 3 {
			waiters = append(waiters, waitOnce(t, modetest.Patient(t), c))
		}
		for i, w := range waiters { // in the order in which they came
			for _, later := range waiters[i:] {
				if len(later) != 0 {
					t.Fatalf("woken without a signal: %v", <-later)
				}
			}
			c.Signal()
			must(t, modetest.Receive(t, w, "end of a waiter"))
		}
	}
	wantFree(t, c.Mutex())
}

func TestCondBroadcast(t *testing.T) {
	c := newCond(t)
	for range 20 {
		var waiters []<-chan error
		for range 10 {
			waiters = append(waiters, waitOnce(t, modetest.Patient(t), c))
		}
		c.Broadcast()
		late := waitOnce(t, modetest.Patient(t), c)
		for _, w := range waiters {
			must(t, modetest.Receive(t, w, "end of a waiter"))
		}
		if len(late) != 0 {
			t.Fatal("one that came after Broadcast is woken")
		}
		c.Signal()
		must(t, modetest.Receive(t, late, "end of the late one"))
	}
}

func TestCondContext(t *testing.T) {
	c := newCond(t)
	g := mustLock(t, c.Mutex())
	if err := c.Wait(modetest.Ended(), &g); err != context.Canceled {
		t.Errorf("ctx has ended: %v", err)
	}
	g.Unlock() // g is what it was
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		first := waitOnce(t, ctx, c)
		second := waitOnce(t, modetest.Patient(t), c)
		cancel()
		if err := modetest.Receive(t, first, "end of the first"); err != context.Canceled {
			t.Fatalf("its ctx ended: %v", err)
		}
		c.Signal() // not for the one that has gone
		must(t, modetest.Receive(t, second, "end of the second"))
	}
	wantFree(t, c.Mutex())
}

// TestCondSignalAgainstCancel: a signal goes to one that returns nil, if there is one.
func TestCondSignalAgainstCancel(t *testing.T) {
	c := newCond(t)
	for range 300 {
		ctx, cancel := context.WithCancel(t.Context())
		first := waitOnce(t, ctx, c)
		second := waitOnce(t, modetest.Patient(t), c)
		go cancel()
		c.Signal()
		switch err := modetest.Receive(t, first, "end of the first"); err {
		case nil:
			if len(second) != 0 {
				t.Fatal("one signal has woken two")
			}
			c.Signal()
		case context.Canceled:
		default:
			t.Fatal(err)
		}
		must(t, modetest.Receive(t, second, "end of the second"))
	}
}

func TestCondGuards(t *testing.T) {
	c, other := newCond(t), newMutex(t)
	ctx := modetest.Patient(t)
	g := mustLock(t, c.Mutex())
	before := g
	done := make(chan error, 1)
	go func() { done <- c.Wait(ctx, &g) }()
	h := mustLock(t, c.Mutex())
	h.Unlock()
	c.Signal()
	must(t, modetest.Receive(t, done, "end of the waiter"))
	wantGuardError(t, "a copy from before", "Unlock", before.Unlock)
	wantGuardError(t, "a copy from before", "Wait", func() { c.Wait(ctx, &before) })
	g.Unlock()
	wantGuardError(t, "used", "Wait", func() { c.Wait(ctx, &g) })
	wantGuardError(t, "zero", "Wait", func() { c.Wait(ctx, new(psync.Guard)) })
	o := mustLock(t, other)
	wantGuardError(t, "another mutex's", "Wait", func() { c.Wait(ctx, &o) })
	o.Unlock()
	wantFree(t, c.Mutex())
}

func TestCondAfterClose(t *testing.T) {
	c := newCond(t)
	mu := c.Mutex()
	text, err := c.MarshalText()
	must(t, err)
	w := waitOnce(t, modetest.Patient(t), c)
	must(t, c.Close())
	if err := modetest.Receive(t, w, "end of a waiter"); !errors.Is(err, psync.ErrClosed) {
		t.Errorf("a waiter: %v", err)
	}
	g := mustLock(t, mu)
	for name, c := range map[string]*psync.Cond{"closed": c, "zero": {}} {
		_, binary := c.MarshalBinary()
		_, texted := c.MarshalText()
		c.Signal()
		c.Broadcast()
		errs := map[string]error{"Close": c.Close(), "MarshalBinary": binary, "MarshalText": texted, "Wait": c.Wait(t.Context(), &g)}
		if name == "closed" {
			errs["WaitFor"] = c.WaitFor(t.Context(), &g, func() bool { return false })
		} else {
			errs["When"] = c.When(t.Context(), func() bool { return true }, never)
		}
		for how, err := range errs {
			if !errors.Is(err, psync.ErrClosed) {
				t.Errorf("%s of a %s cond: %v", how, name, err)
			}
		}
		_ = c.String()
	}
	g.Unlock()
	if err := new(psync.Cond).UnmarshalText(text); !errors.Is(err, psync.ErrClosed) {
		t.Errorf("UnmarshalText: %v", err)
	}
	must(t, mu.Close())
	if _, err := psync.NewCond(mu); !errors.Is(err, psync.ErrClosed) {
		t.Errorf("NewCond of a closed mutex: %v", err)
	}
}

// TestCondMutexClosed: then there is nothing that Wait could hold.
func TestCondMutexClosed(t *testing.T) {
	c := newCond(t)
	text, err := c.MarshalText()
	must(t, err)
	g := mustLock(t, c.Mutex())
	done := make(chan error, 1)
	go func() { done <- c.Wait(modetest.Patient(t), &g) }()
	h := mustLock(t, c.Mutex())
	must(t, c.Mutex().Close()) // which h still holds
	h.Unlock()
	c.Signal()
	if err := modetest.Receive(t, done, "end of the waiter"); !errors.Is(err, psync.ErrClosed) {
		t.Errorf("the waiter: %v", err)
	}
	g.Unlock()
	if err := new(psync.Cond).UnmarshalText(text); !errors.Is(err, psync.ErrClosed) {
		t.Errorf("a handle whose mutex is closed: %v", err)
	}
}

func TestCondWhen(t *testing.T) {
	c := newCond(t)
	ctx := modetest.Patient(t)
	n := 0
	done := make(chan error, 1)
	go func() {
		done <- c.When(ctx, func() bool { return n == 3 }, func() error { n = 10; return errTest })
	}()
	for range 3 {
		must(t, c.Mutex().Do(ctx, func() error { n++; return nil }))
		c.Signal()
	}
	if err := modetest.Receive(t, done, "end of When"); err != errTest || n != 10 {
		t.Errorf("%v, %d", err, n)
	}
	wantFree(t, c.Mutex())
	if err := c.When(modetest.Ended(), func() bool { return true }, never); err != context.Canceled {
		t.Errorf("ctx has ended: %v", err)
	}
	yes := func() bool { return true }
	if p := modetest.PanicOf(func() { c.When(ctx, yes, func() error { panic(errTest) }) }); p != errTest {
		t.Errorf("panic %v", p)
	}
	if err := c.When(ctx, yes, never); !errors.Is(err, psync.ErrAbandoned) {
		t.Errorf("abandoned: %v", err)
	}
	wantAbandoned(t, c.Mutex())
}

// TestCondAbandoned: somebody dies under the mutex while we wait.
func TestCondAbandoned(t *testing.T) {
	c := newCond(t)
	ctx := modetest.Patient(t)
	done := make(chan error, 1)
	looked := make(chan bool, 100)
	go func() {
		done <- c.When(ctx, func() bool { looked <- true; return false }, never)
	}()
	modetest.Receive(t, looked, "look")
	p := startDying(t, dying{c.Mutex(), "return"})
	p.Wait(ctx)
	c.Broadcast()
	if err := modetest.Receive(t, done, "end of When"); !errors.Is(err, psync.ErrAbandoned) {
		t.Errorf("%v", err)
	}
	wantAbandoned(t, c.Mutex())
}

type turns struct {
	C     *psync.Cond
	Turn  *shm.Value[int64]
	Me, N int64 // my turn comes whenever Turn modulo N is Me
	Times int
	Most  *shm.Value[int64]
}

// takeTurns adds to Turn, each process in its turn.
var takeTurns = multiproc.Proc("takeTurns", func(ctx context.Context, j turns) error {
	for range j.Times {
		err := j.C.When(ctx, func() bool { return j.Turn.Load()%j.N == j.Me }, func() error {
			j.Turn.Store(j.Turn.Load() + 1)
			return nil
		})
		if err != nil {
			return err
		}
		j.C.Broadcast()
	}
	return nil
})

func TestCondBetweenProcesses(t *testing.T) {
	turn, err := shm.NewValue[int64](0)
	must(t, err)
	defer turn.Close()
	const n, times = 4, 100
	j := turns{C: newCond(t), Turn: turn, N: n, Times: times}
	var started []*multiproc.Process
	for j.Me = 1; j.Me < n; j.Me++ {
		p, err := multiproc.Start(t.Context(), takeTurns.With(j))
		must(t, err)
		started = append(started, p)
	}
	ctx := modetest.Patient(t)
	for range times {
		must(t, j.C.When(ctx, func() bool { return turn.Load()%n == 0 }, func() error { turn.Store(turn.Load() + 1); return nil }))
		j.C.Broadcast()
	}
	for _, p := range started {
		must(t, p.Wait(ctx))
	}
	if got := turn.Load(); got != n*times {
		t.Errorf("%d turns, want %d", got, n*times)
	}
}

// TestCondCrowd: ten thousand goroutines on one condition variable; some give up, some are signalled one
// by one, the rest all at once.
func TestCondCrowd(t *testing.T) {
	const n = 10_000
	c := newCond(t)
	impatient, cancel := context.WithCancel(t.Context())
	patient := modetest.Patient(t)
	var entered atomic.Int64
	gaveUp, served := make(chan error, n), make(chan error, n)
	for i := range n {
		go func() {
			ctx, end := patient, served
			if i%10 == 0 {
				ctx, end = impatient, gaveUp
			}
			g, err := c.Mutex().Lock(patient)
			if err == nil {
				entered.Add(1)
				err = c.Wait(ctx, &g)
				g.Unlock()
			}
			end <- err
		}()
	}
	for entered.Load() < n {
		time.Sleep(time.Millisecond)
	}
	g := mustLock(t, c.Mutex()) // now the last one waits, too
	g.Unlock()
	wantFewThreads(t)
	const one = 500
	for i := range one {
		c.Signal()
		select {
		case err := <-served:
			must(t, err)
		case err := <-gaveUp: // some of them are among the first
			must(t, err)
		case <-patient.Done():
			t.Fatalf("signal %d woke nobody", i)
		}
	}
	if len(served)+len(gaveUp) != 0 {
		t.Fatal("more have woken than were signalled")
	}
	cancel()
	c.Broadcast()
	for left := n - one; left > 0; left-- {
		select {
		case err := <-served:
			must(t, err)
		case err := <-gaveUp:
			if err != nil && err != context.Canceled {
				t.Fatal(err)
			}
		case <-patient.Done():
			t.Fatalf("%d sleep for ever", left)
		}
	}
	wantFree(t, c.Mutex())
}

// TestCondModel does random things through two handles and compares with a list of who waits.
func TestCondModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	one := newCond(t)
	text, err := one.MarshalText()
	must(t, err)
	var two psync.Cond
	must(t, two.UnmarshalText(text))
	handles := []*psync.Cond{one, &two}
	type waiter struct {
		done   <-chan error
		cancel context.CancelFunc
	}
	var waiting [2][]waiter // by handle, in order of arrival
	end := func(w waiter, want error) {
		t.Helper()
		if err := modetest.Receive(t, w.done, "end of a waiter"); err != want {
			t.Fatalf("seed %d: a waiter: %v, want %v", seed, err, want)
		}
		w.cancel()
	}
	for range 3000 {
		h := rnd.IntN(2)
		c := handles[h]
		switch op := rnd.IntN(20); {
		case op < 9:
			ctx, cancel := context.WithCancel(modetest.Patient(t))
			waiting[h] = append(waiting[h], waiter{waitOnce(t, ctx, c), cancel})
		case op < 13 && len(waiting[h]) > 0:
			i := rnd.IntN(len(waiting[h]))
			w := waiting[h][i]
			w.cancel()
			end(w, context.Canceled)
			waiting[h] = append(waiting[h][:i:i], waiting[h][i+1:]...)
		case op < 19:
			c.Signal()
			switch {
			case len(waiting[0])+len(waiting[1]) == 0:
			case len(waiting[1]) == 0, len(waiting[0]) > 0 && len(waiting[0][0].done) == 1:
				end(waiting[0][0], nil)
				waiting[0] = waiting[0][1:]
			case len(waiting[0]) == 0:
				end(waiting[1][0], nil)
				waiting[1] = waiting[1][1:]
			default: // whose turn it is, is up to the list of nodes; but it is the first of one handle
				select {
				case err := <-waiting[0][0].done:
					must(t, err)
					waiting[0] = waiting[0][1:]
				case err := <-waiting[1][0].done:
					must(t, err)
					waiting[1] = waiting[1][1:]
				case <-time.After(modetest.Watchdog):
					t.Fatalf("seed %d: a signal woke nobody", seed)
				}
			}
		case op == 19:
			c.Broadcast()
			for i := range waiting {
				for _, w := range waiting[i] {
					end(w, nil)
				}
				waiting[i] = nil
			}
		}
		for i := range waiting {
			for _, w := range waiting[i] {
				if len(w.done) != 0 {
					t.Fatalf("seed %d: a waiter has come back: %v", seed, <-w.done)
				}
			}
		}
	}
	one.Broadcast()
	for i := range waiting {
		for _, w := range waiting[i] {
			end(w, nil)
		}
	}
}

// TestCondTokens: producers put tokens, consumers take them and lose their patience at random. Signal wakes
// one; if a signal were lost, somebody would sleep beside a token.
func TestCondTokens(t *testing.T) {
	const producers, consumers, tokens = 4, 40, 4000
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	c := newCond(t)
	have, taken := 0, 0
	var wg sync.WaitGroup
	for i := range consumers {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(i)))
			for n := 0; n < tokens/consumers; {
				ctx, cancel := modetest.Patient(t), context.CancelFunc(func() {})
				impatient := rnd.IntN(4) == 0
				if impatient {
					ctx, cancel = context.WithTimeout(ctx, time.Duration(rnd.IntN(300_000)))
				}
				err := c.When(ctx, func() bool { return have > 0 }, func() error { have--; taken++; n++; return nil })
				cancel()
				if err != nil && !(impatient && errors.Is(err, context.DeadlineExceeded)) {
					t.Errorf("seed %d: %v", seed, err)
					return
				}
			}
		})
	}
	for range producers {
		wg.Go(func() {
			for range tokens / producers {
				must(t, c.Mutex().Do(modetest.Patient(t), func() error { have++; return nil }))
				c.Signal()
			}
		})
	}
	wg.Wait()
	if have != 0 || taken != tokens {
		t.Errorf("seed %d: %d taken, %d left", seed, taken, have)
	}
}
