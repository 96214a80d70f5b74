package crashtest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// semaPermits is how many permits the players share; some want all.
const semaPermits = 3

// semaPlayer acquires and gives up, until it dies. All that it takes has an owner.
type semaPlayer struct {
	S     *psync.Semaphore
	Ops   *shm.Value[int64]
	Stop  *shm.Value[int32]
	Death death
	All   bool // want all that there are, each time
	Once  bool // end after the first
	Do    string
	Cue   *shm.Value[int32] // deaths are counted only once it has come to Death.Stage; nil is at once
}

var semaPlay = multiproc.Proc("semaPlay", func(ctx context.Context, p semaPlayer) error {
	crashpoint.Set(nil)
	if p.Death.Point != "" {
		p.Death.arm(p.Cue)
	}
	switch p.Do {
	case "post":
		return p.S.Post()
	case "wait":
		return p.S.Wait(ctx)
	case "close":
		return p.S.Close()
	}
	for i := 0; p.Stop.Load() == 0; i++ {
		n := 1 + i%semaPermits
		if p.All {
			n = semaPermits
		}
		if i%5 == 0 && !p.All { // gives up, if there are too few
			ctx, cancel := context.WithTimeout(ctx, time.Duration(i%7)*50*time.Microsecond)
			if g, err := p.S.AcquireN(ctx, n); err == nil {
				g.Release()
			}
			cancel()
		}
		if g, ok := p.S.TryAcquireN(n); ok && i%4 == 0 {
			g.Release()
		} else if ok {
			crashpoint.At("test.tried")
			g.Release()
		}
		g, err := p.S.AcquireN(ctx, n)
		if err != nil {
			return err
		}
		crashpoint.At("test.held")
		if i%3 == 0 {
			time.Sleep(20 * time.Microsecond) // so that others find too few
		}
		g.Release()
		shm.Add(p.Ops, 1)
		if p.Once {
			break
		}
	}
	return nil
})

