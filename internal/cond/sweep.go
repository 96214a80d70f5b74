package cond

import (
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
)

func waiting(s uint64) uint64   { return s & layout.CondCount }
func signalled(s uint64) uint64 { return s >> layout.CondCountBits & layout.CondCount }
func life(s uint64) uint64      { return s / layout.CondLife }

// sweep sees to the nodes of all whose death was announced, unless that was done. me does it.
func (c *Cond) sweep(me lease.ID) {
	// The mark is read before the nodes: a death that is announced meanwhile makes another epoch.
	swept, epoch := c.X.Swept.Load(), layout.CondSwept+c.Ref.Member.Hub.Epoch()
	head := c.X.Head.Load()
	if swept == epoch || !c.Open() {
		return
	}
	if c.each(head, func(n node) bool { c.bury(n, me); return true }) {
		// If somebody else is at a node, he lives; and if he dies, that is another epoch.
		c.X.Swept.CompareAndSwap(swept, epoch)
	}
}

// bury empties the node of a dead process.
func (c *Cond) bury(n node, me lease.ID) {
	owner := n.Owner.Load()
	if owner == layout.CondNodeFree || c.Ref.Member.Table.State(lease.ID(owner&^layout.CondSweeping)) != lease.Gone {
		return
	}
	if !n.Owner.CompareAndSwap(owner, uint32(me)|layout.CondSweeping) {
		return
	}
	crashpoint.At("cond.sweep")
	for c.Open() {
		s := n.State.Load()
		switch {
		case waiting(s) > 0:
			n.State.CompareAndSwap(s, s-waiting(s)*layout.CondWaiting)
		case signalled(s) > 0:
			c.Signal() // if nobody waits, there is nobody whom it could be for
			crashpoint.At("cond.passed")
			n.State.CompareAndSwap(s, s-layout.CondSignalled)
		default:
			crashpoint.At("cond.swept")
			n.Owner.CompareAndSwap(uint32(me)|layout.CondSweeping, layout.CondNodeFree)
			return
		}
	}
}

// claim finds or makes a node for me.
func (c *Cond) claim(me lease.ID) (node, error) {
	var mine node
	head := c.X.Head.Load()
	if !c.Open() {
		head = 0
	}
	c.each(head, func(n node) bool {
		if n.Owner.Load() == layout.CondNodeFree && n.Owner.CompareAndSwap(layout.CondNodeFree, uint32(me)) {
			mine = n
		}
		return mine.CondNode == nil
	})
	if mine.CondNode == nil {
		return c.newNode(me)
	}
	crashpoint.At("cond.claim")
	// Free nodes count nobody; who still wants to signal their former owner fails by the new Life.
	s := mine.State.Load()
	mine.State.CompareAndSwap(s, s/layout.CondLife*layout.CondLife+layout.CondLife)
	return mine, nil
}
