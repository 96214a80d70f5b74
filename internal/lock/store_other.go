//go:build !amd64

package lock

import "sync/atomic"

// store is an atomic store that releases. The one of this architecture fences too, and costs little.
func store(w *atomic.Uint32, v uint32) { w.Store(v) }
