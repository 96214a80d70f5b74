// Package shm has typed values and arrays in memory that processes share.
//
// # Usage
//
//	total, err := shm.NewValue[int64](0)
//	grid, err := shm.NewArray[float64](1 << 20)
//
// A *Value or *Array is a handle: pass it in the argument of an entry, and the
// child's handle names the same memory. No setup is needed; the family's
// shared memory appears on first use and ends with the last process of the family.
//
// # Types
//
// T is any type of a fixed size without pointers: numbers, bools, arrays and structs of them.
// Strings, slices, maps, pointers and interfaces are refused with an error that names
// the field, for what they point to belongs to one process.
//
// # Concurrency
//
// A Value never tears: Load returns what one Store or Update wrote. A T of up to 8
// bytes is one atomic word; a larger one has two copies, so a Load never keeps a writer waiting.
// Load and then Store is two steps: to change a value by what it is, use
// [Add], [CompareAndSwap] or [Value.Update], or hold a psync.Mutex.
//
// Elements of an Array are plain memory, as those of a slice: concurrent use needs a lock.
//
// # Crash behaviour
//
// A process that dies inside a Store or Update of a Value leaves the old value. One
// that dies inside [Array.Update] leaves the array abandoned: the next Update
// returns [ErrAbandoned] until [Array.Repair].
//
// # Lifetime and limits
//
// Close frees the memory for all processes, as closing a file does not: handles
// elsewhere become stale, and using one is an error or a panic that says so. A handle
// that becomes garbage frees nothing. A slice got from [Array.Slice] is a view and
// must not be used after Close; nothing can detect that.
//
// Any process of a family can overwrite all of its memory.
//
// # Testing
//
// In goroutine mode the memory is Go memory, and in builds with -race a Load or
// Store counts as a plain access: an unsynchronized read and write are
// reported as a data race although neither tears.
package shm
