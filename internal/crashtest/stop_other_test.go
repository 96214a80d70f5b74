//go:build !unix

package crashtest

import (
	"errors"

	"github.com/multiproc-go/multiproc"
)

func stopNow() {
	panic("a process that stops itself: not on this system, where these tests are skipped")
}

func stopOther(*multiproc.Process) error { return errors.ErrUnsupported }
