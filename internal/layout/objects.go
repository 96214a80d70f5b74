package layout

// Kinds of blocks.
const (
	KindMutex uint32 = 1 + iota
	KindValue
	KindArray
	KindEvent
	KindCond
	KindCondNode // the waiters of one process on a Cond
	KindBarrier
	KindQueue
	KindJoinable
	KindMessage // the bytes of a large message of a queue
	KindRWMutex
	KindHolds // more holds of an RWMutex or a Semaphore
	KindSemaphore
	KindReentrant
	KindOnce
	KindWaits // what the goroutines of one process wait for
)

// ObjectLockAt is where the lock lies in the payload of a value or an array.
const ObjectLockAt = 8

// Value is the payload of a KindValue block whose type fits in 8 bytes. The
// value lies in the low bytes of Cell and is read and written with all of it.
//
// Cell has a cache line of its own: every use looks at the block's generation first, which
// would otherwise cost a second transfer of the line where processes take turns.
type Value struct {
	Type uint32 // signature of the element type
	Size uint32 // of the element type
	Lock Lock   // serializes Update
	_    [16]byte
	Cell uint64
}

// BigValue is the head of the payload of a KindValue block whose type is
// larger. Two copies follow, each on its own cache lines: Flips&1 tells which one
// is the value; a writer, who holds Lock, fills the other and adds 1.
type BigValue struct {
	Type  uint32
	Size  uint32
	Lock  Lock
	Flips uint64
	_     [8]byte
}

// Array is the head of the payload of a KindArray block; the elements follow.
type Array struct {
	Type uint32
	Size uint32 // of one element
	Lock Lock   // serializes Update
	Len  uint64
	_    [8]byte
}
