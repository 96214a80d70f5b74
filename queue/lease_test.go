package queue_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/queue"
)

func TestLease(t *testing.T) {
	ctx := modetest.Patient(t)
	q := newQueue[string](t, queue.Options{Leases: 2})
	for _, s := range []string{"a", "b", "c"} {
		if err := q.Put(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	take := func(want string, deliveries int) *queue.Lease[string] {
		t.Helper()
		l, err := q.GetLease(ctx)
		if err != nil || l.Value != want || l.Deliveries != deliveries {
			t.Fatalf("%+v, %v; want %q, %d", l, err, want, deliveries)
		}
		return l
	}
	a, b := take("a", 1), take("b", 1)
	if q.Len() != 1 {
		t.Errorf("Len is %d; one is in the queue", q.Len())
	}
	if l, err := q.TryGetLease(); !errors.Is(err, queue.ErrEmpty) {
		t.Fatalf("a third lease of two: %v, %v", l, err)
	}
	if err := a.Nack(); err != nil {
		t.Fatal(err)
	}
	if err := a.Ack(); !errors.Is(err, queue.ErrNotHeld) {
		t.Errorf("Ack after Nack: %v", err)
	}
	again := take("a", 2)
	if err := b.Ack(); err != nil {
		t.Fatal(err)
	}
	if err := b.Ack(); !errors.Is(err, queue.ErrNotHeld) {
		t.Errorf("second Ack: %v", err)
	}
	if err := again.Nack(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a", "c"} {
		if s, err := q.Get(ctx); err != nil || s != want {
			t.Fatalf("%q, %v; want %q", s, err, want)
		}
	}
	if err := q.Drain(); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Get(ctx); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("Get of a drained queue: %v", err)
	}
}

// TestDrainWaitsForLeases: an item that is held may come back, so a drained queue is not at its end before.
func TestDrainWaitsForLeases(t *testing.T) {
	ctx := modetest.Patient(t)
	q := newQueue[int](t, queue.Options{})
	if err := errors.Join(q.Put(ctx, 1), q.Put(ctx, 2)); err != nil {
		t.Fatal(err)
	}
	one, err := q.GetLease(ctx)
	if err != nil {
		t.Fatal(err)
	}
	two, err := q.GetLease(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Drain(); err != nil {
		t.Fatal(err)
	}
	got := make(chan int, 3)
	go func() {
		for v, err := range q.All(ctx) {
			if err != nil {
				t.Error(err)
			}
			got <- v
		}
		close(got)
	}()
	if err := one.Nack(); err != nil {
		t.Fatal(err)
	}
	if v := modetest.Receive(t, got, "item"); v != 1 {
		t.Errorf("got %d", v)
	}
	select {
	case v, ok := <-got:
		t.Fatalf("%d, %v while an item is held", v, ok)
	default:
	}
	if err := two.Ack(); err != nil {
		t.Fatal(err)
	}
	if v, ok := <-got; ok {
		t.Errorf("got %d after the last", v)
	}
}

type taking struct {
	Q    *queue.JoinableQueue[[]byte]
	Took *queue.Queue[int]
}

// taker holds an item until it is ended.
var taker = multiproc.Proc("taker", func(ctx context.Context, j taking) error {
	l, err := j.Q.GetLease(ctx)
	if err != nil {
		return err
	}
	if err := j.Took.Put(ctx, l.Deliveries); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
})

// TestTakerDies: what a dead process held is delivered again, small or large, and counts as not done.
func TestTakerDies(t *testing.T) {
	ctx := modetest.Patient(t)
	q, err := queue.NewJoinable[[]byte](queue.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	took := newQueue[int](t, queue.Options{})
	for _, size := range []int{10, 100_000} {
		item := bytes.Repeat([]byte{7}, size)
		if err := q.Put(ctx, item); err != nil {
			t.Fatal(err)
		}
		for deliveries := 1; deliveries <= 3; deliveries++ {
			p, err := multiproc.Start(ctx, taker.With(taking{q, took}))
			if err != nil {
				t.Fatal(err)
			}
			if n, err := took.Get(ctx); err != nil || n != deliveries {
				t.Fatalf("delivery %d, %v; want %d", n, err, deliveries)
			}
			p.Kill()
			p.Terminate()
			<-p.Done()
		}
		joined := make(chan error)
		go func() { joined <- q.Join(ctx) }()
		l, err := q.GetLease(ctx)
		if err != nil || !bytes.Equal(l.Value, item) || l.Deliveries != 4 {
			t.Fatalf("%d bytes, delivery %d, %v", len(l.Value), l.Deliveries, err)
		}
		if n, err := q.Unfinished(); err != nil || n != 1 {
			t.Errorf("%d unfinished, %v", n, err)
		}
		if err := l.Ack(); err != nil {
			t.Fatal(err)
		}
		if err := modetest.Receive(t, joined, "end of Join"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestJoin(t *testing.T) {
	ctx := modetest.Patient(t)
	q, err := queue.NewJoinable[int](queue.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if err := q.Join(ctx); err != nil {
		t.Fatalf("Join of an empty queue: %v", err)
	}
	if err := q.TaskDone(); !errors.Is(err, queue.ErrTaskDone) {
		t.Errorf("TaskDone of nothing: %v", err)
	}
	for i := range 10 {
		if err := q.Put(ctx, i); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Join(modetest.Ended()); !errors.Is(err, context.Canceled) {
		t.Errorf("Join with an ended context: %v", err)
	}
	joined := make(chan error)
	go func() { joined <- q.Join(ctx) }()
	for i := range 10 {
		if _, err := q.Get(ctx); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-joined:
			t.Fatalf("Join ended (%v) after %d of 10", err, i)
		default:
		}
		if err := q.TaskDone(); err != nil {
			t.Fatal(err)
		}
	}
	if err := modetest.Receive(t, joined, "end of Join"); err != nil {
		t.Error(err)
	}
	var plain queue.Queue[int]
	b, err := q.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if err := plain.UnmarshalBinary(b); !errors.Is(err, queue.ErrKind) {
		t.Errorf("a joinable queue as a plain one: %v", err)
	}
}

func TestZeroCopy(t *testing.T) {
	ctx := modetest.Patient(t)
	q := newQueue[[]byte](t, queue.Options{Capacity: 4, Bytes: 3 << 20})
	for i := range 20 {
		n := 1 << 20
		if i%3 == 0 {
			n = 100
		}
		r, err := queue.Reserve(ctx, q, n)
		if err != nil {
			t.Fatal(err)
		}
		for k := range r.Bytes() {
			r.Bytes()[k] = byte(i)
		}
		r.Truncate(n - 1)
		if q.Len() != 0 {
			t.Fatal("a reservation is in the queue")
		}
		if err := r.Commit(ctx); err != nil {
			t.Fatal(err)
		}
		if err := r.Commit(ctx); !errors.Is(err, queue.ErrNotHeld) {
			t.Fatalf("second Commit: %v", err)
		}
		v, err := queue.Peek(ctx, q)
		if err != nil || len(v.Bytes()) != n-1 || bytes.Count(v.Bytes(), []byte{byte(i)}) != n-1 {
			t.Fatalf("%d bytes, %v", len(v.Bytes()), err)
		}
		if err := v.Return(); err != nil {
			t.Fatal(err)
		}
		if v, err = queue.Peek(ctx, q); err != nil || v.Deliveries != 2 {
			t.Fatalf("delivery %d, %v", v.Deliveries, err)
		}
		if err := v.Release(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := queue.Reserve(ctx, q, 3<<20+1); !errors.Is(err, queue.ErrTooLarge) {
		t.Errorf("more than the budget: %v", err)
	}
	if err := q.Put(ctx, make([]byte, 4<<20)); !errors.Is(err, queue.ErrTooLarge) {
		t.Errorf("more than the budget: %v", err)
	}
	r, err := queue.Reserve(ctx, q, 3<<20)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.TryPut(make([]byte, 4096)); !errors.Is(err, queue.ErrFull) {
		t.Errorf("beyond the budget: %v", err)
	}
	if err := r.Abort(); err != nil {
		t.Fatal(err)
	}
	if err := q.TryPut(make([]byte, 4096)); err != nil {
		t.Error(err)
	}
}

// TestNoMemory: what cannot be had is an error to who asked, and loses nothing.
func TestNoMemory(t *testing.T) {
	ctx := modetest.Patient(t)
	if q, err := queue.New[[2048]byte](queue.Options{Capacity: 1 << 30}); err == nil {
		q.Close()
		t.Error("a queue of two TiB")
	} else if _, ok := errors.AsType[*queue.FullError](err); !ok {
		t.Errorf("two TiB: %v", err)
	}
	q := newQueue[[]byte](t, queue.Options{Bytes: math.MaxInt64})
	if _, err := queue.Reserve(ctx, q, 1<<45); err == nil {
		t.Error("32 TiB of memory")
	} else if _, ok := errors.AsType[*queue.FullError](err); !ok {
		t.Errorf("32 TiB: %v", err)
	}
	if err := q.Put(ctx, make([]byte, 10000)); err != nil {
		t.Error(err)
	}
}
