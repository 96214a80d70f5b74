package queue_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/queue"
)

// order is what the examples send.
type order struct {
	ID   int
	What string
}

type shop struct {
	Orders *queue.Queue[order]
	Bills  *queue.Queue[string]
}

// sell is an entry: a function that children can be started in. TestMain, or main, has
// to call multiproc.Main or multiproc.Init.
var sell = multiproc.Proc("sell", func(ctx context.Context, s shop) error {
	for o, err := range s.Orders.All(ctx) { // until the queue is drained
		if err != nil {
			return err
		}
		if err := s.Bills.Put(ctx, fmt.Sprintf("%s: paid", o.What)); err != nil {
			return err
		}
	}
	return s.Bills.Drain()
})

// Orders go to another process, and bills come back.
func ExampleQueue() {
	ctx := context.Background()
	orders, err := queue.New[order](queue.Options{Capacity: 100})
	if err != nil {
		log.Fatal(err)
	}
	defer orders.Close()
	bills, err := queue.New[string](queue.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer bills.Close()

	child, err := sell.Start(ctx, shop{orders, bills})
	if err != nil {
		log.Fatal(err)
	}
	for i, what := range []string{"tea", "milk"} {
		if err := orders.Put(ctx, order{i, what}); err != nil {
			log.Fatal(err)
		}
	}
	if err := orders.Drain(); err != nil { // there will be no more
		log.Fatal(err)
	}
	for bill, err := range bills.All(ctx) {
		fmt.Println(bill, err)
	}
	fmt.Println(child.Wait(ctx))
	// Output:
	// tea: paid <nil>
	// milk: paid <nil>
	// <nil>
}

// work takes one item and dies with it.
var work = multiproc.Proc("work", func(ctx context.Context, q *queue.JoinableQueue[string]) error {
	if _, err := q.GetLease(ctx); err != nil {
		return err
	}
	return errors.New("never to be seen again") // and the lease is still held
})

// What a process held that died is delivered again. Join waits until all is done, by whomever.
func ExampleJoinableQueue() {
	ctx := context.Background()
	q, err := queue.NewJoinable[string](queue.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()
	if err := q.Put(ctx, "the letter"); err != nil {
		log.Fatal(err)
	}
	child, err := work.Start(ctx, q)
	if err != nil {
		log.Fatal(err)
	}
	child.Wait(ctx)

	lease, err := q.GetLease(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, delivery %d\n", lease.Value, lease.Deliveries)
	fmt.Println(lease.Ack(), q.Join(ctx))
	// Output:
	// the letter, delivery 2
	// <nil> <nil>
}

// An item that cannot be dealt with now goes back, and comes first the next time.
func ExampleLease_Nack() {
	ctx := context.Background()
	q, err := queue.New[string](queue.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()
	if _, err := q.PutBatch(ctx, []string{"first", "second"}); err != nil {
		log.Fatal(err)
	}
	lease, err := q.GetLease(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(lease.Value, lease.Nack())
	items := make([]string, 2)
	n, err := q.GetBatch(ctx, items)
	fmt.Println(items[:n], err)
	// Output:
	// first <nil>
	// [first second] <nil>
}

// A large item is written where it will be read: nobody copies it.
func ExampleReserve() {
	ctx := context.Background()
	q, err := queue.New[[]byte](queue.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()

	r, err := queue.Reserve(ctx, q, 1<<20)
	if err != nil {
		log.Fatal(err)
	}
	n := copy(r.Bytes(), "written in place") // what a decoder or a read from a file would do
	r.Truncate(n)
	if err := r.Commit(ctx); err != nil { // from here on it can be taken
		log.Fatal(err)
	}

	v, err := queue.Peek(ctx, q)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", v.Bytes())
	fmt.Println(v.Release()) // v.Bytes must not be used any more
	// Output:
	// written in place
	// <nil>
}

// A loop that takes many items needs no new memory for each.
func ExampleGetAppend() {
	ctx := context.Background()
	q, err := queue.New[[]byte](queue.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()
	if _, err := q.PutBatch(ctx, [][]byte{[]byte("one"), []byte("two")}); err != nil {
		log.Fatal(err)
	}
	if err := q.Drain(); err != nil {
		log.Fatal(err)
	}
	var buf []byte
	for {
		buf, err = queue.GetAppend(ctx, q, buf[:0])
		if errors.Is(err, queue.ErrClosed) {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", buf)
	}
	// Output:
	// one
	// two
}

func ExampleQueue_TryPut() {
	q, err := queue.New[int](queue.Options{Capacity: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()
	fmt.Println(q.TryPut(1))
	fmt.Println(q.TryPut(2))
	fmt.Println(q.TryGet())
	_, err = q.TryGet()
	fmt.Println(errors.Is(err, queue.ErrEmpty))
	// Output:
	// <nil>
	// queue: full
	// 1 <nil>
	// true
}
