package crashtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/queue"
	"github.com/multiproc-go/multiproc/shm"
)

// What a victim does with its queue, again and again, until it dies.
const (
	putSmall = iota
	putLarge
	reserve
	getItem
	leaseAck
	leaseNack
	getBatch
	putGet
)

type queueJob struct {
	Q    *queue.JoinableQueue[[]byte]
	What int
	Sure *shm.Value[int32] // items that the victim's calls have put, or taken, for certain
	Die  death
}

const largeItem = 5000

// item is the i-th, of that many bytes.
func item(i int32, n int) []byte { return bytes.Repeat([]byte{byte(i)}, n) }

var useQueue = multiproc.Proc("use queue", func(ctx context.Context, j queueJob) error {
	j.Die.arm(nil)
	for i := int32(0); ; i++ {
		if err := useOnce(ctx, j, i); err != nil {
			return err
		}
		j.Sure.Store(i + 1)
	}
})

func useOnce(ctx context.Context, j queueJob, i int32) error {
	q := j.Q
	switch j.What {
	case putSmall:
		return q.Put(ctx, item(i, 10))
	case putLarge:
		return q.Put(ctx, item(i, largeItem))
	case reserve:
		r, err := queue.Reserve(ctx, &q.Queue, largeItem)
		if err != nil {
			return err
		}
		copy(r.Bytes(), item(i, largeItem))
		return r.Commit(ctx)
	case putGet:
		if err := q.Put(ctx, item(i, 10)); err != nil {
			return err
		}
		fallthrough
	case getItem:
		_, err := q.Get(ctx)
		return err
	case getBatch:
		_, err := q.GetBatch(ctx, make([][]byte, 1))
		return err
	}
	l, err := q.GetLease(ctx)
	if err != nil {
		return err
	}
	if j.What == leaseAck {
		return l.Ack()
	}
	if err := l.Nack(); err != nil {
		return err
	}
	_, err = q.Get(ctx)
	return err
}

// TestKillPut: a producer dies at each step of the third of its items. Those before are there, the third is there
// whole or not at all, and the queue goes on, with everything accounted for.
func TestKillPut(t *testing.T) {
	needProcess(t)
	for _, c := range []struct {
		what   int
		points []string // before the commit; then those after
		after  []string
	}{
		{putSmall, []string{"queue.copied"}, []string{"queue.committed"}},
		{putLarge, []string{"queue.claimed", "queue.copied", "queue.placing", "arena.pending", "arena.block", "arena.head", "arena.applied"}, []string{"queue.placed", "queue.committed"}},
		{reserve, []string{"queue.claimed", "queue.placing"}, []string{"queue.placed", "queue.committed"}},
	} {
		for _, point := range append(slices.Clone(c.points), c.after...) {
			t.Run(fmt.Sprintf("%d/%s", c.what, point), func(t *testing.T) {
				q, sure := newJoinable(t), newValue(t, int32(0))
				killed(t, start(t, useQueue.With(queueJob{q, c.what, sure, death{Point: point, Nth: 3}})))
				want := int(sure.Load())
				if slices.Contains(c.after, point) {
					want++
				}
				if got := q.Len(); got != want {
					t.Fatalf("%d items; %d were put", got, want)
				}
				ctx, size := patient(t), largeItem
				if c.what == putSmall {
					size = 10
				}
				if err := q.Put(ctx, item(100, size)); err != nil { // over what the dead one left
					t.Fatal(err)
				}
				for i := range want {
					if b, err := q.Get(ctx); err != nil || !bytes.Equal(b, item(int32(i), size)) {
						t.Fatalf("item %d: %d bytes, %v", i, len(b), err)
					}
				}
				if b, err := q.Get(ctx); err != nil || !bytes.Equal(b, item(100, size)) {
					t.Fatalf("the survivor's item: %d bytes, %v", len(b), err)
				}
				nothingIsLost(t, q, want+1)
			})
		}
	}
}

