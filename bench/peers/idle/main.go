// Idle waits until its standard input ends: what a Go program costs that only exists.
package main

import "syscall"

func main() {
	var b [1]byte
	for {
		if n, err := syscall.Read(0, b[:]); n == 0 || err != nil && err != syscall.EINTR {
			return
		}
	}
}
