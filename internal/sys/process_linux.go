package sys

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
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

func startTime(pid int) (uint64, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, err
	}
	// The second field is a name in parentheses that may itself hold any byte.
	i := bytes.LastIndexByte(b, ')')
	fields := bytes.Fields(b[i+1:])
	if i < 0 || len(fields) < 20 {
		return 0, fmt.Errorf("sys: /proc/%d/stat: unexpected form", pid)
	}
	return strconv.ParseUint(string(fields[19]), 10, 64)
}

func stopped(pid int, start uint64) bool {
	t, err := startTime(pid)
	if err != nil {
		return noSuchProcess(pid)
	}
	if t != start {
		return true // the pid is somebody else's by now
	}
	dir := "/proc/" + strconv.Itoa(pid) + "/task/"
	tasks, err := os.ReadDir(dir)
	if err != nil {
		return noSuchProcess(pid)
	}
	for _, task := range tasks {
		b, err := os.ReadFile(dir + task.Name() + "/statm")
		if err == nil && !bytes.HasPrefix(b, []byte("0 ")) {
			return false
		}
		// A task that has gone since has no memory map; one whose file cannot
		// be read for another reason is taken for alive.
		if err != nil && !os.IsNotExist(err) && err.(*os.PathError).Err != unix.ESRCH {
			return false
		}
	}
	return true
}

// noSuchProcess asks the kernel itself: a /proc mounted with hidepid, or none
// at all, hides the living too.
func noSuchProcess(pid int) bool {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err == unix.ESRCH
	}
	defer unix.Close(fd)
	ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(ready, 0)
	return err == nil && n == 1 // a zombie whose threads have all ended
}
