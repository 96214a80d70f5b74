//go:build !linux

package manager_test

func hasPidfd() bool { return false }
