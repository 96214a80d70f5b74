//go:build !linux

package sys

import (
	"errors"
	"os"
)

func setLimit(Resource, uint64, uint64) error { return errors.ErrUnsupported }
func isLimited(Resource) bool                 { return false }
func mappedBytes() (uint64, error)            { return 0, errors.ErrUnsupported }
func endReading(*os.File) error               { return errors.ErrUnsupported }
func awaitEnd(*os.Process) error              { return errors.ErrUnsupported }
