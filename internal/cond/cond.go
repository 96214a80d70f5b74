// Package cond is what a condition variable knows of its waiters: the states in
// [layout.Cond] and [layout.CondNode], and their transitions. The mutex is its user's business.
//
// Each process that waits has a node in shared memory, with two counts: how many of its goroutines
// nobody has signalled, and how many somebody has and who have not returned yet. Every step
// is one compare-and-swap of both, so there is no moment at which a death leaves half of one. Which
// of a process's goroutines a signal is for, the process itself knows: the one that waits for the longest.
//
// What a death leaves is a node whose owner is dead. Whoever notices takes it, forgets those that nobody had
// signalled, and passes on each signal that had not led to a return. Who waits notices because the announcement
// of a death wakes him; who signals, because he looks whether an owner lives; so there is always one who does, if
// anybody waits. A sweeper that dies between passing a signal on and counting that leaves it to be passed on again.
// That is the only way in which more waiters wake than were signalled.
package cond

import (
	"math"
	"math/rand/v2"
	"sync"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
)

// Cond is a condition variable as one handle knows it.
type Cond struct {
	X   *layout.Cond
	Ref family.Ref

	mu    sync.Mutex // guards the rooms and all that is in them
	rooms map[lease.ID]*room
}

// Begin makes a new condition variable of a mutex, which nobody else knows yet.
func (c *Cond) Begin(mutex *family.Ref) {
	c.X.Mutex, c.X.MutexGen = mutex.Off, mutex.Gen
	c.X.Turn.Store(layout.CondNoTurn)
	c.X.Swept.Store(layout.CondSwept + c.Ref.Member.Hub.Epoch())
}

// Open reports whether nobody has begun to close it. What was read of it and of its nodes before
// is then what it seemed to be.
func (c *Cond) Open() bool {
	return c.X.Head.Load()&layout.CondClosed == 0 && c.Ref.Live()
}

// each calls f with every node, beginning at the block from, until f returns false.
func (c *Cond) each(from uint64, f func(n node) bool) bool {
	for off := from; off != 0; {
		if !c.Open() {
			return false
		}
		n := c.at(off)
		off = n.Next.Load()
		if !c.Open() {
			return false
		}
		if !f(n) {
			return false
		}
	}
	return true
}

// Signal wakes the goroutine of some process that has waited for long; it returns false if nobody waits.
// The processes take turns.
func (c *Cond) Signal() bool {
	head, turn := c.X.Head.Load(), c.X.Turn.Load()
	if !c.Open() {
		return false
	}
	found := false
	try := func(n node) bool {
		found = c.signal(n)
		return !found
	}
	if turn != layout.CondNoTurn {
		c.each(c.at(turn).Next.Load(), try)
	}
	if !found {
		c.each(head, try)
	}
	return found
}

// signal signals one goroutine of one process.
func (c *Cond) signal(n node) bool {
	for {
		s, bell, turn := n.State.Load(), n.Bell.Load(), c.X.Turn.Load()
		if waiting(s) == 0 || !c.lives(n) || !c.Open() {
			return false
		}
		if !n.State.CompareAndSwap(s, s-layout.CondWaiting+layout.CondSignalled) {
			continue
		}
		crashpoint.At("cond.signal")
		c.ring(n, bell)
		if turn != n.off {
			c.X.Turn.CompareAndSwap(turn, n.off)
		}
		return true
	}
}

// Broadcast wakes all who wait.
func (c *Cond) Broadcast() {
	head := c.X.Head.Load()
	if !c.Open() {
		return
	}
	c.each(head, func(n node) bool {
		for {
			s, bell := n.State.Load(), n.Bell.Load()
			w := waiting(s)
			if w == 0 || !c.lives(n) {
				return true
			}
			if !c.Open() {
				return false
			}
			if n.State.CompareAndSwap(s, s-w*layout.CondWaiting+w*layout.CondSignalled) {
				crashpoint.At("cond.broadcast")
				c.ring(n, bell)
				return true
			}
		}
	})
}

// lives reports whether the process that a node belongs to is alive. Who signals
// the dead leaves a signal to be passed on, which takes longer.
func (c *Cond) lives(n node) bool {
	owner := n.Owner.Load()
	return owner != layout.CondNodeFree && owner&layout.CondSweeping == 0 &&
		c.Ref.Member.Table.State(lease.ID(owner)) == lease.Alive
}

// ring tells the owner of a node to look at its state. bell is what Bell was before that was
// changed: if it is something else by now, it must be changed again, since the owner may have looked in between.
func (c *Cond) ring(n node, bell uint32) {
	for !n.Bell.CompareAndSwap(bell, bell+1) {
		bell = n.Bell.Load()
		if !c.Open() {
			return
		}
	}
	crashpoint.At("cond.rung")
	c.Ref.Member.Hub.Wake(&n.Bell, math.MaxInt32) // usually one sleeps, for all of his process
}

// Close takes the condition variable from everybody, wakes all who wait and frees the nodes. It returns false if
// somebody has begun before. The caller then frees the block.
func (c *Cond) Close() (first bool) {
	for first = true; ; {
		head := c.X.Head.Load()
		if !c.Ref.Live() {
			return false
		}
		if head&layout.CondClosed != 0 {
			first = false // and may have died
			break
		}
		if c.X.Head.CompareAndSwap(head, head|layout.CondClosed) {
			break
		}
	}
	crashpoint.At("cond.closed")
	m := c.Ref.Member
	for {
		head := c.X.Head.Load()
		off := head &^ layout.CondClosed
		if off == 0 || !c.Ref.Live() {
			break
		}
		n := c.at(off)
		next, gen := n.Next.Load(), m.Arena.Block(off).Generation.Load()
		if !c.X.Head.CompareAndSwap(head, next|layout.CondClosed) {
			continue // somebody else, who closes it too
		}
		if ref, err := m.RefAt(off, gen, nodeShape); err == nil {
			_ = ref.Close(nil)
		}
		m.Hub.Wake(&n.Bell, math.MaxInt32)
	}
	// Those who are about to sleep look again: see lock.Env.WakeAll.
	m.Table.Epoch().Add(1)
	m.Hub.Wake(m.Table.Epoch(), math.MaxInt32)
	return first
}

var nodeShape = family.Shape{Kind: layout.KindCondNode, Bytes: 32}

// newNode makes a node of me and links it.
func (c *Cond) newNode(me lease.ID) (node, error) {
	ref, err := family.NewRef(nodeShape)
	if err != nil {
		return node{}, err
	}
	ref.Forget() // it is closed with the condition variable
	n := c.at(ref.Off)
	n.State.Store(uint64(rand.Uint32()) * layout.CondLife)
	n.Bell.Store(rand.Uint32() | 1<<31)
	n.Owner.Store(uint32(me))
	crashpoint.At("cond.node")
	for {
		head := c.X.Head.Load()
		if head&layout.CondClosed != 0 || !c.Ref.Live() {
			_ = ref.Close(nil)
			return node{}, family.ErrClosed
		}
		n.Next.Store(head)
		if c.X.Head.CompareAndSwap(head, ref.Off) {
			return n, nil
		}
	}
}
