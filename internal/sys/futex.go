package sys

import (
	"sync/atomic"
	"time"
)

// WaitvMax is the largest number of words that one [FutexWaitv] takes.
const WaitvMax = 128

// Waitv is one word of a [FutexWaitv] and the value that it must still have for
// the caller to fall asleep.
type Waitv struct {
	Word    *atomic.Uint32
	Value   uint32
	Private bool // the word is this process's own
}

// HasWaitv reports whether the kernel offers futex_waitv to this process. A
// seccomp profile that answers EPERM counts as a kernel that lacks it.
func HasWaitv() bool { return hasWaitv() }

// FutexWaitv sleeps until one of the words is woken, one of them no longer has
// its value, the timeout has passed, or a signal came. It does not tell which:
// the caller looks at everything again. A timeout of zero or less means none.
func FutexWaitv(words []Waitv, timeout time.Duration) { futexWaitv(words, timeout) }

// FutexWait sleeps on one shared word in the same way. Only wakes whose bits
// meet bits reach it.
func FutexWait(word *atomic.Uint32, value, bits uint32, timeout time.Duration) {
	futexWait(word, value, bits, timeout)
}

// FutexWake wakes up to n sleepers on a word and returns how many it woke.
func FutexWake(word *atomic.Uint32, n int, private bool) int { return futexWake(word, n, private) }

// FutexWakeBits wakes every sleeper of [FutexWait] whose bits meet bits.
func FutexWakeBits(word *atomic.Uint32, bits uint32) { futexWakeBits(word, bits) }

// AllBits meets every [FutexWakeBits].
const AllBits uint32 = 1<<32 - 1
