package ring

import (
	"context"
	"math"
	"sync/atomic"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
)

// Drain ends all putting. What is there can still be taken; whoever waits for more gets ErrDrained.
func (r *Ring) Drain(me lease.ID) error {
	if err := r.lock(context.Background(), &r.put, me); err != nil {
		return err
	}
	if !r.q.State.CompareAndSwap(layout.QueueOpen, layout.QueueDraining) {
		r.unlock(&r.put, me)
		return ErrDrained
	}
	crashpoint.At("queue.draining")
	r.unlockAndWake(&r.put, me, wakes{get: true, put: true})
	return nil
}

// Close frees the ring for all. Who waits gets family.ErrClosed. If its process dies inside, the next Close does the rest.
func (r *Ring) Close(me lease.ID) error {
	ctx := context.Background()
	if err := r.lock(ctx, &r.put, me); err != nil {
		return err
	}
	r.q.State.Store(layout.QueueClosed)
	if err := r.lock(ctx, &r.get, me); err != nil {
		r.unlock(&r.put, me)
		return err
	}
	crashpoint.At("queue.closing")
	if err := r.freeBlocks(); err != nil {
		r.unlock(&r.get, me)
		r.unlock(&r.put, me)
		return err
	}
	bells := [...]*atomic.Uint32{&r.q.GetBell, &r.q.PutBell, &r.q.JoinBell}
	err := r.ref.Close(func() {
		for _, bell := range bells {
			bell.Add(bellStep)
		}
		r.env.Close(r.put.Lock)
		r.env.Close(r.get.Lock)
	})
	for _, bell := range bells {
		r.env.Hub.Wake(bell, math.MaxInt32)
	}
	return err
}

// freeBlocks frees what the cells own. Both sides are locked.
func (r *Ring) freeBlocks() error {
	if err := r.ref.SettleParts(); err != nil {
		return err
	}
	for i := r.leases; i < r.leases+r.bigs; i++ {
		c := r.cell(i)
		if c.Block == 0 {
			continue
		}
		if _, err := r.message(c.Block, 0); err != nil {
			c.Block = 0 // not a block of ours: nobody knows what was lost
			continue
		}
		if err := r.ref.FreePart(c.Block, r.cellAt(i)+blockAt); err != nil {
			return err
		}
	}
	return nil
}

// Join waits until as many messages are done as were put.
func (r *Ring) Join(ctx context.Context, me lease.ID) error {
	q := r.q
	if !r.ref.Live() {
		return family.ErrClosed
	}
	if err := r.env.Hub.Enter(ctx, &q.JoinBell); err != nil {
		return err
	}
	defer r.env.Hub.Leave(&q.JoinBell)
	for {
		epoch := r.env.Hub.Epoch()
		if err := r.lock(ctx, &r.get, me); err != nil {
			return err
		}
		value := mark(&q.JoinBell)
		all := q.Get.Done == count(q.Tail.Load())
		r.unlock(&r.get, me)
		if all {
			return nil
		}
		crashpoint.At("queue.sleep")
		if err := r.env.Hub.Block(ctx, &q.JoinBell, r.ref.Off+layout.BlockHeader+joinBellAt, value, epoch, always); err != nil {
			return err
		}
	}
}

// TaskDone counts one message more as done. It returns false if all are.
func (r *Ring) TaskDone(me lease.ID) (bool, error) {
	if err := r.lock(context.Background(), &r.get, me); err != nil {
		return false, err
	}
	q := r.q
	put := count(q.Tail.Load())
	if q.Get.Done == put {
		r.unlock(&r.get, me)
		return false, nil
	}
	q.Get.Done++
	crashpoint.At("queue.done")
	r.unlockAndWake(&r.get, me, wakes{join: q.Get.Done == put})
	return true, nil
}

// Unfinished is the number of messages that were put and are not done.
func (r *Ring) Unfinished(me lease.ID) (int, error) {
	if err := r.lock(context.Background(), &r.get, me); err != nil {
		return 0, err
	}
	defer r.unlock(&r.get, me)
	return int(count(r.q.Tail.Load()) - r.q.Get.Done), nil
}
