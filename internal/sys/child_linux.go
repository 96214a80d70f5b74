package sys

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

var resources = [...]int{
	AddressSpace: unix.RLIMIT_AS,
	OpenFiles:    unix.RLIMIT_NOFILE,
	CPUSeconds:   unix.RLIMIT_CPU,
	CoreBytes:    unix.RLIMIT_CORE,
}

func setLimit(r Resource, soft, hard uint64) error {
	// Not prlimit: for RLIMIT_NOFILE the runtime must know that it is no longer
	// to restore the limit that it raised itself, before an exec.
	err := unix.Setrlimit(resources[r], &unix.Rlimit{Cur: soft, Max: hard})
	return os.NewSyscallError("setrlimit", err)
}

func isLimited(r Resource) bool {
	var limit unix.Rlimit
	err := unix.Getrlimit(resources[r], &limit)
	return err != nil || limit.Cur != unix.RLIM_INFINITY
}

func mappedBytes() (uint64, error) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	pages, _, _ := bytes.Cut(b, []byte(" "))
	n, err := strconv.ParseUint(string(pages), 10, 64)
	return n * uint64(os.Getpagesize()), err
}

func endReading(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = raw.Control(func(fd uintptr) { result = unix.Shutdown(int(fd), unix.SHUT_RD) })
	if err != nil {
		return err
	}
	return os.NewSyscallError("shutdown", result)
}

func awaitEnd(p *os.Process) error {
	fd, err := unix.PidfdOpen(p.Pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return os.NewSyscallError("pidfd_open", err)
	}
	f := os.NewFile(uintptr(fd), "pidfd")
	defer f.Close()
	// Where SIGCHLD is ignored, the number may be another process's already. If p, which has a
	// pidfd of its own, is still there, so it was when this one was opened.
	if err := p.Signal(unix.Signal(0)); err != nil {
		return err
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Read(HasEnded)
}
