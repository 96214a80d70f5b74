//go:build amd64 || arm64

package ring

// prefetch asks the CPU for the cache lines of n bytes. It reads nothing, and so may be called without the lock.
func prefetch(from *uint64, n uint64)
