package sys

// RegisterBarrier makes this process one that [Barrier] reaches. It may take some
// milliseconds, during which the calling thread cannot be killed.
func RegisterBarrier() error { return registerBarrier() }

// Barrier is a full memory barrier on every CPU that runs a thread of a registered
// process; a thread that does not run had its barrier when it was put off. It
// reports false where the kernel does not offer that to this process.
func Barrier() bool { return barrier() }
