package crashtest

import (
	"context"
	"errors"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/queue"
)

// endQueue drains a queue.
var endQueue = multiproc.Proc("end queue", func(ctx context.Context, j sleepJob) error {
	j.Die.arm(nil)
	return j.Q.Drain()
})

// outlastQueue waits for an item, or for room, and gets to know that there will be none.
var outlastQueue = multiproc.Proc("outlast queue", func(ctx context.Context, j sleepJob) error {
	var err error
	if j.Full {
		err = j.Q.Put(ctx, 2)
	} else {
		_, err = j.Q.Get(ctx)
	}
	if !errors.Is(err, queue.ErrClosed) {
		return errors.New("not closed")
	}
	return nil
})

// TestKillDrainer: who drains a queue dies before he tells anybody. Those who wait learn it, and what is in it can be taken.
func TestKillDrainer(t *testing.T) {
	needProcess(t)
	for _, full := range []bool{false, true} {
		q := newPlain(t)
		if full {
			if err := q.Put(patient(t), 1); err != nil {
				t.Fatal(err)
			}
		}
		waiter := start(t, outlastQueue.With(sleepJob{Q: q, Full: full}))
		asleep(t, waiter)
		killed(t, start(t, endQueue.With(sleepJob{Q: q, Die: death{Point: "queue.draining", Nth: 1}})))
		succeeded(t, waiter)
		if err := q.Put(patient(t), 3); !errors.Is(err, queue.ErrClosed) {
			t.Errorf("full %v: Put: %v", full, err)
		}
		if err := q.Drain(); !errors.Is(err, queue.ErrClosed) {
			t.Errorf("full %v: Drain: %v", full, err)
		}
		if full {
			if v, err := q.Get(patient(t)); v != 1 || err != nil {
				t.Errorf("Get: %d, %v", v, err)
			}
		}
		if _, err := q.Get(patient(t)); !errors.Is(err, queue.ErrClosed) {
			t.Errorf("full %v: Get of a drained queue: %v", full, err)
		}
	}
}

// joinQueue takes an item and says that it is done, or waits until all are.
var joinQueue = multiproc.Proc("join queue", func(ctx context.Context, j queueJob) error {
	if j.Die.Point == "" {
		return j.Q.Join(ctx)
	}
	j.Die.arm(nil)
	for {
		if _, err := j.Q.Get(ctx); err != nil {
			return err
		}
		if err := j.Q.TaskDone(); err != nil {
			return err
		}
	}
})

// TestKillTaskDone: who does the last task dies when that is counted and nobody was told. Who waits for the end of all learns it.
func TestKillTaskDone(t *testing.T) {
	needProcess(t)
	q := newJoinable(t)
	for i := range int32(2) {
		if err := q.Put(patient(t), item(i, 10)); err != nil {
			t.Fatal(err)
		}
	}
	waiter := start(t, joinQueue.With(queueJob{Q: q}))
	asleep(t, waiter)
	killed(t, start(t, joinQueue.With(queueJob{Q: q, Die: death{Point: "queue.done", Nth: 2}})))
	succeeded(t, waiter)
	if n, err := q.Unfinished(); n != 0 || err != nil {
		t.Errorf("%d are not done, %v", n, err)
	}
}
