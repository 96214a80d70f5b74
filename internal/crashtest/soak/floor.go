package soak

import (
	"errors"
	"sync"
	"time"

	"github.com/multiproc-go/multiproc/shm"
)

// floor is what all workers of a shift share, whatever else they do.
type floor struct {
	Stop  *shm.Value[bool]
	Work  *shm.Value[int64] // steps that were done
	Clock *shm.Value[int64] // in nanoseconds
	Stall *shm.Value[int64] // the longest wait, by that clock
}

// The clock goes as long as the parent does: neither a machine that slept nor a family that was stopped as a whole counts as a wait. It
// is as exact as one beat.
const beat, longestBeat = time.Millisecond, 100 * time.Millisecond

func newFloor() (f floor, closeAll func() error, err error) {
	var errs [4]error
	f.Stop, errs[0] = shm.NewValue(false)
	f.Work, errs[1] = shm.NewValue[int64](0)
	f.Clock, errs[2] = shm.NewValue[int64](0)
	f.Stall, errs[3] = shm.NewValue[int64](0)
	err = errors.Join(errs[:]...)
	stop := make(chan struct{})
	var clock sync.WaitGroup
	if err == nil {
		clock.Go(func() { f.keepTime(stop) })
	}
	return f, func() error {
		close(stop)
		clock.Wait()
		return errors.Join(f.Stop.Close(), f.Work.Close(), f.Clock.Close(), f.Stall.Close())
	}, err
}

func (f floor) keepTime(stop <-chan struct{}) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for last := time.Now(); ; {
		select {
		case <-stop:
			return
		case now := <-ticker.C:
			shm.Add(f.Clock, int64(min(now.Sub(last), longestBeat)))
			last = now
		}
	}
}

func (f floor) now() time.Duration { return time.Duration(f.Clock.Load()) }

// waited records a wait that began then and is over.
func (f floor) waited(began time.Duration) {
	waited := int64(f.now() - began)
	for old := f.Stall.Load(); waited > old && !shm.CompareAndSwap(f.Stall, old, waited); old = f.Stall.Load() {
	}
}
