package crashtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/lock"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// rwPlayer does everything that can be done with a lock, until it dies.
type rwPlayer struct {
	M     *psync.RWMutex
	A, B  *shm.Value[int64]
	Stop  *shm.Value[int32]
	Death death
	Told  *shm.Value[int64] // how often the lock was found abandoned
	Read  bool              // only read
}

var rwPlay = multiproc.Proc("rwPlay", func(ctx context.Context, p rwPlayer) error {
	crashpoint.Set(nil)
	if p.Death.Point != "" {
		p.Death.arm(nil)
	}
	for i := 0; p.Stop.Load() == 0; i++ {
		if i%3 != 0 || p.Read {
			g, err := p.M.RLock(ctx)
			if err != nil {
				return err
			}
			if !g.Abandoned() && p.A.Load() != p.B.Load() {
				return errors.New("a reader is in with a writer")
			}
			g.Unlock()
			continue
		}
		if i%5 == 0 { // gives up, if there is a reader
			ctx, cancel := context.WithTimeout(ctx, 1)
			if g, err := p.M.Lock(ctx); err == nil {
				p.repair(g)
				g.Unlock()
			}
			cancel()
		}
		g, err := p.M.Lock(ctx)
		if err != nil {
			return err
		}
		p.repair(g)
		if p.A.Load() != p.B.Load() {
			return errors.New("half a write, and it is not abandoned")
		}
		p.A.Store(p.A.Load() + 1)
		crashpoint.At("test.half")
		p.B.Store(p.B.Load() + 1)
		if i%2 == 0 {
			r, err := g.Downgrade()
			if err != nil {
				return err
			}
			r.Unlock()
			continue
		}
		g.Unlock()
	}
	return nil
})

// repair finishes what a dead writer had begun.
func (p rwPlayer) repair(g psync.WriteGuard) {
	if g.Abandoned() {
		p.B.Store(p.A.Load())
		shm.Add(p.Told, 1)
		g.Repaired()
	}
}

type rwDeath struct {
	point  string
	nth    []int
	under  bool // while the test reads, so that writers have to wait
	first  bool // before there is anybody else
	read   bool // as one who only reads
	leaves bool // the lock is abandoned
	stores bool // where readers leave by a store
}

// rwDeaths are the moments at which one of three dies.
var rwDeaths = []rwDeath{
	{point: "holds.claiming", nth: []int{1}, read: true},
	{point: "rwlock.opened", nth: []int{1, 2, 20}},
	{point: "rwlock.unset", nth: []int{1, 5}},
	{point: "rwlock.shutting", nth: []int{1, 2, 20}},
	{point: "rwlock.shut", nth: []int{1, 2, 20}},
	{point: "rwlock.drain", nth: []int{1}, under: true, first: true},
	{point: "rwlock.watch", nth: []int{1}, under: true, first: true, stores: true},
	{point: "rwlock.watched", nth: []int{1}, under: true, first: true, stores: true},
	{point: "rwlock.back", nth: []int{1}, under: true, first: true},
	{point: "lock.sleep", nth: []int{1}, under: true},
	{point: "rwlock.in", nth: []int{1, 2, 20}, leaves: true},
	{point: "test.half", nth: []int{1, 2, 20}, leaves: true},
	{point: "rwlock.open", nth: []int{1, 2, 20}},
	{point: "lock.freed", nth: []int{1, 3}},
	{point: "lock.woken", nth: []int{1, 3}},
}

// TestKillRW: whoever dies, and wherever, readers and writers go on, with nobody in who should not be; and only a death
// inside leaves the lock abandoned.
func TestKillRW(t *testing.T) {
	needProcess(t)
	for _, d := range rwDeaths {
		if d.stores && os.Getenv(lock.EnvRelease) != "store" {
			continue
		}
		for _, nth := range d.nth {
			t.Run(fmt.Sprint(d.point, " ", nth), func(t *testing.T) { killRW(t, d, nth) })
		}
	}
}

func newRWPlayer(t *testing.T) rwPlayer {
	t.Helper()
	m, err := psync.NewRWMutex()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return rwPlayer{M: m, A: newValue[int64](t, 0), B: newValue[int64](t, 0), Told: newValue[int64](t, 0), Stop: newValue[int32](t, 0)}
}

func killRW(t *testing.T, d rwDeath, nth int) {
	p := newRWPlayer(t)
	var read psync.ReadGuard
	if d.under {
		var err error
		if read, err = p.M.RLock(patient(t)); err != nil {
			t.Fatal(err)
		}
	}
	var crowd []*multiproc.Process
	come := func() { crowd = append(crowd, start(t, rwPlay.With(p)), start(t, rwPlay.With(p))) }
	if !d.first {
		come()
		for _, c := range crowd {
			if d.under { // or the victim may be the first to get the writers' lock, and never sleep on it
				asleep(t, c)
			}
		}
	}
	victim := p
	victim.Death, victim.Read = death{Point: d.point, Nth: nth}, d.read
	killed(t, start(t, rwPlay.With(victim)))
	if d.first {
		come()
	}
	if d.under {
		read.Unlock()
	}
	p.goOn(t, crowd)
	want := int64(0)
	if d.leaves {
		want = 1
	}
	if got := p.Told.Load(); got != want {
		t.Errorf("%d times it was abandoned, want %d", got, want)
	}
}

