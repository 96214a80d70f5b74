package crashtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/shm"
)

type allocJob struct {
	Die  death
	Seed uint64
	Made *shm.Value[int32] // blocks that the victim has and can name
}

// hoard makes and closes arrays of all sizes until it dies of it.
var hoard = multiproc.Proc("hoard", func(ctx context.Context, j allocJob) error {
	rnd := rand.New(rand.NewPCG(j.Seed, 1))
	j.Die.arm(nil)
	var list []*shm.Array[byte]
	for {
		if len(list) > 8 || len(list) > 0 && rnd.IntN(2) == 0 {
			i := rnd.IntN(len(list))
			if err := list[i].Close(); err != nil {
				return err
			}
			list[i] = list[len(list)-1]
			list = list[:len(list)-1]
			continue
		}
		size := 1 + rnd.IntN(1000)
		if rnd.IntN(2) == 0 {
			size = 64<<10 + rnd.IntN(200<<10) // these give their pages back
		}
		a, err := shm.NewArray[byte](size)
		if err != nil {
			return err
		}
		for i, b := range a.Slice() {
			if b != 0 {
				return fmt.Errorf("byte %d of a new array of %d is %d", i, size, b)
			}
		}
		for i := 0; i < size; i += 97 {
			a.Set(i, 255)
		}
		list = append(list, a)
	}
})

var allocPoints = []string{
	"arena.planned", "arena.writing", "arena.written", "arena.pending", "arena.block", "arena.head", "arena.applied",
	"arena.limbo", "arena.given",
}

// TestKillAllocator: a process dies at every step of an allocation and of a free. Nothing
// is lost or doubly used, and the next one can go on.
func TestKillAllocator(t *testing.T) {
	m := needProcess(t)
	n := 12
	if testing.Short() {
		n = 4
	}
	before := taken(m)
	for _, point := range allocPoints {
		t.Run(point, func(t *testing.T) {
			for nth := 1; nth <= n; nth++ {
				victim := start(t, hoard.With(allocJob{Die: death{Point: point, Nth: nth}, Seed: uint64(nth)}))
				killed(t, victim)
				slotsBack(t, m, before) // whoever reaps it also finishes its frees
				inOrder(t, m)
			}
		})
	}
}

// inOrder checks every block of the arena.
func inOrder(t *testing.T, m *family.Member) {
	t.Helper()
	if err := m.Arena.Check(m.ID()); err != nil {
		t.Fatal(err)
	}
}

// TestKillAllocatorReaper: the one that finishes what a dead process was freeing dies of
// that, too.
func TestKillAllocatorReaper(t *testing.T) {
	m := needProcess(t)
	before := taken(m)
	for _, point := range []string{"arena.written", "arena.pending", "arena.given"} {
		var others []*multiproc.Process
		for range 3 {
			stage := newValue[int32](t, 0)
			p := start(t, bystander.With(stagedDeath{Stage: stage, Die: death{point, 1, 1}}))
			reach(t, stage, 1)
			others = append(others, p)
		}
		victim := start(t, hoard.With(allocJob{Die: death{Point: "arena.limbo", Nth: 2}, Seed: 3}))
		killed(t, victim)
		eventually(t, func() error {
			if n := taken(m); n > before+len(others) {
				return fmt.Errorf("%d slots are taken", n)
			}
			return nil
		})
		for _, p := range others {
			p.Terminate()
			<-p.Done()
		}
		slotsBack(t, m, before)
		inOrder(t, m)
	}
}
