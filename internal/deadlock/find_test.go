package deadlock

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/internal/arena"
	"github.com/multiproc-go/multiproc/internal/blocked"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
	"github.com/multiproc-go/multiproc/internal/memory"
)

// world is a family whose members do only what the test says.
type world struct {
	*Finder
	t       *testing.T
	root    lease.ID
	members []lease.ID
	locks   []blocked.On
	told    []*Report
}

func newWorld(t *testing.T, members, locks int) *world {
	t.Helper()
	mem, err := memory.NewHeap(0)
	if err != nil {
		t.Fatal(err)
	}
	env := &lock.Env{Table: lease.NewTable(mem)}
	env.Table.Hooks.Wake = func(*atomic.Uint32, int) int { return 0 }
	w := &world{t: t, Finder: &Finder{Env: env, Arena: arena.New(mem, env)}}
	w.Tell = func(r *Report) { w.told = append(w.told, r) }
	env.Book = blocked.New(mem, env.Table)
	env.Book.SetPatience(time.Nanosecond)
	w.root = w.member()
	env.Book.MakeRoom = func(me lease.ID) error {
		at := layout.SlotsAt + uint64(me.Slot())*layout.SlotSize + layout.SlotBlockedAt
		return w.Arena.TryAllocInto(blocked.Bytes, layout.KindWaits, w.root, at)
	}
	for range members {
		w.members = append(w.members, w.member())
	}
	for range locks {
		off, err := w.Arena.Alloc(32, layout.KindMutex, w.root)
		if err != nil {
			t.Fatal(err)
		}
		w.locks = append(w.locks, blocked.On{Object: off, Gen: w.Arena.Block(off).Generation.Load(), What: layout.KindMutex})
	}
	return w
}

