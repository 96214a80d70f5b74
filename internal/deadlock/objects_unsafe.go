package deadlock

import (
	"unsafe"

	"github.com/multiproc-go/multiproc/internal/blocked"
	"github.com/multiproc-go/multiproc/internal/holds"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/rwlock"
	"github.com/multiproc-go/multiproc/internal/sema"
)

// mutex is the mutex that a record names, nil if there is none.
func (f *Finder) mutex(on blocked.On) *layout.Mutex {
	if !f.Arena.Named(on.Object, on.Gen, uint64(unsafe.Sizeof(layout.Mutex{}))) {
		return nil
	}
	// SAFETY: the range is backed for as long as the process lives, and it is only read, by atomic operations. Who reads what is another's
	// by then sees that when he looks a second time.
	return (*layout.Mutex)(f.Arena.Payload(on.Object))
}

// semaphore is the same for a semaphore.
func (f *Finder) semaphore(on blocked.On) *sema.Sema {
	if !f.Arena.Named(on.Object, on.Gen, sema.Bytes) {
		return nil
	}
	x := &sema.Sema{Holds: holds.List{Env: f.Env, Arena: f.Arena, Block: f.Arena.Block(on.Object), Gen: on.Gen}}
	// SAFETY: as above.
	x.At(f.Arena.Payload(on.Object), on.Object+layout.BlockHeader)
	return x
}

// rwMutex is the same for an RWMutex.
func (f *Finder) rwMutex(on blocked.On) *rwlock.Lock {
	if !f.Arena.Named(on.Object, on.Gen, rwlock.Bytes) {
		return nil
	}
	l := &rwlock.Lock{Holds: holds.List{Env: f.Env, Arena: f.Arena, Block: f.Arena.Block(on.Object), Gen: on.Gen}}
	// SAFETY: as above.
	l.At(f.Arena.Payload(on.Object), on.Object+layout.BlockHeader)
	return l
}
