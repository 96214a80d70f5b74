//go:build !amd64 && !arm64

package wait

// Pause passes a little time.
func Pause(n uint32) {
	for range n {
	}
}
