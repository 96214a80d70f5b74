package wait

import "runtime"

// Spins is how often a lock is looked at before its taker goes to sleep; none
// on one CPU, where the holder cannot run meanwhile. Few are best where more
// processes than CPUs want a lock: who spins keeps the holder from running.
var Spins = func() int {
	if runtime.NumCPU() == 1 {
		return 0
	}
	return 5
}()

// How long to [Pause] between two looks, and after how many releases during a pause the next one is
// to be long. A short one is about as long as a short critical section and its cache misses; a long one
// lets the holder use the lock some hundreds of times in peace.
const (
	ShortPause = 10
	LongPause  = 300
	Busy       = 2
)
