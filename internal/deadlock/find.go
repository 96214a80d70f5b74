package deadlock

import (
	"github.com/multiproc-go/multiproc/internal/blocked"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
)

// finding is what is remembered of a wait between two looks.
type finding struct {
	circle []edge
	told   bool
}

// Look looks at waits of this process that have lasted for long. It is the Look of a [blocked.Book].
func (f *Finder) Look(due []blocked.Due) {
	crashpoint.At("deadlock.look")
	for i := range due {
		d := &due[i]
		if found, _ := d.Memo.(*finding); found != nil && f.lasts(found.circle) {
			if !found.told {
				found.told = true
				f.report(found.circle)
			}
			continue
		}
		d.Memo = nil
		if circle := f.circle(&d.Record); circle != nil && circle[chosen(circle)].wait.Same(&d.Record) {
			crashpoint.At("deadlock.found")
			d.Memo, d.Soon = &finding{circle: circle}, true
		}
	}
}

// lasts reports whether a circle that was found is there again.
func (f *Finder) lasts(circle []edge) bool {
	for i := range circle {
		if !f.there(&circle[i]) {
			return false
		}
	}
	return true
}

// proven reports whether goroutines wait for each other, and not only their processes.
func proven(circle []edge) bool {
	for i := range circle {
		if !circle[i].exact() {
			return false
		}
	}
	return true
}

// chosen is the index of the wait that is to give up: the youngest of those that can. Where nobody can, or is asked to, it is
// the one that is to be reported from.
func chosen(circle []edge) int {
	best, bestFirm := -1, false
	for i := range circle {
		w := &circle[i].wait
		firm := w.What&layout.WaitFirm != 0
		if best < 0 || bestFirm && !firm || bestFirm == firm && younger(w, &circle[best].wait) {
			best, bestFirm = i, firm
		}
	}
	return best
}

// younger orders waits; no two are equal.
func younger(a, b *blocked.Record) bool {
	switch {
	case a.Since != b.Since:
		return a.Since > b.Since
	case a.Who != b.Who:
		return a.Who > b.Who
	}
	return a.Index > b.Index
}

func (f *Finder) report(circle []edge) {
	r := f.describe(circle)
	me := circle[chosen(circle)].wait
	crashpoint.At("deadlock.report")
	if f.Tell != nil {
		f.Tell(r)
	}
	if r.Proven {
		f.Env.Book.GiveUp(&me) // else it is firm, or waits no more
	}
}
