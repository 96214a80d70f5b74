// Package arena allocates blocks of a family's memory.
//
// Each size class has a list of free blocks; what no list has comes from the end
// of the used part. Blocks are never split or joined, so a block keeps its class
// and its place for ever, and the used part can be walked from its start.
//
// The state is guarded by one robust lock. A change is planned without touching
// anything, written to a redo record in absolute values, made, and the record
// cleared: the holder after a death makes a recorded change again. A
// death at any moment therefore leaves each block either allocated, with the name of
// who received it, or on the free list of its class.
//
// Large blocks give their pages back when they are freed. That takes time and is
// done outside the lock: the block is by then nobody's but the process's that frees
// it, whose slot names it, so that the reaper of the slot finishes the work.
package arena
