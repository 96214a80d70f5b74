//go:build !unix || aix

package sys

import "errors"

func duplicate(int) (int, error) { return -1, errors.ErrUnsupported }
