package crashtest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// player is one process in a scene: it holds or waits, and may die.
type player struct {
	Mu     *psync.Mutex
	Stage  *shm.Value[int32]  // of this player: the player's progress
	ID     *shm.Value[uint32] // of this player: who it is
	Cue    *shm.Value[int32]  // of the scene: the test's progress
	Death  death              // counted once the cue has come to Death.Stage
	Cancel bool               // give up waiting at cue 2
}

// Stages of a player.
const (
	waiting int32 = 1 + iota
	holding
	abandoned // holding, and was told so
	finished
)

// play waits for the lock, holds it until cue 3, and unlocks.
var play = multiproc.Proc("play", func(ctx context.Context, p player) error {
	if p.Death.Point != "" {
		p.Death.arm(p.Cue)
	} else {
		crashpoint.Set(nil)
	}
	if p.Cancel {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		go func() {
			for p.Cue.Load() < 2 {
				time.Sleep(100 * time.Microsecond)
			}
			cancel()
		}()
	}
	p.ID.Store(multiproc.Self(ctx).ID)
	p.Stage.Store(waiting)
	g, err := p.Mu.Lock(ctx)
	if err != nil {
		return err
	}
	stage := holding
	if g.Abandoned() {
		stage = abandoned
		g.Repaired()
	}
	p.Stage.Store(stage)
	for p.Cue.Load() < 3 {
		time.Sleep(100 * time.Microsecond)
	}
	g.Unlock()
	p.Stage.Store(finished)
	return nil
})

// scene is a lock and who plays with it.
type scene struct {
	t   *testing.T
	mu  *psync.Mutex
	cue *shm.Value[int32]
}

func newScene(t *testing.T) *scene {
	needProcess(t)
	mu, err := psync.NewMutex()
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{t, mu, newValue[int32](t, 0)}
	t.Cleanup(func() { mu.Close() })
	return s
}

// actor is a player's process, seen from the test.
type actor struct {
	*multiproc.Process
	stage *shm.Value[int32]
	id    *shm.Value[uint32]
}

func (s *scene) enter(p player) actor {
	s.t.Helper()
	p.Mu, p.Cue, p.Stage, p.ID = s.mu, s.cue, newValue[int32](s.t, 0), newValue[uint32](s.t, 0)
	return actor{start(s.t, play.With(p)), p.Stage, p.ID}
}

// waits sees that an actor sleeps in Lock.
func (s *scene) waits(a actor) {
	s.t.Helper()
	reach(s.t, a.stage, waiting)
	asleep(s.t, a.Process)
	if a.stage.Load() != waiting {
		s.t.Fatalf("%v is not waiting", a)
	}
}

// gets sees that an actor gets the lock, and ends well.
func (s *scene) gets(a actor, want int32) {
	s.t.Helper()
	reach(s.t, a.stage, holding)
	if got := a.stage.Load(); got != want && got != finished {
		s.t.Fatalf("%v has the lock in stage %d; want %d", a, got, want)
	}
	s.cue.Store(3)
	succeeded(s.t, a.Process)
}

func (s *scene) lock() psync.Guard {
	s.t.Helper()
	g, err := s.mu.Lock(patient(s.t))
	if err != nil {
		s.t.Fatal(err)
	}
	return g
}

func TestKillHolder(t *testing.T) {
	s := newScene(t)
	victim := s.enter(player{})
	reach(t, victim.stage, holding)
	heir := s.enter(player{})
	s.waits(heir)
	victim.Kill()
	killed(t, victim.Process)
	s.gets(heir, abandoned)
	if g := s.lock(); g.Abandoned() {
		t.Error("abandoned after it was repaired")
	} else {
		g.Unlock()
	}
}