// TestKillGet: a consumer dies at each step of the third of its items. Before the commit the item is delivered to the next,
// after it the item is gone, or held by the dead one and so delivered again.
func TestKillGet(t *testing.T) {
	needProcess(t)
	for _, c := range []struct {
		what       int
		size       int
		point      string
		nth        int
		left       int // of five, that are to be had again
		deliveries int // of the next
	}{
		{getItem, 10, "queue.taken", 3, 3, 1},
		{getItem, 10, "queue.gone", 3, 2, 1},
		{getBatch, 10, "queue.taken", 3, 3, 1},
		{getItem, largeItem, "queue.taking", 3, 3, 1},
		{getItem, largeItem, "queue.held", 3, 3, 2},
		{getItem, largeItem, "queue.taken", 3, 3, 2},
		{getItem, largeItem, "queue.ack", 3, 3, 2},
		{getItem, largeItem, "queue.acked", 3, 2, 1},
		{leaseAck, 10, "queue.taking", 3, 3, 1},
		{leaseAck, 10, "queue.held", 3, 3, 2},
		{leaseAck, 10, "queue.ack", 3, 3, 2},
		{leaseAck, 10, "queue.acked", 3, 2, 1},
		{leaseAck, largeItem, "queue.taking", 3, 3, 1},
		{leaseAck, largeItem, "queue.acked", 3, 2, 1},
		{leaseNack, 10, "queue.returned", 3, 3, 2},
		{leaseNack, 10, "queue.retaken", 3, 3, 3},
		{leaseNack, largeItem, "queue.returned", 3, 3, 2},
	} {
		t.Run(fmt.Sprintf("%d/%d/%s", c.what, c.size, c.point), func(t *testing.T) {
			q, sure, ctx := newJoinable(t), newValue(t, int32(0)), patient(t)
			for i := range int32(5) {
				if err := q.Put(ctx, item(i, c.size)); err != nil {
					t.Fatal(err)
				}
			}
			p := start(t, useQueue.With(queueJob{q, c.what, sure, death{Point: c.point, Nth: c.nth}}))
			killed(t, p)
			first := int32(5 - c.left)
			for i := first; i < 5; i++ {
				l, err := q.GetLease(ctx)
				if err != nil || !bytes.Equal(l.Value, item(i, c.size)) {
					t.Fatalf("item %d: %+v, %v", i, l, err)
				}
				if i == first && l.Deliveries != c.deliveries {
					t.Errorf("delivery %d, want %d", l.Deliveries, c.deliveries)
				}
				if err := l.Ack(); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := q.TryGet(); !errors.Is(err, queue.ErrEmpty) {
				t.Fatalf("one more than there were: %v", err)
			}
			acked := c.left
			if c.what == leaseAck {
				acked = 5 // in one with the end of the lease
			}
			nothingIsLost(t, q, 5-acked)
		})
	}
}

// TestKillPausing: who leaves a message for a moment, for more to come, and dies in it, has taken nothing.
func TestKillPausing(t *testing.T) {
	needProcess(t)
	if runtime.NumCPU() == 1 {
		t.Skip("NOT RUN: nobody pauses on one CPU")
	}
	q, sure := newJoinable(t), newValue(t, int32(0))
	killed(t, start(t, useQueue.With(queueJob{q, putGet, sure, death{Point: "queue.pausing", Nth: 1}})))
	if n := q.Len(); n != 1 {
		t.Errorf("%d items; the last was put and not taken", n)
	}
	if b, err := q.Get(patient(t)); err != nil || !bytes.Equal(b, item(sure.Load(), 10)) {
		t.Errorf("%v, %v, after %d", b, err, sure.Load())
	}
	nothingIsLost(t, q, int(sure.Load())+1)
}

// nothingIsLost checks the allocator, and how many items are said to be not done.
func nothingIsLost(t *testing.T, q *queue.JoinableQueue[[]byte], unfinished int) {
	t.Helper()
	if n, err := q.Unfinished(); err != nil || n != unfinished {
		t.Errorf("%d unfinished, %v; want %d", n, err, unfinished)
	}
	for range unfinished {
		if err := q.TaskDone(); err != nil {
			t.Error(err)
		}
	}
	if err := q.Join(patient(t)); err != nil {
		t.Error(err)
	}
	m := needProcess(t)
	before, err := m.Arena.Stats(m.ID())
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Error(err)
	}
	if after, _ := m.Arena.Stats(m.ID()); after.Live >= before.Live {
		t.Errorf("%d blocks after Close, %d before", after.Live, before.Live)
	}
	if err := m.Arena.Check(m.ID()); err != nil {
		t.Error(err)
	}
}

