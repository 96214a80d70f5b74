//go:build unix

package crashtest

import (
	"os"
	"syscall"

	"github.com/multiproc-go/multiproc"
)

// stopNow stops this process as a debugger does.
func stopNow() { syscall.Kill(os.Getpid(), syscall.SIGSTOP) }

// stopOther stops another one.
func stopOther(p *multiproc.Process) error { return p.Signal(syscall.SIGSTOP) }
