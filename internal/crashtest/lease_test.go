package crashtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// taken counts the slots that are not free.
func taken(m *family.Member) (n int) {
	for slot := range uint32(layout.Slots) {
		if m.Table.Word(slot) != 0 {
			n++
		}
	}
	return n
}

// slotsBack waits until no more slots are taken than before.
func slotsBack(t *testing.T, m *family.Member, before int) {
	t.Helper()
	eventually(t, func() error {
		if n := taken(m); n > before {
			return fmt.Errorf("%d slots are taken, %d were before", n, before)
		}
		return nil
	})
}

var idle = multiproc.Proc("idle", func(ctx context.Context, stage *shm.Value[int32]) error {
	stage.Store(1)
	<-ctx.Done()
	return nil
})

// TestKillBeforeRegistration is (l) with a living parent: the slot was reserved, and the
// child dies before it has joined.
func TestKillBeforeRegistration(t *testing.T) { dyingAtStart(t, dieInInit) }

// dyingAtStart starts children that the environment variable makes die before they
// have joined, and sees that their slots become free.
func dyingAtStart(t *testing.T, variable string) {
	m := needProcess(t)
	before := taken(m)
	for range 10 {
		p := start(t, idle.With(newValue[int32](t, 0)).WithOptions(multiproc.Options{Env: append(os.Environ(), variable+"=1")}))
		killed(t, p)
		slotsBack(t, m, before)
	}
}

// stagedDeath tells a process how far it has come, and where it dies, or is stopped.
type stagedDeath struct {
	Stage *shm.Value[int32]
	Die   death
	Stop  bool
}

// breed starts children until it dies of it.
var breed = multiproc.Proc("breed", func(ctx context.Context, j stagedDeath) error {
	j.Die.arm(nil)
	for {
		if _, err := idle.Start(ctx, j.Stage); err != nil {
			return err
		}
	}
})

// TestKillBetweenClaimAndPublish is (e), and (l) with a dead parent: a parent dies that
// has reserved a slot and written nothing into it, or has started the child.
func TestKillBetweenClaimAndPublish(t *testing.T) {
	m := needProcess(t)
	before := taken(m)
	for nth := range 4 {
		p := start(t, breed.With(stagedDeath{Stage: newValue[int32](t, 0), Die: death{Point: "lease.reserved", Nth: 1 + nth}}))
		killed(t, p)
		slotsBack(t, m, before)
	}
}

// dieRegistering tells a child, by its environment, to die in the middle of it.
const dieRegistering = "MULTIPROC_TEST_DIE_REGISTERING"

func init() {
	if os.Getenv(dieRegistering) != "" {
		death{Point: "lease.published", Nth: 1}.arm(nil)
	}
}

// TestKillPublished: a child dies whose lease is live and whose row does not yet say
// who it is.
func TestKillPublished(t *testing.T) { dyingAtStart(t, dieRegistering) }

// bystander dies, or is stopped, when its warden does something about another's death.
var bystander = multiproc.Proc("bystander", func(ctx context.Context, j stagedDeath) error {
	if j.Stop {
		crashpoint.Set(func(name string) {
			if name == j.Die.Point && j.Stage.Load() == 1 {
				j.Stage.Store(2)
				stopNow()
			}
		})
	} else {
		j.Die.arm(j.Stage)
	}
	j.Stage.Store(1)
	<-ctx.Done()
	return nil
})

// TestKillAnnouncer is (k): whoever notices a death dies of what it does about it.
func TestKillAnnouncer(t *testing.T) {
	for _, point := range []string{"lease.claim", "lease.announce", "lease.epoch", "lease.waking", "lease.told", "lease.reaping", "lease.reaped"} {
		t.Run(point, func(t *testing.T) { announcersFail(t, point, false) })
	}
}

// TestKillWhileAnnouncerStops: whoever notices a death is stopped, and does not go on.
func TestKillWhileAnnouncerStops(t *testing.T) {
	for _, point := range []string{"lease.claim", "lease.announce"} {
		t.Run(point, func(t *testing.T) { announcersFail(t, point, true) })
	}
}

