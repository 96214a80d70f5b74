//go:build race

package race

import (
	"runtime"
	"unsafe"
)

// Enabled says that this is a build with -race.
const Enabled = true

var stand [4096]uint64

func standIn(off uint64) unsafe.Pointer { return unsafe.Pointer(&stand[off/64%uint64(len(stand))]) }

// Acquire says that the caller sees all that was done before the last Release of
// the lock at off.
func Acquire(off uint64) { runtime.RaceAcquire(standIn(off)) }

// Release is the other side of Acquire.
func Release(off uint64) { runtime.RaceReleaseMerge(standIn(off)) }

// Read says that the caller reads n bytes at p without synchronization.
func Read(p unsafe.Pointer, n uintptr) { runtime.RaceReadRange(p, int(n)) }

// Write says that the caller writes n bytes at p without synchronization.
func Write(p unsafe.Pointer, n uintptr) { runtime.RaceWriteRange(p, int(n)) }

// Disable makes the caller's atomic operations synchronize nothing, until Enable.
func Disable() { runtime.RaceDisable() }

// Enable ends Disable.
func Enable() { runtime.RaceEnable() }
