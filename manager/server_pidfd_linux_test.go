package manager_test

import "os"

// hasPidfd reports whether the kernel has descriptors for processes.
func hasPidfd() bool {
	p, err := os.FindProcess(os.Getpid())
	return err == nil && p.WithHandle(func(uintptr) {}) == nil
}
