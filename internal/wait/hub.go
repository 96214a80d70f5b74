package wait

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"

	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/memory"
	"github.com/multiproc-go/multiproc/internal/sys"
)

// Way is how a hub waits.
type Way int

const (
	Waitv Way = iota // futex_waitv on several words
	Futex            // futex on one word, in slices
	Local            // in Go, for members that are goroutines
)

func (w Way) String() string { return [...]string{"waitv", "futex", "local"}[w] }

// EnvVar overrides the way to wait between processes: "waitv" or "futex". It is
// for tests; by default the kernel is asked.
const EnvVar = "MULTIPROC_WAIT"

// ChooseWay picks the way to wait between processes.
func ChooseWay() (Way, error) {
	switch v := os.Getenv(EnvVar); {
	case v == "futex":
		return Futex, nil
	case v != "" && v != "waitv":
		return 0, fmt.Errorf("multiproc: %s=%s: want waitv or futex", EnvVar, v)
	case sys.HasWaitv():
		return Waitv, nil
	case v == "waitv":
		return 0, fmt.Errorf("multiproc: %s=waitv: the kernel has no futex_waitv for this process", EnvVar)
	}
	return Futex, nil
}

// EnvLastResort overrides how long a sleeper sleeps when nothing wakes it. Tests set it
// so high that a wake that was lost is a test that hangs.
const EnvLastResort = "MULTIPROC_LAST_RESORT"

// LastResort is how long a sleeper sleeps when nothing wakes it, if usual is what it
// normally is. Nothing depends on it but a loss of every notice at once.
func LastResort(usual time.Duration) time.Duration {
	if d, err := time.ParseDuration(os.Getenv(EnvLastResort)); err == nil && d > 0 {
		return d
	}
	return usual
}

const (
	// slice is the same where a death is noticed by others only.
	slice = 20 * time.Millisecond
	// polledSlice is the same where one thread looks after many words.
	polledSlice = 5 * time.Millisecond
)

// Hub is the waiting room of one process.
type Hub struct {
	way     Way
	last    time.Duration // the last resort
	mem     *memory.Memory
	epoch   *atomic.Uint32
	lines   lines
	direct  atomic.Int32 // goroutines that sleep in the kernel for themselves
	kept    atomic.Pointer[canceling]
	pollers pollers
	lot     lot          // Local
	row     *layout.Slot // Futex: where this process records its waits
	bits    uint32       // Futex: the wake bits of this process
}

// NewHub makes a hub over an arena and its process table, and teaches the table
// to wake.
func NewHub(mem *memory.Memory, table *lease.Table, way Way) *Hub {
	h := &Hub{way: way, last: LastResort(500 * time.Millisecond), mem: mem, epoch: table.Epoch()}
	table.Hooks.Wake = h.Wake
	table.Hooks.Recorded = h.wakeRecorded
	return h
}

// Join says as whom this process waits.
func (h *Hub) Join(table *lease.Table, id lease.ID) {
	h.row = table.Row(id)
	h.bits = 1 << (id.Slot() % 32)
	if h.way == Futex {
		h.mem.Header().Fallback.Add(1)
	}
}

// Epoch is the number of announced deaths, to be read before the word is.
func (h *Hub) Epoch() uint32 { return h.epoch.Load() }

// Wake wakes up to n sleepers on word and returns how many it woke.
func (h *Hub) Wake(word *atomic.Uint32, n int) int {
	if h.way == Local {
		if word == h.epoch {
			return h.lot.wakeAll()
		}
		return h.lot.wake(word, n)
	}
	return sys.FutexWake(word, n, false)
}

// Block sleeps on word, at offset off, if it still has value and no death was
// announced since epoch was read. It returns nil when there may be a reason to look
// again and ctx's error when ctx has ended. suspect tells whether there is a reason
// although the word has not changed: its owner is dead.
func (h *Hub) Block(ctx context.Context, word *atomic.Uint32, off uint64, value, epoch uint32, suspect func() bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if h.way == Local {
		return h.lot.park(ctx, word, value, h.epoch, epoch, h.last/2+rand.N(h.last))
	}
	if h.direct.Add(1) > directWaits {
		h.direct.Add(-1)
		return h.blockPolled(ctx, &sleeper{word: word, value: value, epoch: epoch, suspect: suspect})
	}
	defer h.direct.Add(-1)
	if h.way == Futex {
		return h.blockFutex(ctx, word, off, value, epoch)
	}
	return h.blockWaitv(ctx, word, value, epoch)
}

func (h *Hub) blockWaitv(ctx context.Context, word *atomic.Uint32, value, epoch uint32) error {
	words := make([]sys.Waitv, 2, 3)
	words[0] = sys.Waitv{Word: word, Value: value}
	words[1] = sys.Waitv{Word: h.epoch, Value: epoch}
	if ctx.Done() != nil {
		c := h.canceled(ctx)
		defer h.keep(c)
		words = append(words, sys.Waitv{Word: &c.word, Private: true})
	}
	sys.FutexWaitv(words, h.last/2+rand.N(h.last))
	return ctx.Err()
}

func (h *Hub) blockFutex(ctx context.Context, word *atomic.Uint32, off uint64, value, epoch uint32) error {
	defer h.record(off)()
	if h.epoch.Load() != epoch { // announced before our record could be seen
		return nil
	}
	stop := context.AfterFunc(ctx, func() { sys.FutexWakeBits(word, h.bits) })
	defer stop()
	if ctx.Err() == nil {
		sys.FutexWait(word, value, h.bits, slice/2+rand.N(slice))
	}
	return ctx.Err()
}

// record notes a word in this process's row; its result takes the note back.
func (h *Hub) record(off uint64) (undo func()) {
	for i := range h.row.Waits {
		if w := &h.row.Waits[i]; w.Load() == 0 && w.CompareAndSwap(0, off) {
			return func() { w.Store(0) }
		}
	}
	return func() {} // more than a row holds: the slices find it
}

// wakeRecorded wakes all sleepers on the words that a process has recorded.
func (h *Hub) wakeRecorded(s *layout.Slot) {
	for i := range s.Waits {
		if off := s.Waits[i].Load(); off != 0 && off%4 == 0 && off < h.mem.Size()-4 {
			// SAFETY: the offset was checked; the kernel compares nothing, and the word
			// need not be a lock any more.
			h.Wake((*atomic.Uint32)(h.mem.Ptr(off)), math.MaxInt32)
		}
	}
}
