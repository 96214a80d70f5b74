//go:build !race

package race

import "unsafe"

// Enabled says that this is a build with -race.
const Enabled = false

// Acquire says that the caller sees all that was done before the last Release of
// the lock at off.
func Acquire(off uint64) {}

// Release is the other side of Acquire.
func Release(off uint64) {}

// Read says that the caller reads n bytes at p without synchronization.
func Read(p unsafe.Pointer, n uintptr) {}

// Write says that the caller writes n bytes at p without synchronization.
func Write(p unsafe.Pointer, n uintptr) {}

// Disable makes the caller's atomic operations synchronize nothing, until Enable.
func Disable() {}

// Enable ends Disable.
func Enable() {}
