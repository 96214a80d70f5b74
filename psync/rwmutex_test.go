package psync_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/internal/race"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// newRWMutex makes a lock that is closed at the end of the test.
func newRWMutex(t testing.TB) *psync.RWMutex {
	t.Helper()
	m, err := psync.NewRWMutex()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func mustRead(t testing.TB, m *psync.RWMutex) psync.ReadGuard {
	t.Helper()
	g, err := m.RLock(modetest.Patient(t))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func mustWrite(t testing.TB, m *psync.RWMutex) psync.WriteGuard {
	t.Helper()
	g, err := m.Lock(modetest.Patient(t))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// wantRW checks what can be had at once.
func wantRW(t testing.TB, what string, m *psync.RWMutex, read, write bool) {
	t.Helper()
	if g, ok := m.TryLock(); ok != write {
		t.Errorf("%s: TryLock: %v", what, ok)
	} else if ok {
		g.Unlock()
	}
	if g, ok := m.TryRLock(); ok != read {
		t.Errorf("%s: TryRLock: %v", what, ok)
	} else if ok {
		g.Unlock()
	}
}

// onPoint counts the goroutines that come to a crash point.
func onPoint(t *testing.T, point string) <-chan bool {
	come := make(chan bool, 1000)
	crashpoint.Set(func(name string) {
		if name == point {
			select {
			case come <- true:
			default:
			}
		}
	})
	t.Cleanup(func() { crashpoint.Set(nil) })
	return come
}

func TestRWMutex(t *testing.T) {
	m := newRWMutex(t)
	for range 3 {
		wantRW(t, "free", m, true, true)
		r := mustRead(t, m)
		wantRW(t, "read", m, true, false)
		r2 := mustRead(t, m)
		r.Unlock()
		wantRW(t, "still read", m, true, false)
		r2.Unlock()
		w := mustWrite(t, m)
		wantRW(t, "written", m, false, false)
		r, err := w.Downgrade()
		if err != nil {
			t.Fatal(err)
		}
		wantRW(t, "downgraded", m, true, false)
		wantGuardError(t, "a downgraded guard", "Unlock", w.Unlock)
		wantGuardError(t, "a downgraded guard", "Downgrade", func() { w.Downgrade() })
		r.Unlock()
	}
	ended := modetest.Ended()
	if g, err := m.Lock(ended); err != nil {
		t.Errorf("Lock of a free lock: %v", err)
	} else {
		g.Unlock()
	}
	if g, err := m.RLock(ended); err != nil {
		t.Errorf("RLock of a free lock: %v", err)
	} else {
		g.Unlock()
	}
	if err := errors.Join(m.Do(ended, never), m.RDo(ended, never), m.Repair(ended, never)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	ran := 0
	if err := m.RDo(t.Context(), func() error { ran++; wantRW(t, "RDo", m, true, false); return nil }); err != nil || ran != 1 {
		t.Errorf("RDo: %v, ran %d times", err, ran)
	}
	if err := m.Do(t.Context(), func() error { ran++; wantRW(t, "Do", m, false, false); return errTest }); err != errTest || ran != 2 {
		t.Errorf("Do: %v, ran %d times", err, ran)
	}
	if p := modetest.PanicOf(func() { m.RDo(t.Context(), func() error { panic(errTest) }) }); p != errTest {
		t.Errorf("panic %v", p)
	}
	wantRW(t, "after a reader's panic", m, true, true)
	if p := modetest.PanicOf(func() { m.Do(t.Context(), func() error { panic(errTest) }) }); p != errTest {
		t.Errorf("panic %v", p)
	}
	if err := m.RDo(t.Context(), never); !errors.Is(err, psync.ErrAbandoned) {
		t.Errorf("RDo after a writer's panic: %v", err)
	}
	if err := m.Repair(t.Context(), func() error { return nil }); err != nil {
		t.Error(err)
	}
	wantRW(t, "repaired", m, true, true)
}

// TestRWGuards: what was used once is of no use, also when the slot is somebody else's. There are more readers than a hold has slots.
func TestRWGuards(t *testing.T) {
	m := newRWMutex(t)
	for round := range 3 {
		var guards, old []psync.ReadGuard
		for range 100 {
			guards = append(guards, mustRead(t, m))
		}
		for _, g := range guards[round*30:] {
			g.Unlock()
			old = append(old, g)
		}
		for range 50 {
			guards = append(guards, mustRead(t, m))
		}
		for _, g := range old {
			wantGuardError(t, "used", "Unlock", g.Unlock)
		}
		wantRW(t, "read", m, true, false)
		for _, g := range append(guards[:round*30:round*30], guards[100:]...) {
			g.Unlock()
		}
		wantRW(t, "free", m, true, true)
	}
	wantGuardError(t, "zero", "Unlock", psync.ReadGuard{}.Unlock)
	wantGuardError(t, "zero", "Abandoned", func() { psync.ReadGuard{}.Abandoned() })
	wantGuardError(t, "zero", "Unlock", psync.WriteGuard{}.Unlock)
	wantGuardError(t, "zero", "Abandoned", func() { psync.WriteGuard{}.Abandoned() })
	w := mustWrite(t, m)
	clone := w
	w.Unlock()
	v := mustWrite(t, m)
	for _, g := range []psync.WriteGuard{w, clone} {
		wantGuardError(t, "used", "Unlock", g.Unlock)
		wantGuardError(t, "used", "Repaired", g.Repaired)
	}
	wantRW(t, "written", m, false, false)
	v.Unlock()
}

type rwJob struct {
	M     *psync.RWMutex
	A, B  *shm.Value[int64] // equal whenever nobody writes
	Turns int
	Seed  uint64
}

// rwWork reads, writes, downgrades and gives up. It returns how often it wrote.
var rwWork = multiproc.Func("rwWork", func(ctx context.Context, j rwJob) (int64, error) {
	rnd := rand.New(rand.NewPCG(j.Seed, 0))
	wrote := int64(0)
	equal := func() error {
		if a, b := j.A.Load(), j.B.Load(); a != b {
			return errors.New("a reader is in with a writer")
		}
		return nil
	}
	turn := func(ctx context.Context) error {
		if rnd.IntN(8) == 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, time.Duration(1+rnd.IntN(50_000)))
			defer cancel()
		}
		var err error
		switch n := rnd.IntN(10); {
		case n < 2:
			var g psync.WriteGuard
			if g, err = j.M.Lock(ctx); err == nil {
				if err = equal(); err != nil {
					return err
				}
				j.A.Store(j.A.Load() + 1)
				j.B.Store(j.B.Load() + 1)
				wrote++
				if n == 0 {
					g.Unlock()
					break
				}
				r, e := g.Downgrade()
				if e != nil {
					return e
				}
				now := j.A.Load()
				if e := equal(); e != nil || j.A.Load() != now {
					return errors.New("somebody wrote during a downgrade")
				}
				r.Unlock()
			}
		default:
			var g psync.ReadGuard
			if g, err = j.M.RLock(ctx); err == nil {
				err = equal()
				g.Unlock()
			}
		}
		if errors.Is(err, context.DeadlineExceeded) {
			return nil
		}
		return err
	}
	for range j.Turns {
		if err := turn(ctx); err != nil {
			return wrote, err
		}
	}
	return wrote, nil
})

func newValue(t testing.TB) *shm.Value[int64] {
	t.Helper()
	v, err := shm.NewValue[int64](0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// TestRWMutexBetweenProcesses: random operations; readers never see half a write, and no write is lost.
func TestRWMutexBetweenProcesses(t *testing.T) {
	j := rwJob{newRWMutex(t), newValue(t), newValue(t), 4000, rand.Uint64()}
	t.Logf("seed %d", j.Seed)
	var calls []*multiproc.Call[int64]
	for i := range 5 {
		j := j
		j.Seed += uint64(i)
		c, err := rwWork.Start(t.Context(), j)
		if err != nil {
			t.Fatal(err)
		}
		calls = append(calls, c)
	}
	want := int64(0)
	for _, c := range calls {
		n, err := c.Result(modetest.Patient(t))
		if err != nil {
			t.Error(err)
		}
		want += n
	}
	if got := j.A.Load(); got != want || got != j.B.Load() || got == 0 {
		t.Errorf("%d writes, counted %d and %d", want, got, j.B.Load())
	}
	wantRW(t, "at the end", j.M, true, true)
}

type rwDying struct {
	M     *psync.RWMutex
	How   string
	Write bool
}

var rwDie = multiproc.Proc("rwDie", func(ctx context.Context, d rwDying) error {
	var err error
	if d.Write {
		_, err = d.M.Lock(ctx)
	} else {
		_, err = d.M.RLock(ctx)
	}
	if err != nil {
		return err
	}
	switch d.How {
	case "panic":
		panic("with a guard")
	case "Goexit":
		runtime.Goexit()
	case "error":
		return errTest
	}
	return nil
})

func TestRWAbandoned(t *testing.T) {
	for _, how := range []string{"return", "error", "panic", "Goexit"} {
		for _, write := range []bool{false, true} {
			m := newRWMutex(t)
			c, err := rwDie.Start(t.Context(), rwDying{m, how, write})
			if err != nil {
				t.Fatal(err)
			}
			c.Wait(modetest.Patient(t))
			r := mustRead(t, m)
			if r.Abandoned() != write {
				t.Errorf("%s, writer %v: abandoned %v for a reader", how, write, r.Abandoned())
			}
			r.Unlock()
			w := mustWrite(t, m)
			if w.Abandoned() != write {
				t.Errorf("%s, writer %v: abandoned %v for a writer", how, write, w.Abandoned())
			}
			w.Repaired()
			if w.Abandoned() {
				t.Error("abandoned after Repaired")
			}
			w.Unlock()
			wantRW(t, "repaired", m, true, true)
		}
	}
}

// TestWriterIsNotStarved: there always is a reader, and yet the writer gets in.
func TestWriterIsNotStarved(t *testing.T) {
	m := newRWMutex(t)
	var done atomic.Bool
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for !done.Load() {
				g := mustRead(t, m)
				runtime.Gosched()
				g.Unlock()
			}
		})
	}
	for range 200 {
		mustWrite(t, m).Unlock()
	}
	done.Store(true)
	wg.Wait()
}

// TestRWContext: who gives up is not in anybody's way.
func TestRWContext(t *testing.T) {
	m := newRWMutex(t)
	for range 20 {
		r := mustRead(t, m)
		draining := onPoint(t, "rwlock.drain")
		ctx, cancel := context.WithCancel(t.Context())
		gaveUp := make(chan error, 1)
		go func() {
			_, err := m.Lock(ctx)
			gaveUp <- err
		}()
		modetest.Receive(t, draining, "writer")
		if _, ok := m.TryRLock(); ok {
			t.Error("a reader came in before a waiting writer")
		}
		read := make(chan error, 1)
		go func() { // it may come when the writer has gone, and then it reads
			g, err := m.RLock(ctx)
			if err == nil {
				g.Unlock()
			}
			read <- err
		}()
		cancel()
		if err := modetest.Receive(t, gaveUp, "end of the writer"); err != context.Canceled {
			t.Errorf("the writer: %v", err)
		}
		if err := modetest.Receive(t, read, "end of the reader"); err != nil && err != context.Canceled {
			t.Errorf("the reader: %v", err)
		}
		mustRead(t, m).Unlock()
		r.Unlock()
		wantRW(t, "free", m, true, true)
	}
}

func TestRWClose(t *testing.T) {
	for _, write := range []bool{false, true} {
		m := newRWMutex(t)
		var unlock func()
		point := "rwlock.drain"
		if write {
			point = "lock.sleep"
			unlock = mustWrite(t, m).Unlock
		} else {
			unlock = mustRead(t, m).Unlock
		}
		waiting := onPoint(t, point)
		ended := make(chan error, 2)
		go func() { _, err := m.Lock(modetest.Patient(t)); ended <- err }()
		modetest.Receive(t, waiting, "writer")
		go func() { _, err := m.RLock(modetest.Patient(t)); ended <- err }()
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := modetest.Receive(t, ended, "end of a waiter"); !errors.Is(err, psync.ErrClosed) {
				t.Errorf("a waiter: %v", err)
			}
		}
		if err := m.Close(); !errors.Is(err, psync.ErrClosed) {
			t.Errorf("closed twice: %v", err)
		}
		if _, err := m.MarshalText(); !errors.Is(err, psync.ErrClosed) {
			t.Errorf("MarshalText: %v", err)
		}
		early := newRWMutex(t)
		if early.String() == m.String() {
			t.Fatal("the memory of a lock that is held was given away")
		}
		unlock()
		heir := newRWMutex(t)
		if heir.String() != m.String() {
			t.Errorf("writer %v: the memory of %v was not freed by its last holder", write, m)
		}
		if _, err := m.RLock(t.Context()); !errors.Is(err, psync.ErrClosed) {
			t.Errorf("RLock: %v", err)
		}
		r := mustRead(t, heir)
		unlock() // without effect
		wantRW(t, "the heir", heir, true, false)
		r.Unlock()
		var zero psync.RWMutex
		if _, err := zero.Lock(t.Context()); !errors.Is(err, psync.ErrClosed) {
			t.Errorf("the zero lock: %v", err)
		}
		heir.Close()
		early.Close()
	}
}

