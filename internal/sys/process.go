package sys

import (
	"os"
	"sync/atomic"
	"time"
)

// procStat is what of /proc/<pid>/stat is of interest.
type procStat struct {
	parent int
	start  uint64
}

// ThreadID is the kernel's id of the calling thread.
func ThreadID() int { return threadID() }

// RobustListBytes is the room that [WatchDeath] needs in its page.
const RobustListBytes = 128

// WatchDeath asks the kernel to mark word when the calling thread dies, in
// whatever way: it keeps bit 31, sets bit 30, and wakes one sleeper.
// The kernel does so only while the low 30 bits of word are the thread's id and
// bit 31 is set. page is from [MapOwn] and belongs to the kernel from now on. The
// caller has locked its goroutine to the thread and never returns.
func WatchDeath(page []byte, word *atomic.Uint32) error { return watchDeath(page, word) }

// StartTime is when process pid was started, in the kernel's clock ticks since
// boot: with the pid it identifies a process.
func StartTime(pid int) (uint64, error) {
	st, err := statOf(pid)
	return st.start, err
}

// IsAncestor reports whether pid is this process's parent, or its parent's, and so on.
func IsAncestor(pid int) bool {
	for p := os.Getppid(); p > 0; {
		if p == pid {
			return true
		}
		st, err := statOf(p)
		if err != nil {
			return false
		}
		p = st.parent
	}
	return false
}

// Monotonic is the time in nanoseconds on a clock that all processes share.
func Monotonic() uint64 { return monotonic() }

// Nap stops the calling thread for a short time, without the help of Go's scheduler.
func Nap(d time.Duration) { nap(d) }

// Yield lets other threads of the machine run on this CPU, if there are any.
func Yield() { yield() }

// ProcIsOurs returns an error if /proc is not mounted or shows another pid
// namespace: there a pid means somebody else. It also has to be one that counts threads.
func ProcIsOurs() error { return procIsOurs() }

// Stopped reports whether process pid, started at start, can no longer change the
// memory object with that inode number: it does not exist any more, none of its threads
// has a memory map, or it runs another program by now that has not mapped the object.
// A mark by [WatchDeath] says only that one thread died; another may still be
// inside a read into shared memory. That the pid is another process's by now, or that it runs
// another program, takes longer to find out and is looked at only if thorough is set.
func Stopped(pid int, start, inode uint64, thorough bool) bool {
	return stopped(pid, start, inode, thorough)
}

// Inode is the inode number of a memory object, by which /proc names its mappings.
func Inode(f *os.File) (uint64, error) { return inode(f) }