// goOn sees that those who are left do, and that the lock is free and the numbers whole when they end.
func (p rwPlayer) goOn(t *testing.T, crowd []*multiproc.Process) {
	t.Helper()
	now := p.A.Load()
	eventually(t, func() error {
		if p.A.Load() < now+20 {
			return errors.New("nobody writes any more")
		}
		return nil
	})
	p.Stop.Store(1)
	for _, c := range crowd {
		succeeded(t, c)
	}
	if g, ok := p.M.TryLock(); !ok {
		t.Error("somebody holds the lock")
	} else {
		g.Unlock()
	}
	if a, b := p.A.Load(), p.B.Load(); a != b {
		t.Errorf("%d and %d", a, b)
	}
}

// TestKillGrow: the process dies that makes room for more holds.
func TestKillGrow(t *testing.T) {
	needProcess(t)
	p := newRWPlayer(t)
	victim := p
	victim.Death = death{Point: "holds.grown", Nth: 1}
	var crowd []*multiproc.Process
	stage := newValue[int32](t, 0)
	for n := range int32(4) { // all holds that lie in the lock
		crowd = append(crowd, start(t, readFor.With(manyLocks{[]*psync.RWMutex{p.M}, stage})))
		reach(t, stage, n+1)
	}
	read := victim
	read.Read = true
	killed(t, start(t, rwPlay.With(read)))
	reader := start(t, readFor.With(manyLocks{[]*psync.RWMutex{p.M}, stage}))
	reach(t, stage, 5)
	for _, c := range append(crowd, reader) {
		c.Kill()
		killed(t, c)
	}
	p.goOn(t, []*multiproc.Process{start(t, rwPlay.With(p)), start(t, rwPlay.With(p))})
	if p.Told.Load() != 0 {
		t.Error("abandoned, and no writer has died")
	}
}

// TestKillReaderAtRandom: a writer waits while readers die.
func TestKillReaderAtRandom(t *testing.T) {
	needProcess(t)
	m, err := psync.NewRWMutex()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	for range 30 {
		stage := newValue[int32](t, 0)
		victims := []*multiproc.Process{
			start(t, readFor.With(manyLocks{[]*psync.RWMutex{m}, stage})), start(t, readFor.With(manyLocks{[]*psync.RWMutex{m}, stage})),
		}
		reach(t, stage, 2)
		got := make(chan error)
		go func() {
			g, err := m.Lock(patient(t))
			if err == nil {
				if g.Abandoned() {
					err = errors.New("a reader has left the lock abandoned")
				}
				g.Unlock()
			}
			got <- err
		}()
		for _, v := range victims {
			select {
			case err := <-got:
				t.Fatalf("a writer is in with a reader: %v", err)
			default:
			}
			v.Kill()
		}
		if err := <-got; err != nil {
			t.Fatal(err)
		}
		for _, v := range victims {
			killed(t, v)
		}
	}
}

type manyLocks struct {
	Locks []*psync.RWMutex
	Stage *shm.Value[int32]
}

// readFor reads all locks and holds them until it is killed.
var readFor = multiproc.Proc("readFor", func(ctx context.Context, j manyLocks) error {
	for _, m := range j.Locks {
		if _, err := m.RLock(ctx); err != nil {
			return err
		}
	}
	shm.Add(j.Stage, 1)
	<-ctx.Done()
	return nil
})

// TestKillReaderOfMany: a process dies that reads a thousand locks; all can be written, and nothing is left of them at the end.
func TestKillReaderOfMany(t *testing.T) {
	member := needProcess(t)
	before, err := member.Arena.Stats(member.ID())
	if err != nil {
		t.Fatal(err)
	}
	stage := newValue[int32](t, 0)
	locks := make([]*psync.RWMutex, 1000)
	for i := range locks {
		if locks[i], err = psync.NewRWMutex(); err != nil {
			t.Fatal(err)
		}
	}
	for n := int32(1); n <= 6; n++ { // more than the holds that lie in a lock
		victim := start(t, readFor.With(manyLocks{locks, stage}))
		reach(t, stage, n)
		if n%2 == 0 {
			victim.Kill()
		}
	}
	for _, p := range multiproc.Children(t.Context()) {
		p.Kill()
	}
	for i, m := range locks {
		g, err := m.Lock(patient(t))
		if err != nil {
			t.Fatal(err)
		}
		if g.Abandoned() {
			t.Fatalf("lock %d is abandoned", i)
		}
		g.Unlock()
	}
	for _, m := range locks {
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	now, err := member.Arena.Stats(member.ID())
	if err != nil {
		t.Fatal(err)
	}
	if now.Live > before.Live+1 { // stage
		t.Errorf("%d blocks, there were %d", now.Live, before.Live)
	}
	if err := member.Arena.Check(member.ID()); err != nil {
		t.Error(err)
	}
}
