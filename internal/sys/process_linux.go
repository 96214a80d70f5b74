package sys

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func threadID() int { return unix.Gettid() }

// robustHead is the kernel's struct robust_list_head, robustNode its list entry.
type robustHead struct {
	next    uintptr
	offset  uintptr
	pending uintptr
}

type robustNode struct {
	next uintptr
}

func watchDeath(page []byte, word *atomic.Uint32) error {
	// SAFETY: page is a mapping of at least RobustListBytes that outlives the
	// thread; the kernel reads it only while the thread exits.
	head := (*robustHead)(unsafe.Pointer(unsafe.SliceData(page)))
	node := (*robustNode)(unsafe.Pointer(&page[RobustListBytes/2]))
	head.next = uintptr(unsafe.Pointer(node))
	node.next = uintptr(unsafe.Pointer(head))
	head.offset = uintptr(unsafe.Pointer(word)) - uintptr(unsafe.Pointer(node))
	if _, _, errno := unix.Syscall(unix.SYS_SET_ROBUST_LIST, uintptr(unsafe.Pointer(head)), unsafe.Sizeof(*head), 0); errno != 0 {
		return os.NewSyscallError("set_robust_list", errno)
	}
	return nil
}

func procIsOurs() error {
	self, err := os.Readlink("/proc/self")
	if err != nil {
		return err
	}
	if self != strconv.Itoa(os.Getpid()) {
		return errors.New("/proc is that of another pid namespace; mount it anew in this one")
	}
	return nil
}

func monotonic() uint64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return uint64(ts.Nano())
}

func nap(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&ts, nil)
}

func inode(f *os.File) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return 0, os.NewSyscallError("fstat", err)
	}
	return st.Ino, nil
}

func statOf(pid int) (st procStat, err error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return st, err
	}
	// The second field is a name in parentheses that may itself hold any byte.
	i := bytes.LastIndexByte(b, ')')
	fields := bytes.Fields(b[i+1:])
	if i < 0 || len(fields) < 20 {
		return st, fmt.Errorf("sys: /proc/%d/stat: unexpected form", pid)
	}
	if st.parent, err = strconv.Atoi(string(fields[1])); err != nil {
		return st, err
	}
	if st.threads, err = strconv.Atoi(string(fields[17])); err != nil {
		return st, err
	}
	st.start, err = strconv.ParseUint(string(fields[19]), 10, 64)
	return st, err
}

func stopped(pid int, start, inode uint64, thorough bool) bool {
	st, err := statOf(pid)
	if err != nil {
		return noSuchProcess(pid)
	}
	if st.start != start || st.threads == 0 {
		return true // the pid is somebody else's by now, or the last thread is being reaped
	}
	dir := "/proc/" + strconv.Itoa(pid) + "/task/"
	tasks, err := os.ReadDir(dir)
	if err != nil {
		return noSuchProcess(pid)
	}
	// The listing ends early when the thread at which it stands exits. A dying process
	// gets no new threads, so one that is as long as the count before it is complete.
	if len(tasks) < st.threads {
		return false
	}
	for _, task := range tasks {
		statm, err := os.ReadFile(dir + task.Name() + "/statm")
		switch {
		case err == nil && bytes.HasPrefix(statm, []byte("0 ")):
		case err == nil:
			return thorough && elsewhere(dir+task.Name(), inode)
		case !errors.Is(err, os.ErrNotExist) && !errors.Is(err, unix.ESRCH):
			return false // what cannot be read is taken for alive
		}
	}
	return true
}

// elsewhere reports whether a thread's memory map is without the object: an execve has
// replaced it, and ended all other threads before.
func elsewhere(task string, inode uint64) bool {
	maps, err := os.ReadFile(task + "/maps")
	if err != nil || len(maps) == 0 {
		return false // it has just lost its map, or must not be looked at
	}
	number := strconv.FormatUint(inode, 10)
	for line := range bytes.Lines(maps) {
		// address perms offset dev inode path; anonymous objects share one device
		if f := bytes.Fields(line); len(f) > 5 && string(f[4]) == number && bytes.HasPrefix(f[5], []byte("/memfd:")) {
			return false
		}
	}
	return true
}

// noSuchProcess asks the kernel itself: a /proc mounted with hidepid, or none
// at all, hides the living too.
func noSuchProcess(pid int) bool {
	if unix.Kill(pid, 0) == unix.ESRCH {
		return true
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err == unix.ESRCH // not EMFILE, say
	}
	defer unix.Close(fd)
	ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(ready, 0)
	return err == nil && n == 1 // a zombie whose threads have all ended
}
