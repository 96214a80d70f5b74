package sys

// Duplicate returns another descriptor for what fd stands for; it is closed on exec.
// The two share position and flags, as after dup(2). It is never one of the three
// standard ones, even where those are closed.
func Duplicate(fd int) (int, error) { return duplicate(fd) }
