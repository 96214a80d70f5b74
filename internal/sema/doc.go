// Package sema is the counting semaphore whose permits no death loses or doubles. Its words' states are in [layout.Semaphore]; this
// package is the transitions.
//
// A permit lies in a word: in that of the process that holds it or had it last, or in the pool. To acquire one that lies
// free in one's own word, and to give it back there, is one compare-and-swap each, which nobody else's processor takes part in.
// So what says how many permits a process holds is the lock itself, as with the readers of package rwlock, and no death
// comes between the two.
//
// Who finds none in its own word takes the books, a robust lock, and moves free permits from other words to its own: one word after
// another, each move under a redo record. Permits that were moved and not acquired yet lie free where they are. When no word has
// any, all are shut: from then on whoever gives back looks whether somebody waits. Waiters stand in a queue, which is a
// robust lock too; its holder is the next to be served, and sleeps until enough is free. It is overtaken by those who come when there is
// something free, but not when it has waited for a millisecond.
//
//	death of          at                                    what becomes of it
//	a holder          a slot is set                         whoever looks for permits with the books makes them free, in one step
//	who gives back    its slot is cleared, nobody told yet  the announced death makes the waiter look
//	who moves         the record is complete                nothing was moved
//	who moves         one word has less                     the next who has the books gives it to the other word
//	who moves         both words are changed                the next who has the books sees that
//	who acquires      permits are moved, no slot is set     they lie free in its word, for anybody
//	who acquires      a hold is claimed                     it is an empty hold of a dead process
//	who waits         it is told and has not looked         the next in the queue looks at everything
//	who waits         it has shut words or reserved all     the next in the queue ends that, or whoever comes next if there is none
//	who posts         before its swap                       nothing was posted
//	who posts         after it                              as who gives back
//	who closes it     at any moment                         whoever comes next goes on, since it finds it closing or finds nobody
package sema
