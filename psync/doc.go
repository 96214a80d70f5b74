// Package psync has locks that processes share, and that the death of a process
// does not leave held.
//
// # Usage
//
//	mu, err := psync.NewMutex()
//	…
//	err = mu.Do(ctx, func() error {
//		total.Store(total.Load() + 1)
//		return nil
//	})
//
// A *Mutex is a handle: pass it in the argument of an entry, and the child's
// handle names the same lock. It also travels as text, in an environment variable.
//
// # Concurrency
//
// Every method may be called by any goroutine of any process of the family. A lock
// synchronizes processes as sync.Mutex synchronizes goroutines: what was done
// before an Unlock is seen after the next Lock.
//
// # Crash behaviour
//
// A process that dies, in whatever way and at whatever instruction, holds nothing
// any more. The next Lock succeeds and says so: [Guard.Abandoned] is true until
// [Guard.Repaired] is called, for the data under the lock may be half-written. Nobody takes
// a lock from the dead before the death is proven: no write of theirs comes
// later. A stopped or frozen process is alive, and keeps what it holds.
//
// Of an [RWMutex] that goes for the writer. A reader that dies has read, and that is all.
//
// A waiter that dies has no effect on the others.
//
// # Limits
//
// A process that reads an [RWMutex] for the first time needs up to 1 KiB of the family's memory for it.
//
// Locks belong to processes, not to goroutines: which goroutine unlocks is up to the
// program. They are not recursive and not fair. What is on the arena's pages can be
// corrupted by any process of the family.
//
// # Testing
//
// In goroutine mode the same program runs in one process; there a panic, a Goexit
// or a return counts as the death of the entry that did it. In builds with -race
// locks synchronize for the race detector.
package psync
