package sys

// Yield lets another thread that wants this CPU run first.
func Yield() { yield() }
