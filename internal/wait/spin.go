package wait

import "runtime"

// Spins is how often a lock is looked at before its taker goes to sleep; none
// on one CPU, where the holder cannot run meanwhile.
var Spins = func() int {
	if runtime.NumCPU() == 1 {
		return 0
	}
	return 64
}()
