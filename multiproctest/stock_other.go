//go:build !linux

package multiproctest

// systemStock is unknown here.
func systemStock() stock { return nil }

func foreign(finding) bool { return false }
