// Package blocked records in shared memory who waits for what: for people who look inside, and for
// the search for deadlocks.
//
// A goroutine that is going to sleep, or to stand in line behind another one of its process, says so in the [Book] of
// its process, and takes that back when it waits no more. The book counts goroutines that wait for the same
// thing and writes one record for all of them ([layout.Wait]). Nothing of this is on the way of those who need not sleep.
//
// A record names its process by slot and generation. So the death of a process ends its records, at whatever
// instruction it comes, and nobody has to clean up.
//
// There is room for a number of different things that a process waits for. Who waits without a record is counted
// ([Book.Unnoted]), and gets one when there is room.
//
// A timer of the process, which runs only while somebody waits, has those waits looked at that have lasted for long (see [Due]).
package blocked
