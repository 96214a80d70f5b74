//go:build !linux

package main

import "errors"

var errSystem = errors.New("processes are measured on Linux only")

func pinThread(int) (func(), error) { return nil, errSystem }

func pinProcess(int) error { return errSystem }

func monotonic() int64 { panic(errSystem) }
