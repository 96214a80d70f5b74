package sys

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

func startOf(t *testing.T, pid int) uint64 {
	t.Helper()
	start, err := StartTime(pid)
	if err != nil {
		t.Fatal(err)
	}
	return start
}

// TestStoppedOfTheLiving: who lives and has the object mapped can write to it.
func TestStoppedOfTheLiving(t *testing.T) {
	fd, err := unix.MemfdCreate("test", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "test")
	defer f.Close()
	number, err := Inode(f)
	if err == nil {
		err = f.Truncate(4096)
	}
	if err != nil {
		t.Fatal(err)
	}
	view, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	pid := os.Getpid()
	start := startOf(t, pid)
	for _, thorough := range []bool{false, true} {
		if Stopped(pid, start, number, thorough) {
			t.Errorf("thorough %v: this process has stopped", thorough)
		}
		if got := Stopped(pid, start+1, number, thorough); got != thorough {
			t.Errorf("thorough %v: another process had this pid: stopped %v", thorough, got)
		}
	}
	if err := unix.Munmap(view); err != nil {
		t.Fatal(err)
	}
	for _, thorough := range []bool{false, true} {
		if got := Stopped(pid, start, number, thorough); got != thorough {
			t.Errorf("thorough %v: this process has not mapped the object: stopped %v", thorough, got)
		}
	}
}

// TestStoppedOfTheDead: a process that has ended has stopped, reaped or not.
func TestStoppedOfTheDead(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^$")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	start := startOf(t, pid)
	for err = unix.EINTR; err == unix.EINTR; {
		err = unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !Stopped(pid, start, 0, false) {
		t.Error("a zombie has not stopped")
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if !Stopped(pid, start, 0, true) {
		t.Error("a process that was waited for has not stopped")
	}
}

// TestThreadList lists more threads than the kernel gives in one piece.
func TestThreadList(t *testing.T) {
	const n = 150
	var (
		mu      sync.Mutex
		ours    = make(map[string]bool)
		here    sync.WaitGroup
		all     sync.WaitGroup
		release = make(chan struct{})
	)
	here.Add(n)
	for range n {
		all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			mu.Lock()
			ours[strconv.Itoa(ThreadID())] = true
			mu.Unlock()
			here.Done()
			<-release
		})
	}
	here.Wait()
	defer all.Wait()
	defer close(release)

	dir, err := openAt(unix.AT_FDCWD, []byte("/proc/self/task\x00"), unix.O_DIRECTORY)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(dir)
	count, err := countThreads(dir)
	if err != nil || count < n {
		t.Errorf("%d threads are counted, %v; want %d at least", count, err, n)
	}
	list, pieces := threadList{dir: dir}, 0
	for {
		thread, err := list.next()
		if err != nil {
			t.Fatal(err)
		}
		if thread == nil {
			break
		}
		if list.at <= 64 {
			pieces++
		}
		if mapless(dir, thread) {
			t.Errorf("thread %s has no memory map", thread)
		}
		delete(ours, string(thread))
	}
	if len(ours) > 0 || pieces < 2 {
		t.Errorf("in %d pieces, %d of %d threads are missing", pieces, len(ours), n)
	}
	if !mapless(dir, []byte("0")) {
		t.Error("thread 0, which is not there, has a memory map")
	}
}
