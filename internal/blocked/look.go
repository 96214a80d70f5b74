package blocked

import (
	"os"
	"time"
)

// EnvPatience overrides how long a wait lasts before anybody asks whether it can end: one second. Half of it
// later it is looked at once more, if something was found.
const EnvPatience = "MULTIPROC_DEADLOCK_AFTER"

// Patience is how long a wait lasts before it is looked at.
func (b *Book) Patience() time.Duration { return time.Duration(b.patience.Load()) }

// SetPatience is for tests, and for waits that begin from now on.
func (b *Book) SetPatience(d time.Duration) { b.patience.Store(int64(d)) }

func patience() time.Duration {
	if d, err := time.ParseDuration(os.Getenv(EnvPatience)); err == nil && d > 0 {
		return d
	}
	return time.Second
}

const (
	// rarely is the longest time between two looks at a wait in which nothing was found.
	rarely = 10 * time.Second
	// retry is when room is looked for again, where there was none, for the first time; seldom is how rare that gets.
	retry  = 20 * time.Millisecond
	seldom = time.Second

	never = 1<<64 - 1
)

// Due is a wait of this process that has lasted for long.
type Due struct {
	Record
	Memo any  // what the last look has left
	Soon bool // whether the next one is to come soon
}

// wakeAt makes the timer run no later than at. It is called with mu held.
func (b *Book) wakeAt(at uint64) {
	if b.rings != 0 && b.rings <= at {
		return
	}
	b.rings = at
	d := time.Duration(at - min(b.Now(), at))
	if b.timer == nil {
		b.timer = time.AfterFunc(d, b.tick)
	} else {
		b.timer.Reset(d)
	}
}

// tick has the waits looked at whose time has come.
func (b *Book) tick() {
	due := b.collect()
	if len(due) > 0 && b.Look != nil {
		b.Look(due)
	}
	b.settle(due)
}

// collect finds them, and records those that have no record, if there is room by now.
func (b *Book) collect() (due []Due) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, without := b.Now(), false
	for _, w := range b.waits {
		if w.note == nil {
			if b.write(w); w.note == nil {
				without = true
				continue
			}
			b.unnoted(w.key.me, -w.count)
		}
		if w.due <= now {
			due = append(due, Due{Record: w.record(), Memo: w.memo})
		}
	}
	if without {
		b.delay = min(2*b.delay, seldom)
	} else {
		b.delay = retry
	}
	return due
}

func (w *Wait) record() Record {
	return Record{On: w.key.on, Who: w.key.me, Index: w.index, Since: w.since, Goroutine: w.key.goroutine, Count: int(w.count),
		Holder: w.holder, Ticket: w.ticket, HolderSince: w.holderSince}
}

// settle sets the next time.
func (b *Book) settle(due []Due) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.Now()
	for i := range due {
		d := &due[i]
		w := b.find(&d.Record)
		if w == nil {
			continue
		}
		w.memo = d.Memo
		w.due = now + min(now-w.since, uint64(rarely))
		if d.Soon {
			w.due = now + uint64(b.Patience()/2)
		}
	}
	b.rings = 0
	next := uint64(never)
	for _, w := range b.waits {
		at := w.due
		if w.note == nil {
			at = now + uint64(b.delay)
		}
		next = min(next, at)
	}
	if next != never {
		b.wakeAt(next)
	}
}

// find is the wait of this process that has that record, nil if it has ended. It is called with mu held.
func (b *Book) find(r *Record) *Wait {
	w := b.waits[key{r.Who, r.On, r.Goroutine}]
	if w == nil || w.since != r.Since {
		return nil
	}
	return w
}

// GiveUp makes a goroutine of this process stop waiting. It is false if it has stopped, or cannot be told.
func (b *Book) GiveUp(r *Record) bool {
	b.mu.Lock()
	w := b.find(r)
	if w == nil || w.caller == nil || w.caller.GiveUp == nil {
		b.mu.Unlock()
		return false
	}
	giveUp := w.caller.GiveUp
	b.mu.Unlock()
	giveUp()
	return true
}
