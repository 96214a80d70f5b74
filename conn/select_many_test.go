package conn_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/queue"
)

// A market is many of each kind.
type market struct {
	Pipes  []*conn.Conn[int, int]
	Queues []*queue.Queue[int]
	Events []*psync.Event
	Next   *conn.Conn[int, int] // says when to go on
	Seed   uint64
	Rounds int
}

// trade makes one of them ready in each round, and a second one now and then.
var trade = multiproc.Proc("trade", func(ctx context.Context, m market) error {
	random := rand.New(rand.NewPCG(m.Seed, 1))
	one := func(i int) error {
		switch kind := random.IntN(3); kind {
		case 0:
			return m.Pipes[random.IntN(len(m.Pipes))].Send(ctx, i)
		case 1:
			return m.Queues[random.IntN(len(m.Queues))].Put(ctx, i)
		}
		return m.Events[random.IntN(len(m.Events))].Set()
	}
	for i := range m.Rounds {
		if _, err := m.Next.Recv(ctx); err != nil {
			return err
		}
		if err := one(i); err != nil {
			return err
		}
		if random.IntN(4) == 0 {
			if err := one(i); err != nil {
				return err
			}
		}
	}
	if _, err := m.Next.Recv(ctx); err != io.EOF {
		return err
	}
	return nil
})

// TestSelectMany: of many that it waits for, the one that becomes ready is found each time; more than there are threads to sleep on futexes.
func TestSelectMany(t *testing.T) {
	ctx := modetest.Patient(t)
	m := market{Seed: rand.Uint64(), Rounds: 100}
	t.Log("seed", m.Seed)
	if testing.Short() {
		m.Rounds = 20
	}
	var all []conn.Waitable
	for range 100 {
		ours, theirs := newPipe[int, int](t)
		all = append(all, ours)
		m.Pipes = append(m.Pipes, theirs)
	}
	for range 20 {
		q, err := queue.New[int](queue.Options{Capacity: 2})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { q.Close() })
		e, err := psync.NewEvent()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { e.Close() })
		m.Queues, m.Events = append(m.Queues, q), append(m.Events, e)
		all = append(all, q, e)
	}
	next, theirs := newPipe[int, int](t)
	m.Next = theirs
	c := begin(t, trade, m)
	all = append(all, c)
	taken := 0
	for i := range m.Rounds {
		if err := next.Send(ctx, i); err != nil {
			t.Fatal(err)
		}
		ready, err := conn.Select(ctx, all...)
		if err != nil || len(ready) == 0 {
			t.Fatalf("round %d: %v, %v", i, ready, err)
		}
		for _, r := range ready {
			if err := takeFrom(ctx, r); err != nil {
				t.Fatalf("round %d: %v: %v", i, r, err)
			}
			taken++
		}
	}
	next.Close()
	for { // the last of the seconds, and then the end of all pipes
		ready, err := conn.Select(ctx, all...)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(ready, conn.Waitable(c)) {
			break
		}
		for _, r := range ready {
			if err := takeFrom(ctx, r); err != nil {
				all = slices.DeleteFunc(all, func(w conn.Waitable) bool { return w == r })
			}
		}
	}
	succeeded(t, c)
	if taken < m.Rounds {
		t.Errorf("%d of %d", taken, m.Rounds)
	}
}

// takeFrom takes what has made r ready.
func takeFrom(ctx context.Context, r conn.Waitable) error {
	switch r := r.(type) {
	case *conn.Conn[int, int]:
		_, err := r.Recv(ctx)
		return err
	case *queue.Queue[int]:
		_, err := r.TryGet()
		return err
	case *psync.Event:
		if !r.IsSet() {
			return errors.New("ready, and not set")
		}
		return r.Clear()
	}
	return fmt.Errorf("ready: %T", r)
}
