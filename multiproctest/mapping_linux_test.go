package multiproctest_test

import (
	"syscall"
	"testing"
)

func init() {
	leaks["mapping"] = leak{
		leave: func(t *testing.T) {
			if _, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ, syscall.MAP_SHARED|syscall.MAP_ANON); err != nil {
				t.Error(err)
			}
		},
		report: []string{"LEAK: shared mapping: ", "1 things"},
		linux:  true,
	}
}
