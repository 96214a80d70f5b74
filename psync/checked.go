package psync

import (
	"bytes"
	"context"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"

	"github.com/multiproc-go/multiproc/internal/blocked"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
)

// MutexOptions are those of one [Mutex]. The zero value is what [NewMutex] uses.
type MutexOptions struct {
	// Deadlock makes Lock return [ErrDeadlock] to one of those who wait for each other in a circle of such mutexes, in one or several
	// processes, and to a goroutine that waits for a mutex that it holds itself. The circle must have lasted for a second and a half.
	//
	// The mutex then belongs to the goroutine that has locked it, and no other may unlock it: what looks like a circle
	// would be none. Lock and Unlock cost some microseconds. Every process that uses the mutex does so
	// with this option, however it came by its handle.
	Deadlock bool
}

// EnvDeadlock is the environment variable that makes every [Mutex] one with the option Deadlock, if it is "1" in the process that
// makes the mutex: to find out why a program stands still. A [ReentrantMutex] and an [RWMutex] have no such option.
const EnvDeadlock = "MULTIPROC_DEADLOCK"

func (o MutexOptions) checked() bool { return o.Deadlock || os.Getenv(EnvDeadlock) == "1" }

// lockChecked is Lock for a mutex that knows which goroutine holds it. A firm one never gets ErrDeadlock.
func (m *Mutex) lockChecked(ctx context.Context, me lease.ID, firm bool) (Guard, error) {
	c := &blocked.Caller{Goroutine: goroutine()}
	var told atomic.Bool
	if !firm {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		c.GiveUp = func() {
			told.Store(true)
			cancel()
		}
	}
	g, err := m.acquire(blocked.NewContext(ctx, c), me)
	if err != nil {
		if told.Load() && err == context.Canceled {
			err = ErrDeadlock
		}
		return Guard{}, err
	}
	m.hold(me, c.Goroutine)
	return g, nil
}

// hold notes which goroutine has got m.
func (m *Mutex) hold(me lease.ID, goroutine uint64) {
	m.place.Mutex.Holder.Store(uint64(me) | goroutine<<layout.HolderShift)
}

// goroutine is the number of the calling goroutine, as stack traces show it. There is no other way to it.
func goroutine() uint64 {
	var b [40]byte
	text := bytes.TrimPrefix(b[:runtime.Stack(b[:], false)], []byte("goroutine "))
	digits, _, _ := bytes.Cut(text, []byte(" "))
	n, err := strconv.ParseUint(string(digits), 10, 64-layout.HolderShift)
	if err != nil {
		return 0 // not known, so nothing is proven by it
	}
	return n
}
