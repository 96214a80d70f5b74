//go:build !unix || aix

package sys

import (
	"errors"
	"os"
)

// Socketpair is not supported on this system.
func Socketpair() (*os.File, *os.File, error) { return nil, nil, errors.ErrUnsupported }