func TestRWHandles(t *testing.T) {
	m := newRWMutex(t)
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var same psync.RWMutex
	if err := json.Unmarshal(b, &same); err != nil {
		t.Fatal(err)
	}
	if !same.Equal(m) || m.Equal(newRWMutex(t)) || same.String() != m.String() {
		t.Errorf("%v and %v", &same, m)
	}
	w := mustWrite(t, &same)
	wantRW(t, "written by the other handle", m, false, false)
	w.Unlock()
	r := mustRead(t, &same) // both handles have one hold
	r2 := mustRead(t, m)
	r.Unlock()
	wantRW(t, "read", &same, true, false)
	r2.Unlock()
	mu := newMutex(t)
	if b, err = mu.MarshalBinary(); err != nil {
		t.Fatal(err)
	}
	if err := same.UnmarshalBinary(b); !errors.Is(err, psync.ErrKind) {
		t.Errorf("a mutex: %v", err)
	}
}

var readUntil = multiproc.Proc("readUntil", func(ctx context.Context, j rwJob) error {
	g, err := j.M.RLock(ctx)
	if err != nil {
		return err
	}
	shm.Add(j.A, 1)
	<-release
	if j.Seed%2 == 0 {
		g.Unlock()
	}
	return nil // else it dies as a reader
})

