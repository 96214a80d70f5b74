// Package lease knows who is alive.
//
// Every process of a family has a slot in the process table of the arena, and in
// it a lease word that the kernel marks when the process dies, however it dies
// ([layout.Lease] has the states). One thread per process, the warden, holds the
// kernel's list for that mark and sleeps on the leases of others: of its parent,
// and of the next few live slots. So each process is watched by several, and
// the thread that dies with a process is the same that would have eaten a wake
// meant for the living.
//
// Whoever notices a mark (a warden, or a parent that has waited for its child; a waiter
// that takes a lock from the dead rings its warden) does the same: prove that the process can no longer write
// ([Table.Confirm]), raise the family's death epoch and wake all who sleep on it,
// note the death as announced, finish what the dead one left half done, and free
// the slot. Doing any of it twice is harmless; dying in between leaves it to the
// next one, whom the mark of that death wakes.
//
// Sleepers on locks watch the epoch and not the leases: a lock's owner may have
// changed since they fell asleep, and the kernel wakes only one watcher of a lease.
package lease