func newJoinable(t *testing.T) *queue.JoinableQueue[[]byte] {
	t.Helper()
	m := needProcess(t)
	before, err := m.Arena.Stats(m.ID())
	if err != nil {
		t.Fatal(err)
	}
	q, err := queue.NewJoinable[[]byte](queue.Options{Bytes: 1 << 20, Leases: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		q.Close()
		if after, err := m.Arena.Stats(m.ID()); err != nil || after.Live > before.Live+1 { // and Sure, which lives longer
			t.Errorf("%d blocks are left of %d, %v", after.Live, before.Live, err)
		}
	})
	return q
}

type sleepJob struct {
	Q    *queue.Queue[int32]
	Got  *shm.Value[int32]
	Full bool
	Die  death
}

// waitQueue sleeps until there is an item, or room.
var waitQueue = multiproc.Proc("wait queue", func(ctx context.Context, j sleepJob) error {
	j.Die.arm(nil)
	if j.Full {
		return j.Q.Put(ctx, 2)
	}
	v, err := j.Q.Get(ctx)
	if err == nil {
		j.Got.Store(v)
	}
	return err
})

// wakeQueue puts an item, or takes one, and dies before it wakes anybody.
var wakeQueue = multiproc.Proc("wake queue", func(ctx context.Context, j sleepJob) error {
	j.Die.arm(nil)
	if j.Full {
		_, err := j.Q.Get(ctx)
		return err
	}
	return j.Q.Put(ctx, 7)
})

// TestKillWaker: who dies between the commit and the wake leaves nobody asleep, although nothing but a notice of the death
// can wake the sleeper here.
func TestKillWaker(t *testing.T) {
	needProcess(t)
	for _, full := range []bool{false, true} {
		points := []string{"queue.committed", "queue.wake"}
		if full {
			points[0] = "queue.gone"
		}
		for _, point := range points {
			q, got := newPlain(t), newValue(t, int32(0))
			if full {
				if err := q.Put(patient(t), 1); err != nil {
					t.Fatal(err)
				}
			}
			sleeper := start(t, waitQueue.With(sleepJob{q, got, full, death{}}))
			asleep(t, sleeper)
			killed(t, start(t, wakeQueue.With(sleepJob{q, got, full, death{Point: point, Nth: 1}})))
			succeeded(t, sleeper)
			if full && q.Len() != 1 || !full && got.Load() != 7 {
				t.Errorf("%s: %d in the queue, got %d", point, q.Len(), got.Load())
			}
		}
	}
}

// TestKillSleeper: one of two sleepers is woken and dies before it takes what it was woken for; the other gets it.
func TestKillSleeper(t *testing.T) {
	needProcess(t)
	for _, full := range []bool{false, true} {
		q, got := newPlain(t), newValue(t, int32(0))
		if full {
			if err := q.Put(patient(t), 1); err != nil {
				t.Fatal(err)
			}
		}
		victim := start(t, waitQueue.With(sleepJob{q, got, full, death{Point: "queue.woken", Nth: 1}}))
		asleep(t, victim)
		heir := start(t, waitQueue.With(sleepJob{q, got, full, death{}}))
		asleep(t, heir)
		var err error
		if full {
			_, err = q.Get(patient(t))
		} else {
			err = q.Put(patient(t), 7)
		}
		if err != nil {
			t.Fatal(err)
		}
		killed(t, victim)
		succeeded(t, heir)
	}
}

// TestKillCloser: the Close that a death has cut is completed by the next.
func TestKillCloser(t *testing.T) {
	needProcess(t)
	for _, point := range []string{"queue.closing", "arena.pending", "arena.applied"} {
		q := newPlain(t)
		killed(t, start(t, closeQueue.With(sleepJob{Q: q, Die: death{Point: point, Nth: 1}})))
		if err := q.Close(); err != nil && !errors.Is(err, queue.ErrClosed) {
			t.Errorf("%s: %v", point, err)
		}
		if _, err := q.Get(patient(t)); !errors.Is(err, queue.ErrClosed) {
			t.Errorf("%s: Get after Close: %v", point, err)
		}
	}
}

var closeQueue = multiproc.Proc("close queue", func(ctx context.Context, j sleepJob) error {
	j.Die.arm(nil)
	return j.Q.Close()
})

func newPlain(t *testing.T) *queue.Queue[int32] {
	t.Helper()
	q, err := queue.New[int32](queue.Options{Capacity: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	return q
}
