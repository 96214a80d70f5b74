package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/multiproc-go/multiproc"
)

// A crew is the workers, in the eyes of their parent.
type crew struct {
	board    board
	listener *multiproc.File
	fail     context.CancelCauseFunc // ends all
	done     sync.WaitGroup          // a goroutine for each place

	mu      sync.Mutex // protects the rest
	changed *sync.Cond
	now     []*multiproc.Process // who is in each place
	failed  error
}

func newCrew(b board, listener *multiproc.File, fail context.CancelCauseFunc) *crew {
	c := &crew{board: b, listener: listener, fail: fail, now: make([]*multiproc.Process, len(b.Rows))}
	c.changed = sync.NewCond(&c.mu)
	return c
}

// start fills each place until ctx ends.
func (c *crew) start(ctx context.Context) {
	for slot := range c.now {
		c.done.Go(func() {
			if err := c.fill(ctx, slot); err != nil {
				c.mu.Lock()
				c.failed = err
				c.mu.Unlock()
				c.fail(err)
			}
		})
	}
	context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.changed.Broadcast()
	})
}

func (c *crew) wait() { c.done.Wait() }

// fill keeps a worker in a place. The one that comes after a death goes on in the counts of
// the one before: they belong to the place.
func (c *crew) fill(ctx context.Context, slot int) error {
	for {
		p, err := multiproc.Start(ctx, serve.With(worker{Slot: slot, Listener: c.listener, Board: c.board}).
			WithOptions(multiproc.Options{Name: workerName(slot)}))
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if err := c.board.hired(slot, p.Pid()); err != nil {
			return err
		}
		c.mu.Lock()
		c.now[slot] = p
		c.changed.Broadcast()
		c.mu.Unlock()
		err = p.Wait(context.WithoutCancel(ctx))
		if ctx.Err() != nil {
			return nil // it was told to end
		}
		if _, ok := errors.AsType[*multiproc.ChildError](err); ok {
			return err // it could not serve, and the next one could not either
		}
	}
}

// killSome kills n workers: spread over the load, or else one every two seconds.
func (c *crew) killSome(ctx context.Context, n, load int) error {
	for i := range n {
		if load > 0 {
			c.board.waitFor(ctx, uint64(load*(i+1)/(n+1)))
		} else {
			pause(ctx, 2*time.Second)
		}
		slot := rand.IntN(len(c.now))
		old := c.other(ctx, slot, nil)
		if old == nil {
			return nil // ctx has ended
		}
		how := "was killed"
		if err := old.Kill(); errors.Is(err, multiproc.ErrUnsupported) {
			how = "could not be killed and was told to end"
		} else if err != nil {
			return err
		}
		successor := c.other(ctx, slot, old)
		if successor == nil {
			return nil
		}
		fmt.Printf("main: %s (pid %d) %s; its place is taken by pid %d\n", old.Name(), old.Pid(), how, successor.Pid())
	}
	return nil
}

// other waits until somebody else than p is in a place. It returns nil when ctx has ended.
func (c *crew) other(ctx context.Context, slot int, p *multiproc.Process) *multiproc.Process {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.now[slot] == p && ctx.Err() == nil {
		c.changed.Wait()
	}
	if ctx.Err() != nil {
		return nil
	}
	return c.now[slot]
}

func workerName(slot int) string { return fmt.Sprintf("worker-%d", slot+1) }

// pause waits, and not beyond the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
