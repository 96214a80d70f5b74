package cond

import (
	"container/list"
	"context"
	"errors"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
)

// room is the goroutines of one process that wait, with the node that counts them. The first in
// the queue leads: it sleeps in the kernel, for all. It always holds that
//
//	Waiting + Signalled = queue + told
type room struct {
	node
	me    lease.ID
	life  uint64
	queue list.List // of *Waiter, whom nobody has told; in order of arrival
	told  int       // have been told that they are signalled, and have not returned
	gone  bool      // the node is not ours any more
}

// Waiter is one goroutine that waits.
type Waiter struct {
	room *room
	at   *list.Element
	turn chan struct{} // closed when it has been told, or leads; nil if it has led from the beginning
	// The rest is guarded by Cond.mu.
	leads bool
	told  bool
	err   error // why it was told, if not because it was signalled
}

var errCrowded = errors.New("multiproc: four million goroutines of this process wait already")

// Enter makes the caller one that waits, for the process me. It holds the mutex, and must call Wait and
// then Leave.
func (c *Cond) Enter(me lease.ID) (*Waiter, error) {
	if !c.Open() {
		return nil, family.ErrClosed
	}
	c.sweep(me) // what the dead were signalled is not for one who comes only now
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.rooms[me]
	if r == nil {
		n, err := c.claim(me)
		if err != nil {
			return nil, err
		}
		r = &room{node: n, me: me, life: life(n.State.Load())}
		if c.rooms == nil {
			c.rooms = make(map[lease.ID]*room)
		}
		c.rooms[me] = r
	}
	for {
		s := r.State.Load()
		switch {
		case !c.owns(r, s):
			delete(c.rooms, me)
			return nil, family.ErrClosed
		case waiting(s)+signalled(s) >= layout.CondCount:
			return nil, errCrowded
		}
		if r.State.CompareAndSwap(s, s+layout.CondWaiting) {
			break
		}
	}
	crashpoint.At("cond.enter")
	w := &Waiter{room: r}
	if r.queue.Len() == 0 {
		w.leads = true
	} else {
		w.turn = make(chan struct{})
	}
	w.at = r.queue.PushBack(w)
	return w, nil
}

// owns reports whether the node, whose state was s, is this room's still.
func (c *Cond) owns(r *room, s uint64) bool { return life(s) == r.life && c.Open() }

// lead makes the first in the queue the one that sleeps for all.
func (r *room) lead() {
	if first := r.queue.Front(); first != nil {
		if w := first.Value.(*Waiter); !w.leads {
			w.leads = true
			close(w.turn)
		}
	}
}

// tell takes the first from the queue and lets it go.
func (r *room) tell(err error) {
	w := r.queue.Remove(r.queue.Front()).(*Waiter)
	w.told, w.err = true, err
	r.told++
	if !w.leads {
		close(w.turn)
	}
}

// deal gives the signals that have come to those who are first. It is called with mu held.
func (c *Cond) deal(r *room) (s uint64) {
	s = r.State.Load()
	switch {
	case r.gone:
	case !c.Open():
		r.gone = true
		for r.queue.Len() > 0 {
			r.tell(family.ErrClosed)
		}
	case life(s) != r.life:
		// We are goroutines that outlive their entry, whose node was swept. No harm in looking at
		// whatever they wait for.
		r.gone = true
		for r.queue.Len() > 0 {
			r.tell(nil)
		}
	default:
		for r.queue.Len() > 0 && signalled(s) > uint64(r.told) {
			r.tell(nil)
		}
	}
	if r.gone && c.rooms[r.me] == r {
		delete(c.rooms, r.me)
	}
	r.lead()
	return s
}

// look reports whether w has been told.
func (c *Cond) look(w *Waiter) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deal(w.room)
	return w.told
}

// Wait waits until w is signalled. On an error it was not: ctx's, or ErrClosed.
func (c *Cond) Wait(ctx context.Context, w *Waiter) error {
	m := c.Ref.Member
	blocking := m.Book.Begin(ctx, w.room.me, c.Ref.On(layout.KindCond), false)
	defer blocking.End()
	if w.turn != nil {
		select {
		case <-w.turn:
		case <-ctx.Done():
			return c.giveUp(ctx, w)
		}
	}
	hub, n := m.Hub, w.room.node
	for {
		// In this order: what happens after it was looked at changes what is slept on.
		epoch, bell := hub.Epoch(), n.Bell.Load()
		c.sweep(w.room.me)
		if c.look(w) {
			return w.err
		}
		crashpoint.At("cond.sleep")
		err := hub.Block(ctx, &n.Bell, n.off+layout.BlockHeader+layout.CondBellAt, bell, epoch, always)
		if err != nil {
			return c.giveUp(ctx, w)
		}
		crashpoint.At("cond.woken")
	}
}

// always: a death is a reason to look, for the dead may have been signalled.
func always() bool { return true }

// giveUp is for one whose context has ended. It has been signalled all the same if there is
// a signal that nobody before it in the queue takes.
func (c *Cond) giveUp(ctx context.Context, w *Waiter) error {
	crashpoint.At("cond.giveup")
	c.mu.Lock()
	defer c.mu.Unlock()
	r := w.room
	for {
		s := c.deal(r)
		if w.told {
			return w.err
		}
		if r.State.CompareAndSwap(s, s-layout.CondWaiting) {
			break
		}
	}
	r.queue.Remove(w.at)
	r.lead()
	c.vacate(r)
	return ctx.Err()
}

// Leave is called when the caller has the mutex again, or cannot have it: its signal has
// done what it was for.
func (c *Cond) Leave(w *Waiter) {
	crashpoint.At("cond.leave")
	c.mu.Lock()
	defer c.mu.Unlock()
	if !w.told {
		return // it gave up
	}
	r := w.room
	r.told--
	for !r.gone {
		s := r.State.Load()
		if !c.owns(r, s) {
			c.deal(r)
			return
		}
		if r.State.CompareAndSwap(s, s-layout.CondSignalled) {
			break
		}
	}
	c.vacate(r)
}

// vacate gives the node to whoever comes next, if nobody of this process waits any more.
func (c *Cond) vacate(r *room) {
	if r.gone || r.queue.Len() > 0 || r.told > 0 {
		return
	}
	r.gone = true
	delete(c.rooms, r.me)
	crashpoint.At("cond.vacate")
	if c.Open() {
		r.Owner.CompareAndSwap(uint32(r.me), layout.CondNodeFree)
	}
}
