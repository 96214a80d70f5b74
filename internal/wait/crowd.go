package wait

import (
	"context"
	"sync"
)

// A Crowd is the goroutines of one process that wait for something that happens to all of
// them at once. One of them leads: it looks and sleeps for all, so that ten thousand take one
// thread. Where each goroutine has a turn of its own there are lines instead (see [Hub.Enter]).
type Crowd struct {
	mu  sync.Mutex
	now *cohort
}

// cohort is those who wait for the same round.
type cohort struct {
	round uint64
	size  int           // who waits, the leader included
	over  chan struct{} // closed when it has happened; nil as long as nobody but the leader waits
	lead  chan struct{} // holds the leader's place, if he has given up
	err   error         // what it was; written before over is closed
}

// Wait waits with all who wait for this round. lead is called in one of them: it returns true when
// there is nothing more to wait for, with what all of them are to return; or false with its own ctx's
// error, and then another of them goes on.
func (c *Crowd) Wait(ctx context.Context, round uint64, lead func() (over bool, err error)) error {
	h, leads := c.join(round)
	if !leads {
		select {
		case <-h.over:
			return h.err
		case <-h.lead:
		case <-ctx.Done():
			c.leave(h, false)
			return ctx.Err()
		}
	}
	over, err := lead()
	if over {
		c.end(h, err)
	} else {
		c.leave(h, true)
	}
	return err
}

func (c *Crowd) join(round uint64) (h *cohort, leads bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h = c.now
	if h == nil || h.round != round {
		h = &cohort{round: round} // those of an older round have their own leader
		c.now = h
	}
	if h.size++; h.size == 1 {
		return h, true
	}
	if h.over == nil {
		h.over, h.lead = make(chan struct{}), make(chan struct{}, 1)
	}
	return h, false
}

// leave is called by one who gives up.
func (c *Crowd) leave(h *cohort, leads bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h.size--
	switch {
	case h.size == 0:
		c.forget(h)
	case leads:
		h.lead <- struct{}{} // whoever takes it; it stays if all of them are leaving
	}
}

// end lets all go.
func (c *Crowd) end(h *cohort, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(h)
	h.err = err
	if h.over != nil {
		close(h.over)
	}
}

// forget is called with mu held.
func (c *Crowd) forget(h *cohort) {
	if c.now == h {
		c.now = nil
	}
}
