package lease

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"time"

	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/sys"
)

const (
	// successors is how many live slots after its own a warden watches.
	successors = 3
	// Restlessness is about how long a warden sleeps at most. Nothing depends on it
	// but a loss of every notice at once.
	Restlessness = 5 * time.Second
	// slice is how long one sleeps where the kernel cannot wait for several words.
	slice = 20 * time.Millisecond
	// soon and late are about when it looks again at a death that is not proven yet.
	soon = 3 * time.Millisecond
	late = 10 * time.Millisecond
)

// Warden is the thread of a process that the kernel marks its lease for, and
// that watches the leases of others.
type Warden struct {
	table   *Table
	id      ID
	born    uint64 // its start time
	waitv   bool
	longest time.Duration
	orphan  func()
}

// StartWarden registers this process as id and watches from then on. born is the process's
// start time, or 0 if it is to be looked up. orphan is called once, when an ancestor is
// dead. waitv chooses the way to wait, and longest is usually [Restlessness].
//
// The thread lives as long as the process: nothing ends it, for its end is
// what the kernel reports as the death.
func StartWarden(t *Table, id ID, born uint64, waitv bool, longest time.Duration, orphan func()) error {
	w := &Warden{table: t, id: id, born: born, waitv: waitv, longest: longest, orphan: orphan}
	started := make(chan error)
	go w.run(started)
	return <-started
}

func (w *Warden) run(started chan<- error) {
	runtime.LockOSThread()
	if err := w.register(); err != nil {
		started <- err
		runtime.UnlockOSThread()
		return
	}
	started <- nil
	// Whoever waits for that has to go on in another thread, and now: while this one is in
	// a system call, the runtime takes its time to find that out.
	runtime.Gosched()
	w.table.neighbours(w.id.Slot(), w.table.ring)
	for {
		w.watch()
	}
}

// register: the kernel's list first, then the word, then who we are. A death
// before the last step is that of a process that has shared nothing yet.
func (w *Warden) register() error {
	// Deaths are proven by /proc.
	if err := sys.ProcIsOurs(); err != nil {
		return fmt.Errorf("multiproc: processes need /proc: %w", err)
	}
	page, err := sys.MapOwn(layout.PageSize)
	if err != nil {
		return err
	}
	if w.born == 0 {
		if w.born, err = sys.StartTime(os.Getpid()); err != nil {
			return err
		}
	}
	if err := sys.WatchDeath(page, w.table.lease(w.id)); err != nil {
		return err
	}
	if err := w.table.publish(w.id, uint32(sys.ThreadID())); err != nil {
		return err
	}
	row := w.table.Row(w.id)
	row.Start.Store(w.born)
	row.Pid.Store(uint32(os.Getpid()))
	if w.table.orphaned(w.id) {
		return ErrOrphan
	}
	return nil
}

// watch sleeps until something may have changed and looks at it.
func (w *Warden) watch() {
	t := w.table
	words := w.words()
	timeout := w.longest/2 + rand.N(w.longest)
	if again := t.Scan(w.id); again != 0 {
		timeout = again/2 + rand.N(again)
	}
	if w.orphan != nil && t.orphaned(w.id) {
		w.orphan()
		w.orphan = nil
	}
	if w.waitv {
		sys.FutexWaitv(words, timeout)
		return
	}
	for begin := time.Now(); time.Since(begin) < timeout; {
		sys.FutexWait(words[0].Word, words[0].Value, sys.AllBits, min(slice, timeout))
		for _, word := range words {
			if word.Word.Load() != word.Value {
				return
			}
		}
	}
}

// words are the warden's own bell and the leases that it watches, with the
// values that they have before it looks at the table.
func (w *Warden) words() []sys.Waitv {
	t := w.table
	words := make([]sys.Waitv, 0, 3+successors)
	bell := &t.Row(w.id).Bell
	words = append(words, sys.Waitv{Word: bell, Value: bell.Load()})
	add := func(slot uint32) {
		lease := &t.leases[slot].Word
		if value := lease.Load(); isLive(value) {
			words = append(words, sys.Waitv{Word: lease, Value: value})
		}
	}
	if parent := ID(t.Row(w.id).Parent.Load()); parent != 0 {
		add(parent.Slot())
	}
	high := t.header.High.Load()
	self := w.id.Slot()
	for i, first := uint32(1), len(words); i < high && len(words) < first+successors; i++ {
		add(1 + (self-1+i)%high)
	}
	return words
}
