//go:build amd64 || arm64

package wait

// Pause tells the CPU n times that the caller spins.
func Pause(n uint32)