// TestKillHolderTryLock: TryLock takes from the dead too.
func TestKillHolderTryLock(t *testing.T) {
	s := newScene(t)
	victim := s.enter(player{})
	reach(t, victim.stage, holding)
	if _, ok := s.mu.TryLock(); ok {
		t.Fatal("TryLock took the lock from a living holder")
	}
	victim.Kill()
	killed(t, victim.Process)
	g, ok := s.mu.TryLock()
	if !ok || !g.Abandoned() {
		t.Fatalf("TryLock from a dead holder: %v, abandoned %v", ok, ok && g.Abandoned())
	}
	g.Unlock()
	// Not repaired: so it stays, for the next one and for Do.
	if err := s.mu.Do(patient(t), func() error { t.Error("Do ran its function"); return nil }); !errors.Is(err, psync.ErrAbandoned) {
		t.Errorf("Do: %v; want ErrAbandoned", err)
	}
	if err := s.mu.Repair(patient(t), func() error { return nil }); err != nil {
		t.Error(err)
	}
	if err := s.mu.Do(patient(t), func() error { return nil }); err != nil {
		t.Errorf("Do after Repair: %v", err)
	}
}

// TestKillWoken is (a): a waiter dies that was woken and is not the owner yet. The
// lock is free then, and the only wake is gone.
func TestKillWoken(t *testing.T) {
	s := newScene(t)
	g := s.lock()
	victim := s.enter(player{Death: death{"lock.woken", 1, 2}})
	s.waits(victim)
	heir := s.enter(player{})
	s.waits(heir)
	s.cue.Store(2)
	g.Unlock()
	killed(t, victim.Process)
	s.gets(heir, holding)
}

// TestKillManyWatchers is (b): of many that watch the kernel wakes one.
func TestKillManyWatchers(t *testing.T) {
	s := newScene(t)
	victim := s.enter(player{})
	reach(t, victim.stage, holding)
	heirs := make([]actor, 6)
	for i := range heirs {
		heirs[i] = s.enter(player{})
		s.waits(heirs[i])
	}
	s.cue.Store(3)
	heirs[3].Kill() // a waiter that dies has no effect on the others
	killed(t, heirs[3].Process)
	victim.Kill()
	<-victim.Done()
	for i, heir := range heirs {
		if i != 3 {
			succeeded(t, heir.Process)
		}
	}
}

// TestKillFreed is (f): the holder has freed the lock and dies before it wakes anybody.
func TestKillFreed(t *testing.T) {
	s := newScene(t)
	victim := s.enter(player{Death: death{"lock.freed", 1, 0}})
	reach(t, victim.stage, holding)
	heir := s.enter(player{})
	s.waits(heir)
	s.cue.Store(3)
	killed(t, victim.Process)
	s.gets(heir, holding)
}

// TestKillWokenAlone: the same as TestKillWoken, but nobody else sleeps yet. Woken stays behind in the word, and shall
// not keep an Unlock from waking who comes later.
func TestKillWokenAlone(t *testing.T) {
	s := newScene(t)
	g := s.lock()
	victim := s.enter(player{Death: death{"lock.woken", 1, 2}})
	s.waits(victim)
	s.cue.Store(2)
	g.Unlock()
	killed(t, victim.Process)
	s.wakes()
}

// TestKillWakesNobody: a process dies when it has unlocked and found nobody to wake. What it
// leaves in the word shall not keep a later Unlock from waking.
func TestKillWakesNobody(t *testing.T) {
	for _, point := range []string{"lock.freed", "lock.nobody", "lock.cleared"} {
		t.Run(point, func(t *testing.T) {
			s := newScene(t)
			g := s.lock()
			victim := s.enter(player{Death: death{point, 1, 3}})
			s.waits(victim) // so that it does not know, when it unlocks, whether others sleep
			g.Unlock()
			reach(t, victim.stage, holding)
			s.cue.Store(3)
			killed(t, victim.Process)
			s.cue.Store(0)
			s.wakes()
		})
	}
}

// wakes sees that an Unlock wakes who sleeps.
func (s *scene) wakes() {
	s.t.Helper()
	g := s.lock()
	first, second := s.enter(player{}), s.enter(player{})
	s.waits(first)
	s.waits(second)
	g.Unlock()
	s.cue.Store(3)
	succeeded(s.t, first.Process)
	succeeded(s.t, second.Process)
}

