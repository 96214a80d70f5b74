package queue_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/internal/sys"
	"github.com/multiproc-go/multiproc/queue"
)

// What a client of a queue did.
const (
	didPut  = iota
	didFull // TryPut, and there was no room
	didGet
	didEmpty // TryGet, and there was nothing
	didBatch // GetBatch
	didLease
	didAck
	didNack
)

// deed is an event of a history.
type deed struct {
	Client          int
	What            int
	Items           []int64 // that were put, taken, or given back
	Deliveries      int     // of a lease
	Called, Returns int64
}

type clerkJob struct {
	Q       *queue.Queue[int64]
	Process int
	Seed    uint64
}

const (
	clerks    = 2 // goroutines of each process
	deeds     = 40
	batchSize = 3
)

// clerk uses a queue at random and returns what happened when. What was given up has not happened.
var clerk = multiproc.Func("clerk", func(ctx context.Context, j clerkJob) ([]deed, error) {
	var (
		mu   sync.Mutex
		all  []deed
		errs []error
		wg   sync.WaitGroup
	)
	for g := range clerks {
		client := j.Process*clerks + g
		rnd := rand.New(rand.NewPCG(j.Seed, uint64(client)))
		wg.Go(func() {
			var held *queue.Lease[int64]
			for n := int64(0); n < deeds || held != nil; n++ {
				ctx, cancel := context.WithTimeout(ctx, time.Duration(1+rnd.IntN(2000))*time.Microsecond)
				d := deed{Client: client, Called: int64(sys.Monotonic())}
				err := d.do(ctx, rnd, j.Q, int64(client)*1000+n+1, &held)
				d.Returns = int64(sys.Monotonic())
				cancel()
				mu.Lock()
				switch {
				case err == nil:
					all = append(all, d)
				case !errors.Is(err, context.DeadlineExceeded):
					errs = append(errs, err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return all, errors.Join(errs...)
})

// do does something. Who holds an item gives it back first, now and then.
func (d *deed) do(ctx context.Context, rnd *rand.Rand, q *queue.Queue[int64], item int64, held **queue.Lease[int64]) (err error) {
	what := rnd.IntN(12)
	if *held != nil && what%3 == 0 {
		d.Items = []int64{(*held).Value}
		if d.What = didAck; what%2 == 0 {
			d.What, err = didNack, (*held).Nack()
		} else {
			err = (*held).Ack()
		}
		*held = nil
		return err
	}
	take := func(v int64, err error) error {
		d.Items = []int64{v}
		return err
	}
	switch {
	case what < 4:
		d.What, d.Items = didPut, []int64{item}
		return q.Put(ctx, item)
	case what < 6:
		d.What, d.Items = didPut, []int64{item}
		if err = q.TryPut(item); errors.Is(err, queue.ErrFull) {
			d.What, d.Items, err = didFull, nil, nil
		}
		return err
	case what < 8:
		d.What = didGet
		return take(q.Get(ctx))
	case what < 9:
		d.What = didGet
		if err = take(q.TryGet()); errors.Is(err, queue.ErrEmpty) {
			d.What, d.Items, err = didEmpty, nil, nil
		}
		return err
	case what < 10 || *held != nil:
		d.What = didBatch
		items := make([]int64, batchSize)
		n, err := q.GetBatch(ctx, items)
		d.Items = items[:n]
		return err
	}
	d.What = didLease
	l, err := q.GetLease(ctx)
	if err == nil {
		d.Items, d.Deliveries, *held = []int64{l.Value}, l.Deliveries, l
	}
	return err
}

// shelf is the state of a queue, as the checker sees it: what is in it, what was given back, what is held.
type shelf struct {
	ring, returned, held []placed
	count                int
}

type placed struct {
	item       int64
	pos        int // the how manieth it was
	deliveries int
}

// step is the shelf after d, if d is possible.
func (s shelf) step(d deed, places, leases int) (bool, shelf) {
	// Nothing of s is changed: other orders are tried from it too.
	take := func(want int64) (p placed, ok bool) {
		from := &s.ring
		if len(s.returned) > 0 {
			from = &s.returned
		}
		if len(*from) == 0 || (*from)[0].item != want {
			return p, false
		}
		p, *from = (*from)[0], (*from)[1:]
		p.deliveries++
		return p, true
	}
	switch d.What {
	case didPut:
		if len(s.ring) >= places {
			return false, s
		}
		s.ring = append(slices.Clone(s.ring), placed{item: d.Items[0], pos: s.count})
		s.count++
	case didFull:
		return len(s.ring) >= places, s
	case didEmpty:
		return len(s.ring)+len(s.returned) == 0, s
	case didGet:
		_, ok := take(d.Items[0])
		return ok, s
	case didBatch:
		most := min(len(s.ring), batchSize)
		if len(s.returned) > 0 {
			most = 1 // one that was given back comes alone
		}
		if len(d.Items) != most || most == 0 {
			return false, s
		}
		for _, item := range d.Items {
			if _, ok := take(item); !ok {
				return false, s
			}
		}
	case didLease:
		// One that was given back has its cell; one of the ring needs a free one.
		if len(s.returned) == 0 && len(s.held) >= leases {
			return false, s
		}
		p, ok := take(d.Items[0])
		if !ok || p.deliveries != d.Deliveries {
			return false, s
		}
		s.held = append(slices.Clone(s.held), p)
	case didAck, didNack:
		i := slices.IndexFunc(s.held, func(p placed) bool { return p.item == d.Items[0] })
		if i < 0 {
			return false, s
		}
		p := s.held[i]
		s.held = slices.Delete(slices.Clone(s.held), i, i+1)
		if d.What == didNack {
			s.returned = append(slices.Clone(s.returned), p)
			slices.SortFunc(s.returned, func(a, b placed) int { return a.pos - b.pos })
		}
	}
	return true, s
}

func (s shelf) equal(o shelf) bool {
	return s.count == o.count && slices.Equal(s.ring, o.ring) && slices.Equal(s.returned, o.returned) &&
		len(s.held) == len(o.held) && !slices.ContainsFunc(s.held, func(p placed) bool { return !slices.Contains(o.held, p) })
}

func shelves(places, leases int) porcupine.Model {
	return porcupine.Model{
		Init:  func() any { return shelf{} },
		Step:  func(state, input, _ any) (bool, any) { return state.(shelf).step(input.(deed), places, leases) },
		Equal: func(a, b any) bool { return a.(shelf).equal(b.(shelf)) },
		DescribeOperation: func(input, _ any) string {
			d := input.(deed)
			return fmt.Sprintf("%d %v", d.What, d.Items)
		},
	}
}

// TestQueueIsLinearizable: each history of several processes is one that a queue can have, with leases and all; whatever
// its counters are, and with one place too.
func TestQueueIsLinearizable(t *testing.T) {
	const processes = 3
	rounds := 4
	if testing.Short() {
		rounds = 1
	}
	for round := range rounds {
		for _, places := range []int{1, 2, 5} {
			seed := rand.Uint64()
			leases := 1 + round%2
			q := newQueue[int64](t, queue.Options{Capacity: places, Leases: leases})
			if round%2 == 1 {
				age(t, q, 0xffff_ffff_0000_0000-uint64(round)<<32)
			}
			var calls []*multiproc.Call[[]deed]
			for i := range processes {
				call, err := clerk.Start(t.Context(), clerkJob{q, i, seed})
				if err != nil {
					t.Fatal(err)
				}
				calls = append(calls, call)
			}
			var history []porcupine.Operation
			for _, call := range calls {
				list, err := call.Result(modetest.Patient(t))
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range list {
					history = append(history, porcupine.Operation{ClientId: d.Client, Input: d, Call: d.Called, Return: d.Returns})
				}
			}
			if len(history) < processes*clerks*5 {
				t.Errorf("seed %d: only %d operations", seed, len(history))
			}
			switch porcupine.CheckOperationsTimeout(shelves(places, leases), history, modetest.Watchdog) {
			case porcupine.Illegal:
				t.Fatalf("seed %d, %d places, %d leases: no queue has this history: %+v", seed, places, leases, history)
			case porcupine.Unknown:
				t.Fatalf("seed %d: a history of %d operations is too long to check", seed, len(history))
			}
			t.Logf("seed %d, %d places: %d operations", seed, places, len(history))
		}
	}
}