// announcersFail tries until a process has died at that point, or was stopped there.
func announcersFail(t *testing.T, point string, stop bool) {
	m := needProcess(t)
	before := taken(m)
	failed := 0
	// Often their parent has waited for the dead one before another looks, above all where
	// wardens look every 20 ms.
	for try := 0; failed == 0 && try < 500; try++ {
		failed += announcerFails(t, point, stop)
		slotsBack(t, m, before)
	}
	if failed == 0 {
		t.Errorf("no process came to %s", point)
	}
}

// announcerFails kills a holder among processes that die of it, or are stopped, and tells how
// many were.
func announcerFails(t *testing.T, point string, stop bool) int {
	s := newScene(t)
	holder := s.enter(player{})
	reach(t, holder.stage, holding)
	var others []*multiproc.Process
	var stages []*shm.Value[int32]
	for range 3 {
		stage := newValue[int32](t, 0)
		p := start(t, bystander.With(stagedDeath{stage, death{point, 1, 1}, stop}))
		reach(t, stage, 1)
		others, stages = append(others, p), append(stages, stage)
	}
	heir := s.enter(player{})
	s.waits(heir)
	// The kernel wakes who has slept longest: let that be a bystander.
	m, _ := family.Current()
	m.Table.Ring(m.ID())
	m.Table.Ring(lease.ID(heir.id.Load()))
	asleep(t, heir.Process)
	holder.Kill()
	s.gets(heir, abandoned)
	failed := 0
	for i, p := range others {
		if stop && stages[i].Load() == 2 {
			failed++
			p.Kill() // not before the heir has the lock
			killed(t, p)
			continue
		}
		p.Terminate()
		if err := p.Wait(patient(t)); err != nil {
			sig, ok := errors.AsType[*multiproc.SignalError](err)
			if !ok || sig.Signal != syscall.SIGKILL {
				t.Fatal(err)
			}
			failed++
		}
	}
	return failed
}

// TestKillAndReuseSlot is (d): the slot of a dead holder is used again before anybody
// asks for its lock.
func TestKillAndReuseSlot(t *testing.T) {
	m := needProcess(t)
	s := newScene(t)
	victim := s.enter(player{})
	reach(t, victim.stage, holding)
	slot := holderOf(t, s.mu).Slot()
	victim.Kill()
	killed(t, victim.Process)
	eventually(t, func() error {
		if m.Table.Word(slot) != 0 {
			return fmt.Errorf("slot %d is not free yet", slot)
		}
		return nil
	})
	// The next reservation takes that very slot.
	m.Table.AimAt(slot)
	stage := newValue[int32](t, 0)
	tenant := start(t, idle.With(stage))
	reach(t, stage, 1)
	if m.Table.Word(slot) == 0 {
		t.Fatal("the slot was not used again")
	}
	if m.Table.State(holderOf(t, s.mu)) != lease.Gone {
		t.Error("a dead holder lives on in the tenant of its slot")
	}
	g := s.lock()
	if !g.Abandoned() {
		t.Error("the holder's death was not told")
	}
	g.Repaired()
	g.Unlock()
	tenant.Terminate()
	succeeded(t, tenant)
}

// holderOf reads the owner out of a mutex's word.
func holderOf(t *testing.T, mu *psync.Mutex) lease.ID {
	t.Helper()
	return lease.ID(holderWord(t, mu) & layout.LockOwner)
}

func holderWord(t *testing.T, mu *psync.Mutex) uint32 {
	t.Helper()
	b, err := mu.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	ref, err := family.DecodeBinary(b, family.Shape{Kind: layout.KindMutex, Bytes: 8})
	if err != nil {
		t.Fatal(err)
	}
	return (*layout.Mutex)(ref.Payload()).Lock.Word.Load()
}

// TestKillReusesEverySlot: ten times as many deaths in one slot as it takes to notice
// that one of them leaks something.
func TestKillReusesEverySlot(t *testing.T) {
	m := needProcess(t)
	before := taken(m)
	n := 100
	if testing.Short() {
		n = 20
	}
	for range n {
		m.Table.AimAt(layout.Slots - 2) // the last one, so that the search goes around
		a, b := newValue[int32](t, 0), newValue[int32](t, 0)
		p, q := start(t, idle.With(a)), start(t, idle.With(b))
		reach(t, a, 1)
		reach(t, b, 1)
		p.Kill()
		q.Kill()
		killed(t, p)
		killed(t, q)
	}
	slotsBack(t, m, before)
}
