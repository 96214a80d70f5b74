package layout

import "sync/atomic"

// Event is the payload of a KindEvent block: one word.
//
//	bit  0     Set
//	bit  1     Waiters: somebody may sleep on the word
//	bits 2-30  Turn: how often the event was set, from a random number on
//	bit  31    Open: the event was not closed
//
//	word               transition                     made by
//	Open, any          → Set, Turn + 1                Set; it then wakes all, if Waiters is set
//	Open|Set|Waiters   → Open|Set                     the same or another Set, after it has woken all
//	Open|Set           → Open                         Clear
//	Open               → Open|Waiters                 a process that is going to sleep
//	any                → 0                            Close
//
// No transition leads from 0: who comes too late finds none of what he saw before.
type Event struct {
	Word atomic.Uint32
}

// The parts of an event's word.
const (
	EventSet     uint32 = 1 << 0
	EventWaiters uint32 = 1 << 1
	EventTurn    uint32 = 1 << 2 // one of the turns
	EventOpen    uint32 = 1 << 31
)
