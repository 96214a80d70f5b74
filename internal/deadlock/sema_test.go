package deadlock

import (
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/internal/blocked"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/sema"
)

// TestSemaphores: one is in a circle while one process holds all permits, whatever changes between the looks.
func TestSemaphores(t *testing.T) {
	const all = 2
	for name, c := range map[string]struct {
		before, between func(w *world, s *sema.Sema)
		unowned         bool
		want            int
	}{
		"all permits": {want: 1},
		"for nobody":  {unowned: true},
		"one is free": {before: func(_ *world, s *sema.Sema) { s.X.Pool.Word.Add(layout.Permit) }},
		"one is free where it was held": {before: func(_ *world, s *sema.Sema) {
			h := &s.Holds.First[0]
			h.Word.Store(h.Word.Load() - 1 + layout.Permit)
		}},
		"nobody's":      {before: func(_ *world, s *sema.Sema) { s.X.Pool.Word.Add(1) }},
		"another's too": {before: func(w *world, s *sema.Sema) { permits(s, 1, uint32(w.root), 1) }},
		"the waiter's":  {before: func(w *world, s *sema.Sema) { permits(s, 1, uint32(w.members[1]), 1) }},
		"in two holds":  {before: func(w *world, s *sema.Sema) { permits(s, 3, uint32(w.members[0]), 5) }, want: 1},
		"a dead one's": {before: func(w *world, s *sema.Sema) {
			m := w.member()
			permits(s, 1, uint32(m), 1)
			w.Env.Table.EndLocal(m, w.root)
		}},
		"a permit posted": {between: func(_ *world, s *sema.Sema) { s.X.Pool.Word.Add(layout.Permit) }},
		"given back and acquired again": {between: func(_ *world, s *sema.Sema) {
			s.Holds.First[0].Tickets[1].Add(1)
		}},
		"closed": {between: func(w *world, s *sema.Sema) { s.Holds.Block.Generation.Add(1) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 2, 1)
			off, err := w.Arena.Alloc(sema.Bytes, layout.KindSemaphore, w.root)
			if err != nil {
				t.Fatal(err)
			}
			on := blocked.On{Object: off, Gen: w.Arena.Block(off).Generation.Load(), What: layout.KindSemaphore}
			s := w.semaphore(on)
			s.Begin(0, 0)
			permits(s, 0, uint32(w.members[0]), 1<<all-1)
			if c.before != nil {
				c.before(w, s)
			}
			w.hold(0, w.members[1])
			w.wait(w.members[0], 0)
			if c.unowned {
				on.What |= layout.WaitUnowned
			}
			w.Env.Book.Begin(t.Context(), w.members[1], on, false)
			time.Sleep(time.Microsecond)
			memo := w.look(nil)
			if c.between != nil {
				c.between(w, s)
			}
			w.look(memo)
			if len(w.told) != c.want {
				t.Errorf("%d reports, want %d", len(w.told), c.want)
			}
		})
	}
}

// permits makes a hold somebody's, with permits in it.
func permits(s *sema.Sema, hold int, by uint32, slots uint64) {
	h := &s.Holds.First[hold]
	h.Owner.Store(by)
	h.Word.Store(s.Holds.Tag | slots)
}
