//go:build !unix

package crashtest

func stopNow() {
	panic("a process that stops itself: not on this system, where these tests are skipped")
}
