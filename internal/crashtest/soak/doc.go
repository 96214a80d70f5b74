// Package soak runs a family of processes that use everything which must survive a
// death, kills them at random and at named moments, and checks that nothing was lost.
//
// [Run] is of mutexes, values, the allocator, the start of children and parents who die with theirs. Each kind of object that processes wait
// at has a run of its own ([RunRWMutex], [RunCond], [RunBarrier] and so on), and so have the workers of pools.
//
// What they check: nobody is in a critical section with another, and what it
// protects is whole or said to be abandoned; every increment that was made is counted; a
// dead process writes no more when its lock has changed hands; a large value is
// never torn; no permit, item, token or signal is lost or doubled; nobody waits for one who is dead, or is starved; every block is allocated or
// free; no process outlives its parent's death by more than the grace time; and no slot of the process table, descriptor or
// mapping of this process is left.
package soak
