package sys

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	opWake       = 1
	opWaitBitset = 9
	opWakeBitset = 10
	opPrivate    = 128

	flag32      = 0x02
	flagPrivate = 128
)

// waitv is the kernel's struct futex_waitv.
type waitv struct {
	val   uint64
	uaddr uint64
	flags uint32
	_     uint32
}

var hasWaitv = sync.OnceValue(func() bool {
	// No words at all is EINVAL where the call exists.
	_, _, errno := unix.Syscall6(unix.SYS_FUTEX_WAITV, 0, 0, 0, 0, 0, 0)
	return errno != unix.ENOSYS && errno != unix.EPERM
})

func futexWaitv(words []Waitv, timeout time.Duration) {
	var few [8]waitv // the common case stays on the stack
	buf := few[:]
	if len(words) > len(few) {
		buf = make([]waitv, len(words))
	}
	for i, w := range words {
		// SAFETY: the kernel only reads the word; words keeps it alive (below).
		buf[i] = waitv{val: uint64(w.Value), uaddr: uint64(uintptr(unsafe.Pointer(w.Word))), flags: flag32}
		if w.Private {
			buf[i].flags |= flagPrivate
		}
	}
	var deadline unix.Timespec
	var ts unsafe.Pointer
	if timeout > 0 {
		_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &deadline)
		deadline = unix.NsecToTimespec(deadline.Nano() + int64(timeout))
		ts = unsafe.Pointer(&deadline)
	}
	unix.Syscall6(unix.SYS_FUTEX_WAITV, uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(words)), 0,
		uintptr(ts), unix.CLOCK_MONOTONIC, 0)
	runtime.KeepAlive(words)
}

func futexWait(word *atomic.Uint32, value, bits uint32, timeout time.Duration) {
	var deadline unix.Timespec
	var ts unsafe.Pointer
	if timeout > 0 {
		_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &deadline)
		deadline = unix.NsecToTimespec(deadline.Nano() + int64(timeout))
		ts = unsafe.Pointer(&deadline)
	}
	unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), opWaitBitset, uintptr(value), uintptr(ts), 0, uintptr(bits))
}

func futexWake(word *atomic.Uint32, n int, private bool) int {
	op := uintptr(opWake)
	if private {
		op |= opPrivate
	}
	r, _, errno := unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), op, uintptr(n), 0, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(r)
}

func futexWakeBits(word *atomic.Uint32, bits uint32) {
	unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), opWakeBitset, 1<<31-1, 0, 0, uintptr(bits))
}