// TestKillSleep: a process dies that has said that it will sleep.
func TestKillSleep(t *testing.T) {
	s := newScene(t)
	g := s.lock()
	victim := s.enter(player{Death: death{"lock.sleep", 1, 0}})
	killed(t, victim.Process)
	heir := s.enter(player{})
	s.waits(heir)
	g.Unlock()
	s.gets(heir, holding)
}

// TestKillSteal: a process dies that is about to take the lock from a dead one.
func TestKillSteal(t *testing.T) {
	s := newScene(t)
	holder := s.enter(player{})
	reach(t, holder.stage, holding)
	victim := s.enter(player{Death: death{"lock.steal", 1, 0}})
	s.waits(victim)
	heir := s.enter(player{})
	s.waits(heir)
	holder.Kill()
	killed(t, holder.Process)
	s.gets(heir, abandoned)
	// The heir may have been faster; then nobody was left to steal from.
	victim.Kill()
	<-victim.Done()
}

// TestKillFormerOwner is (g): a sleeper fell asleep on one owner, and another dies.
func TestKillFormerOwner(t *testing.T) {
	s := newScene(t)
	g := s.lock()
	victim, heir := s.enter(player{}), s.enter(player{})
	s.waits(victim)
	s.waits(heir)
	g.Unlock()
	eventually(t, func() error { // one of them is woken; usually the one that came first
		if heir.stage.Load() == holding {
			victim, heir = heir, victim
		}
		if victim.stage.Load() != holding {
			return errors.New("neither has the lock")
		}
		return nil
	})
	s.waits(heir)
	victim.Kill()
	killed(t, victim.Process)
	s.gets(heir, abandoned)
}

// TestKillGivingUp is (h): a waiter whose context has ended has swallowed the wake,
// and dies before it passes it on.
func TestKillGivingUp(t *testing.T) {
	for i := range 5 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			s := newScene(t)
			g := s.lock()
			victim := s.enter(player{Cancel: true, Death: death{"lock.giveup", 1, 0}})
			s.waits(victim)
			heir := s.enter(player{})
			s.waits(heir)
			s.cue.Store(2) // the cancel and the wake race
			g.Unlock()
			s.cue.Store(3) // the victim may have got the lock
			succeeded(t, heir.Process)
			<-victim.Done()
		})
	}
}

// TestCancelledWaiterPassesOn is (h) without a death.
func TestCancelledWaiterPassesOn(t *testing.T) {
	s := newScene(t)
	for range 20 {
		g := s.lock()
		ctx, cancel := context.WithCancel(t.Context())
		gaveUp, got := make(chan error), make(chan error)
		go func() {
			g, err := s.mu.Lock(ctx)
			if err == nil {
				g.Unlock()
			}
			gaveUp <- err
		}()
		go func() { // (i): it stands behind the one that waits in the kernel
			g, err := s.mu.Lock(context.Background())
			if err == nil {
				g.Unlock()
			}
			got <- err
		}()
		go cancel()
		g.Unlock()
		if err := <-got; err != nil {
			t.Fatal(err)
		}
		if err := <-gaveUp; err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
}

// TestKillWhileHeadGivesUp is (i): the goroutine that waits in the kernel for others of
// its process gives up, and then the holder dies.
func TestKillWhileHeadGivesUp(t *testing.T) {
	s := newScene(t)
	victim := s.enter(player{})
	reach(t, victim.stage, holding)
	ctx, cancel := context.WithCancel(t.Context())
	head := make(chan error)
	go func() {
		_, err := s.mu.Lock(ctx)
		head <- err
	}()
	next := make(chan psync.Guard)
	go func() {
		g, err := s.mu.Lock(patient(t))
		if err != nil {
			t.Error(err)
		}
		next <- g
	}()
	cancel()
	if err := <-head; !errors.Is(err, context.Canceled) {
		t.Fatalf("the head got %v", err)
	}
	victim.Kill()
	g := <-next
	if !g.Abandoned() {
		t.Error("the holder's death was not told")
	}
	g.Unlock()
}
