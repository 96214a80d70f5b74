// Package psync has locks, semaphores, events, condition variables and barriers that processes share, and that
// no death leaves held or waited for.
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
// So does everything that this package makes: [RWMutex], [ReentrantMutex], [Semaphore], [Once], [Cond], [Event] and [Barrier].
//
// # Concurrency
//
// Every method may be called by any goroutine of any process of the family. To wait is to call a method with a
// context, and to get its error when it ends: then what was waited for did not happen. A lock
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
// Permits of a [Semaphore] that a process holds when it dies are free again.
//
// A waiter that dies has no effect on the others. What a death does to an [Event], a [Cond] and a [Barrier] they say
// themselves.
//
// # Deadlocks
//
// Processes that wait in a circle for each other's locks ([Mutex], [ReentrantMutex], [Once], [RWMutex]) are reported when that has lasted for a second
// and a half: as one warning to the Logger of multiproc.Config, or slog.Default(), in one of them. It names each process, what it holds
// and what it waits for. That is only suspected, for another goroutine of a process may unlock: nobody gets an error, and a goroutine that
// holds a lock for seconds may be taken for part of a circle. Where it is known which goroutine holds what, by [MutexOptions] or the
// environment, a circle is proven, and one Lock in it returns [ErrDeadlock]. A [Semaphore] is such a lock as long as one process
// holds all permits, by Acquire, and none is free; who waits for permits of several processes is in no circle, nor is who waits with Wait. Circles through events, condition
// variables, barriers, queues and Updates of package shm are not found, and those of a goroutine that waits for its own [Once] or permits are not either.
//
// Holders (of every lock and a Semaphore), Waiters (of these, a Cond, an Event and a Barrier) and Members (of a Barrier) list who has part in an
// object: see [Party].
//
// # Limits
//
// A process that reads an [RWMutex] or acquires from a [Semaphore] for the first time needs up to 1 KiB of the family's memory for it.
//
// Locks belong to processes, not to goroutines: which goroutine unlocks is up to the
// program. Only a [ReentrantMutex] is recursive, and none is fair. What is on the arena's pages can be
// corrupted by any process of the family.
//
// # Testing
//
// In goroutine mode the same program runs in one process; there a panic, a Goexit
// or a return counts as the death of the entry that did it. In builds with -race
// locks synchronize for the race detector.
package psync
