package deadlock

import (
	"unsafe"

	"github.com/multiproc-go/multiproc/internal/blocked"
	"github.com/multiproc-go/multiproc/internal/holds"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/rwlock"
)

// mutex is the mutex that a record names, nil if there is none.
func (f *Finder) mutex(on blocked.On) *layout.Mutex {
	if ok, _ := f.Arena.Valid(on.Object, on.Gen, layout.KindMutex, uint64(unsafe.Sizeof(layout.Mutex{}))); !ok {
		return nil
	}
	// SAFETY: a block of this kind and size, whose address is valid for as long as the process lives. It is only read; who reads it
	// when it is another's by then sees that when he looks a second time.
	return (*layout.Mutex)(f.Arena.Payload(on.Object))
}

// rwMutex is the same for an RWMutex.
func (f *Finder) rwMutex(on blocked.On) *rwlock.Lock {
	if ok, _ := f.Arena.Valid(on.Object, on.Gen, layout.KindRWMutex, rwlock.Bytes); !ok {
		return nil
	}
	l := &rwlock.Lock{Holds: holds.List{Env: f.Env, Arena: f.Arena, Block: f.Arena.Block(on.Object), Gen: on.Gen}}
	// SAFETY: as above.
	l.At(f.Arena.Payload(on.Object), on.Object+layout.BlockHeader)
	return l
}
