package layout

import "sync/atomic"

// Cond is the payload of a KindCond block: the mutex that it belongs to, and a list of
// nodes, one for each process that waits. A node is linked once and stays until Close; the list
// only grows, at its head.
type Cond struct {
	Head     atomic.Uint64 // the first node's block, with CondClosed from the beginning of Close on
	Turn     atomic.Uint64 // the node's that was signalled last; or CondNoTurn
	Mutex    uint64        // the mutex's block and its generation; never changes
	MutexGen uint32
	// Swept is CondSwept plus the epoch up to which the nodes of the dead were seen to.
	Swept atomic.Uint32
}

const (
	// CondClosed in Head: Close is taking the nodes off. Blocks lie at even offsets.
	CondClosed uint64 = 1
	// Values that what lies here after a Close is unlikely to have.
	CondNoTurn uint64 = 0xb5a0_9c4e_7d21_f303
	CondSwept  uint32 = 0x9e37_79b9
)

// CondNode is the payload of a KindCondNode block: the goroutines of one process that
// wait on one Cond.
//
// State counts them. Everything that happens to them is one compare-and-swap of it:
//
//	bits 0-21   Waiting: that nobody has signalled
//	bits 22-43  Signalled: that somebody has, and whose Wait has not returned yet
//	bits 44-63  Life: which use of the node this is
//
//	transition                          made by
//	Waiting + 1                         its owner: one more waits
//	Waiting - 1, Signalled + 1          Signal, in any process; then it changes Bell and wakes
//	Waiting = 0, Signalled + Waiting    Broadcast
//	Waiting - 1                         its owner: one gave up
//	Signalled - 1                       its owner, with the mutex held: one returns
//	Waiting = 0, then Signalled - 1 …   the sweeper of a dead owner, who passes each signal on first
//	0, 0, Life + 1                      the next owner
//
//	Owner                  transition               made by
//	CondNodeFree           → me                     a process that begins to wait
//	me                     → CondNodeFree           that process, when none of its goroutines waits
//	dead owner             → me | CondSweeping      the sweeper, when the death is proven
//	dead | CondSweeping    → me | CondSweeping      the next sweeper, if that one has died
//	me | CondSweeping      → CondNodeFree           the sweeper
type CondNode struct {
	Next  atomic.Uint64 // of whoever made the node, until it is linked; then it never changes
	State atomic.Uint64
	Owner atomic.Uint32
	// Bell is what the owner sleeps on: changed after each signal.
	Bell atomic.Uint32
	_    [8]byte
}

// The parts of a State: the width and the mask of a count, and one of each count.
const (
	CondCountBits        = 22
	CondCount     uint64 = 1<<CondCountBits - 1
	CondWaiting   uint64 = 1
	CondSignalled uint64 = 1 << CondCountBits
	CondLife      uint64 = 1 << (2 * CondCountBits)

	// CondBellAt is where Bell lies in a node.
	CondBellAt = 20

	CondSweeping uint32 = 1 << 31
	// CondNodeFree is no process's id, and unlikely to be found in another object.
	CondNodeFree uint32 = 0xd6c3_5a91
)
