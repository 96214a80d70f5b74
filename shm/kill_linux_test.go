package shm_test

import (
	"os"
	"syscall"

	"github.com/multiproc-go/multiproc/internal/family"
)

// kill ends this process, unless its family's members are goroutines.
func kill() {
	if family.ModeOf() == family.Processes {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}
