// Package ring is the mechanism of queues: a bounded ring of messages in the arena, with many
// producers and many consumers, that no death leaves inconsistent. It knows bytes and no types; package queue
// is the contract.
//
// There are two robust locks, one for each side, on lines of their own. A producer writes behind Tail and then stores
// Tail; a consumer copies from Head and then stores Head. Each of these is one store, and nothing else
// commits: what a dead process has written behind Tail, or copied without moving Head, has not happened.
// [layout.Queue] shows where everything lies, [layout.QueueCell] the states of a message that somebody
// holds or that is too large for the ring.
//
// Each side keeps a copy of the other's position and looks at the real one only when the copy says that there is
// nothing left to do. So while both sides run, they exchange a cache line for a run of messages.
//
// Whoever finds nothing to do looks for a while, then sleeps on the bell of its side, which it has marked under its
// lock. The other side looks at the mark after each commit, and makes a system call only if it is set.
//
// A process that dies between its commit and the ringing of a bell leaves sleepers asleep; the announcement of its
// death wakes them, and they look again.
package ring
