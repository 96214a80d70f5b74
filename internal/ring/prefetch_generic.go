//go:build !amd64 && !arm64

package ring

// prefetch does nothing where Go has no instruction for it.
func prefetch(*uint64, uint64) {}
