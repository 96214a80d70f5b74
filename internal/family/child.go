package family

import "github.com/multiproc-go/multiproc/internal/handoff/mark"

// isChild reports whether this process was started as a child that has yet to join.
func isChild() bool {
	m, _, err := mark.Inherited()
	return m != nil || err != nil
}