var release chan bool // made by the test

// TestRWFullTable: nearly as many readers at once as a family can have members, half of which die as readers.
func TestRWFullTable(t *testing.T) {
	modetest.NeedGoroutines(t, "so many processes do not fit into every machine")
	release = make(chan bool)
	n := 4000
	if testing.Short() || race.Enabled {
		n = 300
	}
	m, count := newRWMutex(t), newValue(t)
	var calls []*multiproc.Process
	for i := range n {
		c, err := readUntil.Start(t.Context(), rwJob{M: m, A: count, B: count, Seed: uint64(i)})
		if err != nil {
			t.Fatal(err)
		}
		calls = append(calls, c.Process)
	}
	for shm.Add(count, 0) < int64(n) {
		runtime.Gosched()
	}
	draining := onPoint(t, "rwlock.drain")
	got := make(chan psync.WriteGuard)
	go func() { got <- mustWrite(t, m) }()
	modetest.Receive(t, draining, "writer")
	wantRW(t, "read by all", m, false, false)
	close(release)
	g := modetest.Receive(t, got, "writer")
	if g.Abandoned() {
		t.Error("abandoned")
	}
	g.Unlock()
	for _, p := range calls {
		if err := p.Wait(modetest.Patient(t)); err != nil {
			t.Fatal(err)
		}
	}
	wantRW(t, "at the end", m, true, true)
}
