package lock

import (
	"sync/atomic"

	"github.com/multiproc-go/multiproc/internal/race"
)

// StoreRelease is an atomic store that releases and does not fence, where the architecture has one: what comes after it may
// happen before it is seen. It is for words that are read by others only after an atomic operation that follows.
func StoreRelease(w *atomic.Uint32, v uint32) {
	if race.Enabled {
		w.Store(v)
		return
	}
	store(w, v)
}
