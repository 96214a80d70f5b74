package deadlock

import (
	"fmt"
	"strings"
	"time"

	"github.com/multiproc-go/multiproc/internal/blocked"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
)

// Report is a circle, for people.
type Report struct {
	Proven bool
	Text   string // several lines
}

// describe tells who holds and waits for what.
func (f *Finder) describe(circle []edge) *Report {
	r := &Report{Proven: proven(circle)}
	now := f.Env.Book.Now()
	var b strings.Builder
	word, who := "suspected", map[lease.ID]bool{}
	if r.Proven {
		word = "proven"
	}
	for i := range circle {
		who[circle[i].wait.Who] = true
	}
	switch {
	case len(circle) == 1:
		fmt.Fprintf(&b, "multiproc: %s deadlock: a goroutine waits for itself", word)
	case len(who) == 1:
		fmt.Fprintf(&b, "multiproc: %s deadlock: %d goroutines of a process wait for each other", word, len(circle))
	default:
		fmt.Fprintf(&b, "multiproc: %s deadlock: %d processes wait for each other", word, len(who))
	}
	victim := chosen(circle)
	for i := range circle {
		w := &circle[i].wait
		before := &circle[(i+len(circle)-1)%len(circle)]
		fmt.Fprintf(&b, "\n\t%s %s %s%s, waits %s %s (%s)",
			f.name(w.Who, w.Goroutine), has(before), object(&before.wait), f.heldFor(before, now),
			what(w), object(w), since(w.Since, now))
		if r.Proven && i == victim && w.What&layout.WaitFirm == 0 {
			b.WriteString("; it is told to give up")
		}
	}
	if !r.Proven {
		b.WriteString("\n\tunless another goroutine of one of them unlocks what it holds")
		for i := range circle {
			if circle[i].wait.Kind() == layout.KindSemaphore {
				b.WriteString(", or somebody posts a permit")
				break
			}
		}
	}
	r.Text = b.String()
	return r
}

// name is a process and, if it is known, a goroutine of it.
func (f *Finder) name(id lease.ID, goroutine uint64) string {
	who, _ := f.Env.Table.Who(id)
	s := who.Name
	if s == "" {
		s = "process " + id.String()
	}
	s += fmt.Sprintf(" (pid %d", who.Pid)
	if who.Entry != "" {
		s += ", entry " + who.Entry
	}
	if goroutine != 0 {
		s += fmt.Sprintf(", goroutine %d", goroutine)
	}
	return s + ")"
}

// object names what is waited for, as its String does.
func object(w *blocked.Record) string {
	kind := "mutex"
	switch w.Kind() {
	case layout.KindRWMutex:
		kind = "rwmutex"
	case layout.KindReentrant:
		kind = "reentrant-mutex"
	case layout.KindOnce:
		kind = "once"
	case layout.KindSemaphore:
		kind = "semaphore"
	}
	return fmt.Sprintf("%s@%#x", kind, w.Object)
}

func has(e *edge) string {
	switch {
	case e.to.reads:
		return "reads"
	case e.wait.Kind() == layout.KindSemaphore:
		return "has all permits of"
	}
	return "holds"
}

func what(w *blocked.Record) string {
	switch {
	case w.What&layout.WaitRead != 0:
		return "to read"
	case w.What&layout.WaitDrain != 0:
		return "for the readers of"
	case w.Kind() == layout.KindRWMutex:
		return "to write"
	}
	return "for"
}

// heldFor tells for how long a lock is held at least, if the one who waits for it has seen that.
func (f *Finder) heldFor(e *edge, now uint64) string {
	w, ok := f.Env.Book.At(e.wait.Who, e.wait.Index)
	if !ok || w.Holder != e.to.id || w.Ticket != e.to.ticket || w.HolderSince == 0 || e.to.reads {
		return ""
	}
	return " (at least " + since(w.HolderSince, now) + ")"
}

func since(then, now uint64) string {
	return time.Duration(now - min(then, now)).Round(100 * time.Millisecond).String()
}
