//go:build !linux

package conn

import "errors"

func (f *Framed) peek() (bool, error) { return false, errors.ErrUnsupported }