func newSemaPlayer(t *testing.T, permits int) semaPlayer {
	t.Helper()
	needProcess(t)
	s, err := psync.NewSemaphore(permits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return semaPlayer{S: s, Ops: newValue[int64](t, 0), Stop: newValue[int32](t, 0)}
}

// dies plays once, until it dies at a point.
func (p semaPlayer) dies(t *testing.T, point string, nth int) {
	t.Helper()
	p.Death = death{Point: point, Nth: nth}
	killed(t, start(t, semaPlay.With(p)))
}

// wantPermits checks that n permits are free, no more and no fewer, by taking all of them at once.
func (p semaPlayer) wantPermits(t *testing.T, n int) {
	t.Helper()
	if n > 0 {
		g, err := p.S.AcquireN(patient(t), n)
		if err != nil {
			t.Fatalf("permits are lost: %v of %d: %v", p.S.Value(), n, err)
		}
		defer g.Release()
	}
	if _, ok := p.S.TryAcquire(); ok {
		t.Errorf("there are more permits than %d", n)
	}
}

// goOn sees that those who are left do, and that all permits are there when they end.
func (p semaPlayer) goOn(t *testing.T, crowd []*multiproc.Process) {
	t.Helper()
	now := p.Ops.Load()
	eventually(t, func() error {
		if p.Ops.Load() < now+20 {
			return errors.New("nobody gets anything any more")
		}
		return nil
	})
	p.Stop.Store(1)
	for _, c := range crowd {
		succeeded(t, c)
	}
	p.wantPermits(t, semaPermits)
}

// TestKillSemaphore: whoever dies, and wherever, the others go on, and every permit is there in the end.
func TestKillSemaphore(t *testing.T) {
	needProcess(t)
	for _, point := range []string{
		"sema.claimed", "sema.recorded", "sema.taken", "sema.given", "sema.grabbed", "sema.shut", "sema.announced", "sema.sleep", "sema.woken",
		"sema.freed", "sema.tell", "sema.giveup", "sema.leave", "test.held", "test.tried",
	} {
		for _, nth := range []int{1, 2, 10} {
			if point == "sema.claimed" && nth > 1 {
				continue
			}
			t.Run(fmt.Sprint(point, " ", nth), func(t *testing.T) {
				p := newSemaPlayer(t, semaPermits)
				crowd := []*multiproc.Process{start(t, semaPlay.With(p)), start(t, semaPlay.With(p))}
				p.dies(t, point, nth)
				p.goOn(t, crowd)
			})
		}
	}
}

// TestKillSemaphoreHeirs: one dies at a step, and the next, who has to see to that, at a step of this. All are alone.
func TestKillSemaphoreHeirs(t *testing.T) {
	for _, d := range []struct{ first, second string }{
		{"test.held", "sema.bury"}, {"test.held", "sema.buried"}, {"test.held", "sema.claimed"},
		{"sema.recorded", "sema.redo"}, {"sema.recorded", "sema.given"},
		{"sema.taken", "sema.redo"}, {"sema.taken", "sema.redone"},
		{"sema.given", "sema.redo"}, {"sema.given", "test.held"}, {"sema.grabbed", "sema.bury"}, {"sema.claimed", "sema.claimed"},
	} {
		t.Run(d.first+" "+d.second, func(t *testing.T) {
			p := newSemaPlayer(t, semaPermits)
			p.All = true
			p.dies(t, d.first, 1)
			p.dies(t, d.second, 1)
			p.Once = true
			succeeded(t, start(t, semaPlay.With(p)))
			p.wantPermits(t, semaPermits)
		})
	}
}

// TestKillSemaphoreHolder: a process dies that holds permits of several kinds, and posted and took others: the former come back, and
// nothing else.
func TestKillSemaphoreHolder(t *testing.T) {
	p := newSemaPlayer(t, 100)
	for range 3 {
		killed(t, start(t, semaHoard.With(p)))
	}
	p.wantPermits(t, 100+3)
}

// semaHoard holds many permits, has posted two and taken one that nobody owns.
var semaHoard = multiproc.Proc("semaHoard", func(ctx context.Context, p semaPlayer) error {
	for i := range 40 {
		if _, err := p.S.AcquireN(ctx, 1+i%3); err != nil {
			return err
		}
	}
	if err := errors.Join(p.S.Post(), p.S.Post(), p.S.Wait(ctx)); err != nil {
		return err
	}
	dieNow()
	return nil
})

// TestKillSemaphoreWaiter: one dies at any moment of its wait. The one behind it is served.
func TestKillSemaphoreWaiter(t *testing.T) {
	for _, point := range []string{"sema.announced", "sema.shut", "sema.sleep", "sema.woken", "sema.grabbed", "sema.leave"} {
		t.Run(point, func(t *testing.T) {
			p := newSemaPlayer(t, 0)
			p.Do = "wait"
			victim := p
			victim.Cue = newValue[int32](t, 0)
			victim.Death = death{Point: point, Nth: 1, Stage: 1}
			early := point == "sema.announced" || point == "sema.shut" || point == "sema.sleep"
			if early {
				victim.Death.Stage = 0
			}
			first := start(t, semaPlay.With(victim))
			if early {
				killed(t, first)
			} else {
				asleep(t, first)
			}
			heir := start(t, semaPlay.With(p))
			asleep(t, heir)
			victim.Cue.Store(1)
			if err := p.S.Post(); err != nil {
				t.Fatal(err)
			}
			if !early {
				killed(t, first)
			}
			if point == "sema.grabbed" || point == "sema.leave" {
				// Wait had the permit, which has no owner.
				asleep(t, heir)
				if err := p.S.Post(); err != nil {
					t.Fatal(err)
				}
			}
			succeeded(t, heir)
			p.wantPermits(t, 0)
		})
	}
}

// TestKillSemaphorePoster: who posts dies before it has told the one who waits.
func TestKillSemaphorePoster(t *testing.T) {
	for _, point := range []string{"sema.posted", "sema.tell"} {
		t.Run(point, func(t *testing.T) {
			p := newSemaPlayer(t, 0)
			p.Do = "wait"
			waiter := start(t, semaPlay.With(p))
			asleep(t, waiter)
			p.Do = "post"
			p.dies(t, point, 1)
			succeeded(t, waiter)
			p.wantPermits(t, 0)
		})
	}
}

// TestKillSemaphoreCloser: who closes it dies in the middle. Those who wait learn it, and the memory is freed by whoever comes.
func TestKillSemaphoreCloser(t *testing.T) {
	for _, point := range []string{"sema.closing", "sema.shut", "sema.finish", "holds.freed"} {
		t.Run(point, func(t *testing.T) {
			p := newSemaPlayer(t, 0)
			waits := p
			waits.Do = "wait"
			var waiters []*multiproc.Process
			if point == "sema.closing" || point == "sema.shut" { // else it is the waiter that frees it
				waiters = append(waiters, start(t, semaPlay.With(waits)))
				asleep(t, waiters[0])
			}
			if point == "holds.freed" { // which needs more holds than lie in the semaphore
				p.crowd(t, 6)
			}
			p.Do = "close"
			p.dies(t, point, 1)
			for _, w := range waiters {
				if err := w.Wait(patient(t)); err == nil {
					t.Error("a waiter got something")
				}
			}
			if err := p.S.Wait(patient(t)); !errors.Is(err, psync.ErrClosed) {
				t.Errorf("Wait: %v", err)
			}
			if err := p.S.Close(); !errors.Is(err, psync.ErrClosed) {
				t.Errorf("Close: %v", err)
			}
			if heir := newSemaPlayer(t, 0); heir.S.String() != p.S.String() {
				t.Errorf("%v was not freed; the next is %v", p.S, heir.S)
			}
		})
	}
}

// crowd lets so many processes have a permit at the same time, and ends them.
func (p semaPlayer) crowd(t *testing.T, n int) {
	t.Helper()
	stage := newValue[int32](t, 0)
	var all []*multiproc.Process
	for i := range n {
		if err := p.S.Post(); err != nil {
			t.Fatal(err)
		}
		all = append(all, start(t, semaKeep.With(semaKeeper{p.S, stage})))
		reach(t, stage, int32(i+1))
	}
	for _, c := range all {
		c.Kill()
		killed(t, c)
	}
}

type semaKeeper struct {
	S     *psync.Semaphore
	Stage *shm.Value[int32]
}

// semaKeep holds a permit until it is killed.
var semaKeep = multiproc.Proc("semaKeep", func(ctx context.Context, k semaKeeper) error {
	if _, err := k.S.Acquire(ctx); err != nil {
		return err
	}
	shm.Add(k.Stage, 1)
	<-ctx.Done()
	return nil
})

// TestKillSemaphoreGrow: the process dies that makes room for more holds; nothing is lost but a block that names it.
func TestKillSemaphoreGrow(t *testing.T) {
	p := newSemaPlayer(t, 4+semaPermits)
	stage := newValue[int32](t, 0)
	var keepers []*multiproc.Process
	for i := range 4 { // all holds that lie in the semaphore
		keepers = append(keepers, start(t, semaKeep.With(semaKeeper{p.S, stage})))
		reach(t, stage, int32(i+1))
	}
	p.dies(t, "holds.grown", 1)
	p.Once = true
	succeeded(t, start(t, semaPlay.With(p)))
	p.wantPermits(t, semaPermits)
	for _, k := range keepers {
		k.Kill()
		killed(t, k)
	}
	p.wantPermits(t, 4+semaPermits)
}

// TestKillSemaphoreFirst: one dies that is the first in the queue, and nobody stands behind it. That somebody waits is not believed for ever:
// who comes next takes the slow path once, and from then on nobody does.
func TestKillSemaphoreFirst(t *testing.T) {
	for _, point := range []string{"sema.announced", "sema.shut", "sema.sleep", "sema.giveup", "sema.relieve"} {
		t.Run(point, func(t *testing.T) {
			p := newSemaPlayer(t, semaPermits)
			held, err := p.S.AcquireN(patient(t), semaPermits)
			if err != nil {
				t.Fatal(err)
			}
			if point == "sema.relieve" { // after another
				p.dies(t, "sema.sleep", 1)
			}
			p.dies(t, point, 1)
			held.Release()
			var slow atomic.Int64
			crashpoint.Set(func(name string) {
				if name == "sema.grabbed" {
					slow.Add(1)
				}
			})
			defer crashpoint.Set(nil)
			for range 10 {
				g, err := p.S.Acquire(patient(t))
				if err != nil {
					t.Fatal(err)
				}
				g.Release()
			}
			if n := slow.Load(); n > 1 {
				t.Errorf("%d of 10 took the slow path", n)
			}
			p.wantPermits(t, semaPermits)
		})
	}
}

// TestKillSemaphoreStopped: a stopped process is alive, and its permits are not taken from it.
func TestKillSemaphoreStopped(t *testing.T) {
	p := newSemaPlayer(t, 1)
	stage := newValue[int32](t, 0)
	keeper := start(t, semaKeep.With(semaKeeper{p.S, stage}))
	reach(t, stage, 1)
	if err := stopOther(keeper); err != nil {
		t.Fatal(err)
	}
	p.wantPermits(t, 0)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := p.S.Acquire(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Acquire: %v", err)
	}
	keeper.Kill()
	killed(t, keeper)
	p.wantPermits(t, 1)
}
