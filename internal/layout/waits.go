package layout

import "sync/atomic"

// Waits is the payload of a KindWaits block: what the goroutines of one process wait for. The process's row of the
// table names the block, which stays with the row when the process has died: the next process of that row writes
// over it. Only the process itself writes to it.
type Waits struct {
	List [WaitsMost]Wait
}

// WaitsMost is how many different things a process can say that it waits for.
const WaitsMost = 31

// Wait is one of them. It counts if Owner is a process that lives. So nothing has to be cleaned up after a death: the
// row of the dead has another generation when it is used again, and with it another Owner.
//
//	Turn     Owner   transition           made by
//	even     0       → Turn odd           the process, which then writes the rest
//	odd      0       → Owner me, Turn even  the same: from here on it is seen
//	even     me      → Turn odd, even     the same, when it has seen another holder of what it waits for
//	even     me      → Owner 0            the same, when it does not wait any more
//
// Whoever reads it reads Turn before and after. A process that dies while Turn is odd is dead, and its record does not count.
type Wait struct {
	Turn   atomic.Uint32
	Owner  atomic.Uint32
	Object atomic.Uint64 // the block of what is waited for
	Gen    atomic.Uint32 // its generation
	What   atomic.Uint32 // its kind, and the flags below
	Since  atomic.Uint64 // on the monotonic clock
	// Goroutine is which one of the process waits, where that is recorded; else 0, and Count is how many do.
	Goroutine atomic.Uint64
	// Holder and Ticket are those of the lock when this process last looked at it, HolderSince is when it first saw them.
	Holder      atomic.Uint32
	Ticket      atomic.Uint32
	HolderSince atomic.Uint64
	Count       atomic.Uint32
	_           uint32
}

// The parts of [Wait].What.
const (
	WaitKind  uint32 = 1<<8 - 1
	WaitRead  uint32 = 1 << 8  // of an RWMutex: to read
	WaitDrain uint32 = 1 << 9  // of an RWMutex: for readers to end, with the writers' lock held
	WaitFirm  uint32 = 1 << 10 // cannot be told to give up

	WaitUnowned uint32 = 1 << 11 // of a Semaphore: for a permit that nobody is going to hold
)
