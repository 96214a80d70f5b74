package family

// isChild reports whether this process was started as a child that has yet to join.
func isChild() bool { return false }
