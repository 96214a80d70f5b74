// Package queue has queues between processes, which the death of none of them blocks, and which lose nothing.
//
// # Usage
//
//	q, err := queue.New[job](queue.Options{Capacity: 100})
//	…
//	err = q.Put(ctx, job{…})     // in any process of the family
//	j, err := q.Get(ctx)         // in any other
//
// A *Queue is a handle: pass it in the argument of an entry, and the child's handle names the same queue. Items are of any
// type that may be an entry's argument. Those without pointers are copied as they are, whatever methods they have, []byte and string as their bytes, all others are CBOR; handles
// inside items work, files do not.
//
// [Queue.GetLease] takes an item that is delivered again if its taker dies before Ack. A [JoinableQueue] knows when all of its items
// are done. [Reserve] and [Peek] pass large items without copying them; [GetAppend] takes bytes into memory that there is.
//
// # Concurrency
//
// All methods may be called by any goroutine of any process. There is one order over all producers: an item that was put before another is taken before
// it, but for items that were given back, which come first. What was done before a Put is seen after the Get that takes its item. Who
// waits is not served in order. Where one side is as fast as the other, a Put or Get now and then waits about a microsecond for more
// to come: then both need each other's cache lines less often.
//
// # Crash behaviour
//
// An item is in the queue when the one store that commits it was made, which is before Put returns: a producer that dies before has put nothing, one that dies
// after has put all of it. The same holds for taking. A process that dies inside leaves nothing locked and nobody asleep. An item that was taken by Get, and whose
// taker dies afterwards, is gone with it; one that was leased is delivered again, and [Lease.Deliveries] says so.
//
// A stopped process is alive: while it is stopped in the middle of copying an item, its side of the queue waits for it.
//
// # Limits
//
// A queue is bounded by its number of items (Capacity) and by bytes (Options.Bytes, for items whose size varies). Items whose size varies share
// a ring of 256 bytes for each of the Capacity, at least 4 KiB and at most the power of two below Options.Bytes, so that Put may
// have to wait earlier. Those larger than 2 KiB, or than a quarter of that ring, are outside of it: there are 64 at a time.
//
// A []byte or string of 512 bytes to 2 KiB that Get returns may be a sixteenth of a larger piece of memory, which all of the sixteen keep from the garbage
// collector: who keeps a few out of many for long clones them.
//
// # Testing
//
// In goroutine mode the same program runs in one process; a return of the entry is then the death of its taker.
package queue
