package sys

import (
	"bytes"
	"encoding/binary"
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
	dir, err := openAt(unix.AT_FDCWD, []byte("/proc/self/task\x00"), unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	if n, err := countThreads(dir); err != nil || n < 1 {
		return errors.New("/proc does not count threads")
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

func yield() { _, _, _ = unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }

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
	st.start, err = strconv.ParseUint(string(fields[19]), 10, 64)
	return st, err
}

// stopped is on the way of whoever waits for a dead process's lock, on CPUs that the dying one
// needs too: so it opens only what it must, and nothing goes to the heap.
func stopped(pid int, start, inode uint64, thorough bool) bool {
	var room [pathRoom]byte
	path := strconv.AppendInt(append(room[:0], "/proc/"...), int64(pid), 10)
	dir, err := openAt(unix.AT_FDCWD, append(path, "/task\x00"...), unix.O_DIRECTORY)
	if err != nil {
		return noSuchProcess(pid)
	}
	defer unix.Close(dir)
	threads, err := countThreads(dir)
	if err != nil {
		return false
	}
	for list := (threadList{dir: dir}); ; threads-- {
		thread, err := list.next()
		switch {
		case err != nil:
			return noSuchProcess(pid)
		case thread == nil:
			// The listing ends early when the thread at which it stands exits. A dying process
			// gets no new threads, so one that is as long as the count before it is complete.
			return threads <= 0
		case !mapless(dir, thread):
			// It may be another process's by now, or run another program.
			return thorough && (startedOtherwise(pid, start) || elsewhere(pid, string(thread), inode))
		}
	}
}

// pathRoom is enough for the paths of this file, with two numbers.
const pathRoom = 64

// countThreads counts the threads of the process whose task directory that is. It has a link
// for each of them, beside its own two; none are left of a process that is being reaped.
func countThreads(dir int) (int, error) {
	var st unix.Stat_t
	if err := unix.Fstat(dir, &st); err != nil {
		return 0, err
	}
	if st.Nlink < 2 {
		return 0, errors.New("/proc does not count threads")
	}
	return int(st.Nlink) - 2, nil
}

// threadList goes through the threads in a task directory.
type threadList struct {
	dir      int
	at, size int
	entries  [2048]byte
}

// next is the number of the next thread, as text, or nil after the last.
func (l *threadList) next() ([]byte, error) {
	for {
		if l.at == l.size {
			n, err := unix.ReadDirent(l.dir, l.entries[:])
			if err != nil || n <= 0 {
				return nil, err
			}
			l.at, l.size = 0, n
		}
		// struct linux_dirent64: inode, offset, length, type, and a name that ends with a zero.
		entry := l.entries[l.at:l.size]
		length := int(binary.NativeEndian.Uint16(entry[16:]))
		l.at += length
		if name, _, _ := bytes.Cut(entry[19:length], []byte{0}); name[0] != '.' {
			return name, nil
		}
	}
}

// mapless reports whether a thread has no memory map any more, or is no more. What
// cannot be read is taken for alive.
func mapless(dir int, thread []byte) bool {
	var room [pathRoom]byte
	fd, err := openAt(dir, append(append(room[:0], thread...), "/statm\x00"...), 0)
	if err != nil {
		return err == unix.ENOENT || err == unix.ESRCH
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, room[:])
	if err != nil {
		return err == unix.ESRCH
	}
	return bytes.HasPrefix(room[:n], []byte("0 "))
}

// openAt opens for reading what is at path, which ends with a zero byte.
func openAt(dir int, path []byte, flags uintptr) (int, error) {
	// SAFETY: the kernel reads up to the zero byte, while the call lasts.
	fd, _, errno := unix.Syscall6(unix.SYS_OPENAT, uintptr(dir), uintptr(unsafe.Pointer(unsafe.SliceData(path))),
		flags|unix.O_RDONLY|unix.O_CLOEXEC, 0, 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}

// startedOtherwise reports whether the pid is somebody else's by now.
func startedOtherwise(pid int, start uint64) bool {
	st, err := statOf(pid)
	return err == nil && st.start != start
}

// elsewhere reports whether a thread's memory map is without the object: an execve has
// replaced it, and ended all other threads before.
func elsewhere(pid int, thread string, inode uint64) bool {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/maps", pid, thread))
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