func (w *world) member() lease.ID {
	w.t.Helper()
	id, err := w.Env.Table.Reserve(w.root)
	if err == nil {
		err = w.Env.Table.PublishLocal(id)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *world) hold(lock int, by lease.ID) { w.mutex(w.locks[lock]).Lock.Word.Store(uint32(by)) }

func (w *world) wait(who lease.ID, lock int) *blocked.Wait {
	return w.Env.Book.Begin(w.t.Context(), who, w.locks[lock], false)
}

// look has all waits looked at, by all processes in turn.
func (w *world) look(memo []blocked.Due) []blocked.Due {
	if memo == nil {
		for _, id := range w.members {
			w.Env.Book.Of(id, func(r *blocked.Record) bool {
				memo = append(memo, blocked.Due{Record: *r})
				return true
			})
		}
	}
	w.Look(memo)
	return memo
}

// reaches is the model: who can come from whom.
func reaches(edges [][]bool) [][]bool {
	n := len(edges)
	r := make([][]bool, n)
	for i := range r {
		r[i] = append([]bool(nil), edges[i]...)
	}
	for k := range n {
		for i := range n {
			for j := range n {
				r[i][j] = r[i][j] || r[i][k] && r[k][j]
			}
		}
	}
	return r
}

// TestRandomGraphs: there is a report if, and only if, somebody can come back to himself; all in it are in such a place; and
// a second round of looks reports nothing again.
func TestRandomGraphs(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	circles, none := 0, 0
	for range 150 {
		n := 2 + rnd.IntN(7)
		w := newWorld(t, n, n+rnd.IntN(n))
		holder := make([]int, len(w.locks))
		for i := range holder {
			if holder[i] = rnd.IntN(n+1) - 1; holder[i] >= 0 {
				w.hold(i, w.members[holder[i]])
			}
		}
		edges := make([][]bool, n)
		for i := range edges {
			edges[i] = make([]bool, n)
			for l := range w.locks {
				if rnd.IntN(2*len(w.locks)) == 0 || rnd.IntN(n) == 0 && l == i {
					w.wait(w.members[i], l)
					if h := holder[l]; h >= 0 && h != i {
						edges[i][h] = true
					}
				}
			}
		}
		time.Sleep(time.Microsecond) // longer than anybody's patience
		reach := reaches(edges)
		want := false
		for i := range n {
			want = want || reach[i][i]
		}
		memo := w.look(nil)
		if len(w.told) != 0 {
			t.Fatalf("seed %d: reported at first sight: %s", seed, w.told[0].Text)
		}
		for _, d := range memo {
			found, _ := d.Memo.(*finding)
			if found == nil {
				continue
			}
			for i, e := range found.circle {
				from, to := w.index(e.wait.Who), w.index(e.to.id)
				if !edges[from][to] || to != w.index(found.circle[(i+1)%len(found.circle)].wait.Who) || !reach[from][from] {
					t.Fatalf("seed %d: no circle: %+v", seed, found.circle)
				}
				if e.wait.Since > d.Since {
					t.Fatalf("seed %d: reported by one who is not the youngest", seed)
				}
			}
		}
		w.look(memo)
		if got := len(w.told) > 0; got != want {
			t.Fatalf("seed %d: %d reports; a circle: %v", seed, len(w.told), want)
		}
		told := len(w.told)
		w.look(memo)
		if len(w.told) != told {
			t.Fatalf("seed %d: reported again", seed)
		}
		if want {
			circles++
		} else {
			none++
		}
	}
	if circles == 0 || none == 0 {
		t.Errorf("%d circles, %d times none", circles, none)
	}
	t.Logf("seed %d: %d circles, %d times none", seed, circles, none)
}

func (w *world) index(id lease.ID) int {
	for i, m := range w.members {
		if m == id {
			return i
		}
	}
	w.t.Fatalf("%v is no member", id)
	return -1
}

// TestChangeBetweenLooks: whatever has changed since the first look, there is no report.
func TestChangeBetweenLooks(t *testing.T) {
	var waits [2]*blocked.Wait
	for name, change := range map[string]func(w *world){
		"released": func(w *world) { w.hold(0, 0) },
		"released and taken again": func(w *world) {
			w.mutex(w.locks[0]).Lock.Ticket.Add(1)
		},
		"another's":      func(w *world) { w.hold(0, w.root) },
		"waits no more":  func(w *world) { waits[1].End() },
		"waits anew":     func(w *world) { waits[1].End(); w.wait(w.members[1], 0) },
		"one has died":   func(w *world) { w.Env.Table.EndLocal(w.members[1], w.root) },
		"closed":         func(w *world) { _ = w.Arena.Free(w.locks[0].Object, w.locks[0].Gen, w.root, nil) },
		"nothing at all": nil,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 2, 2)
			w.hold(0, w.members[0])
			w.hold(1, w.members[1])
			waits[0], waits[1] = w.wait(w.members[0], 1), w.wait(w.members[1], 0)
			time.Sleep(time.Microsecond)
			memo := w.look(nil)
			want := 1
			if change != nil {
				change(w)
				want = 0
			}
			w.look(memo)
			if len(w.told) != want {
				t.Errorf("%d reports, want %d", len(w.told), want)
			}
		})
	}
}

// TestHostileRecords: the search ends and reports nothing, whatever lies in the memory of records.
func TestHostileRecords(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 60 {
		w := newWorld(t, 3, 3)
		for i, id := range w.members {
			w.hold(i, id)
			w.wait(id, (i+1)%3)
		}
		start := blocked.Record{On: w.locks[1], Who: w.members[0]}
		for off := uint64(layout.BlocksAt); off < 64<<10+layout.BlocksAt; off += layout.BlockAlign {
			if w.Arena.Block(off).Kind != layout.KindWaits {
				continue
			}
			list := (*layout.Waits)(w.Arena.Payload(off))
			for i := range list.List {
				n := &list.List[i]
				n.Turn.Store(rnd.Uint32() &^ uint32(rnd.IntN(2)))
				n.Owner.Store(uint32(w.members[rnd.IntN(3)]))
				n.Object.Store(rnd.Uint64() >> rnd.IntN(64) &^ uint64(rnd.IntN(64)))
				n.Gen.Store(rnd.Uint32())
				n.What.Store(rnd.Uint32() & 0x7ff)
				n.Since.Store(rnd.Uint64())
				n.Goroutine.Store(rnd.Uint64())
			}
		}
		if c := w.circle(&start); c != nil {
			t.Fatalf("seed %d: %+v", seed, c)
		}
	}
}
