// Package rwlock is the lock of many readers or one writer. Its words' states are in [layout.RWMutex]
// and [layout.Hold]; this package is the transitions.
//
// A reader takes a slot of its own process's hold, by one compare-and-swap that fails unless the hold is open, and leaves by
// adding 1 to the slot's ticket, which may be a plain store. A writer, once it
// has the writers' lock, shuts every hold, and then waits until no slot is taken; before it sleeps it sees to it that those who store see
// that, by a barrier on all CPUs. So readers of
// different processes write to no common cache line and look at none, and a writer pays for that. (The idea is that of
// big-reader locks and of D. Dice, A. Kogan, "BRAVO"; what is new is the death of either side.)
//
// Readers whose hold is shut queue up for the writers' lock, open their hold and come in under it, and release it at once. So
// they wait as writers do, neither side starves the other, and the death of a writer is dealt with where that of any
// lock's holder is. Nobody has to open what a dead writer has shut.
//
//	death of       at                               what becomes of it
//	a reader       it has a slot                    writers pass over its hold, when the death is confirmed
//	a reader       its slot is free, no wake yet    the announced death wakes the writer
//	a reader       it has the writers' lock         the next finds no writer in the gate: nothing is abandoned
//	a writer       barrier made, hold not Watched   the next makes another
//	a writer       GateDraining                     the next clears the gate: nothing was written
//	a writer       inside                           the next marks the lock abandoned
//	a writer       gate cleared, lock not released  nothing is abandoned: it had finished
//	who marks it   at any moment                    the next does it again
//	who closes it  at any moment                    whoever comes next goes on, since he finds it closing or finds nobody
package rwlock
