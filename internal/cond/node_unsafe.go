package cond

import "github.com/multiproc-go/multiproc/internal/layout"

// node is the waiters of one process.
type node struct {
	*layout.CondNode
	off uint64 // of its block
}

// at is the node in the block at off. It must have been found in the list of an open condition variable.
func (c *Cond) at(off uint64) node {
	// SAFETY: blocks that are linked hold a CondNode until the list is closed, and their addresses are
	// valid for as long as the process lives. What is read there counts only if the list is open afterwards.
	return node{(*layout.CondNode)(c.Ref.Member.Arena.Payload(off)), off}
}
