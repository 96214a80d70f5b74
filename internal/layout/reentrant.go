package layout

import "sync/atomic"

// Reentrant is the payload of a KindReentrant block: a mutex, and whose it is within the process that holds it. All but
// Mutex belongs to its holder, and only Owner and Depth are read by others; what a dead one has left there means nothing.
type Reentrant struct {
	Mutex  Mutex
	Owner  atomic.Uint64 // who has it, or 0: its holder's process and a number; read by all who might be that one
	Depth  atomic.Uint32 // how often it is locked
	Serial uint32        // of the latest guard that is not unlocked
	Next   uint32        // the serial that was given last
	_      uint32
}

// Once is the payload of a KindOnce block: a mutex, and whether what it is for was done.
type Once struct {
	Mutex Mutex
	Done  atomic.Uint32 // 1 from then on
	_     uint32
}
