//go:build !linux

package sys

import "runtime"

func yield() { runtime.Gosched() }
