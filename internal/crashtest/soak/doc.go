// Package soak runs a family of processes that use everything which must survive a
// death, kills them at random and at named moments, and checks that nothing was lost.
//
// What it checks: nobody is in a critical section with another, and what it
// protects is whole or said to be abandoned; every increment that was made is counted; a
// dead process writes no more when its lock has changed hands; a large value is
// never torn; every block is allocated or free; no process outlives its parent's
// death by more than the grace time; and no slot of the process table, descriptor or
// mapping of this process is left.
package soak
