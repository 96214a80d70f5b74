//go:build !linux

package manager

import (
	"errors"
	"os"
)

var errSegments = errors.New("manager: segments are tracked on Linux only")

func statSegment(string) (os.FileInfo, error) { return nil, errSegments }

func removeSegment(string) error { return errSegments }
