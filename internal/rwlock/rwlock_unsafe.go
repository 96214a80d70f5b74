package rwlock

import (
	"math/rand/v2"
	"unsafe"

	"github.com/multiproc-go/multiproc/internal/blocked"
	"github.com/multiproc-go/multiproc/internal/holds"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lock"
)

const drainedAt = uint64(unsafe.Offsetof(layout.RWMutex{}.Drained))

// Bytes is the payload of a lock.
const Bytes = uint64(unsafe.Sizeof(layout.RWMutex{}))

// At makes l the lock at p, the payload of a block of its kind at off. The caller has set the holds' Env, Arena, Block and Gen.
func (l *Lock) At(p unsafe.Pointer, off uint64) {
	// SAFETY: the caller has checked the block's kind and size; its address is valid as long as the process lives.
	l.X, l.Off = (*layout.RWMutex)(p), off
	l.Place = lock.Place{
		Lock: &l.X.Mutex.Lock, Off: off, Block: l.Holds.Block, Gen: l.Holds.Gen, Mutex: &l.X.Mutex,
		On: blocked.On{Object: off - layout.BlockHeader, Gen: l.Holds.Gen, What: layout.KindRWMutex},
	}
	l.Reading = l.Place
	l.Reading.On.What |= layout.WaitRead
	l.Holds.First, l.Holds.More = l.X.Holds[:], &l.X.More
	l.Holds.Tag = holds.TagOf(l.Holds.Gen, off)
	l.Holds.Taken = taken
}

// Init makes a block of zeros a lock that is free.
func (l *Lock) Init() {
	// Where it begins to count is no secret, but what lies here next shall not look like it.
	l.X.Mutex.Watch.Store(rand.Uint32()&^layout.WatchState | 1<<31)
	l.X.Gate.Store(l.Holds.Tag)
}
