package wait

import "runtime"

// Spins is how often a lock is looked at before its taker goes to sleep; none
// on one CPU, where the holder cannot run meanwhile. Few are best where more
// processes than CPUs want a lock: who spins keeps the holder from running.
var Spins = func() int {
	if runtime.NumCPU() == 1 {
		return 0
	}
	return 4
}()
