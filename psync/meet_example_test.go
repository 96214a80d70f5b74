package psync_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// library is what many read and few change.
type library struct {
	Mu    *psync.RWMutex
	Books *shm.Array[int64]
}

// readBooks adds up what it reads.
var readBooks = multiproc.Func("read books", func(ctx context.Context, l library) (sum int64, err error) {
	err = l.Mu.RDo(ctx, func() error { // with others, and without a writer
		for _, n := range l.Books.Slice() {
			sum += n
		}
		return nil
	})
	return sum, err
})

// Readers in several processes at a time; a writer is alone.
func ExampleRWMutex() {
	ctx := context.Background()
	mu, err := psync.NewRWMutex()
	if err != nil {
		log.Fatal(err)
	}
	defer mu.Close()
	books, err := shm.NewArrayOf([]int64{1, 2, 3})
	if err != nil {
		log.Fatal(err)
	}
	defer books.Close()

	g, err := mu.Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	books.Set(0, 10)
	r, err := g.Downgrade() // reads on, and others may read too
	if err != nil {
		log.Fatal(err)
	}
	child, err := readBooks.Start(ctx, library{mu, books})
	if err != nil {
		log.Fatal(err)
	}
	sum, err := child.Result(ctx)
	r.Unlock()
	fmt.Println(sum, err)
	// Output: 15 <nil>
}

// stock is a number, and who waits for it to be above 0.
type stock struct {
	NotEmpty *psync.Cond
	Left     *shm.Value[int64]
}

// sell waits until there is something, and takes it.
var sell = multiproc.Proc("sell", func(ctx context.Context, s stock) error {
	return s.NotEmpty.When(ctx, func() bool { return s.Left.Load() > 0 }, func() error {
		s.Left.Store(s.Left.Load() - 1)
		return nil
	})
})

// Three processes wait for what a fourth puts there. The signal that one of them takes into death would go to another.
func ExampleCond() {
	ctx := context.Background()
	mu, err := psync.NewMutex()
	if err != nil {
		log.Fatal(err)
	}
	defer mu.Close()
	notEmpty, err := psync.NewCond(mu)
	if err != nil {
		log.Fatal(err)
	}
	defer notEmpty.Close()
	left, err := shm.NewValue[int64](0)
	if err != nil {
		log.Fatal(err)
	}
	defer left.Close()

	group, _ := multiproc.NewGroup(ctx)
	for range 3 {
		group.Start(sell.With(stock{notEmpty, left}))
	}
	for range 3 {
		err := mu.Do(ctx, func() error {
			left.Store(left.Load() + 1)
			return nil
		})
		if err != nil {
			log.Fatal(err)
		}
		notEmpty.Signal()
	}
	fmt.Println(group.Wait(), left.Load())
	// Output: <nil> 0
}

// await waits for a flag.
var await = multiproc.Proc("await", func(ctx context.Context, e *psync.Event) error { return e.Wait(ctx) })

func ExampleEvent() {
	begin, err := psync.NewEvent()
	if err != nil {
		log.Fatal(err)
	}
	defer begin.Close()
	group, _ := multiproc.NewGroup(context.Background())
	for range 3 {
		group.Start(await.With(begin))
	}
	if err := begin.Set(); err != nil { // for all who wait, and all who come later
		log.Fatal(err)
	}
	fmt.Println(group.Wait(), begin.IsSet())
	// Output: <nil> true
}

// quit takes a seat and ends, which is a death, for it does not Leave.
var quit = multiproc.Proc("quit", func(ctx context.Context, b *psync.Barrier) error { return b.Join(ctx) })

// A barrier for two, of whom one dies before it has arrived. The other is told, and goes on alone.
func ExampleBarrier() {
	ctx := context.Background()
	b, err := psync.NewBarrier(2)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	other, err := quit.Start(ctx, b)
	if err != nil {
		log.Fatal(err)
	}
	other.Wait(ctx)

	_, err = b.Wait(ctx)
	fmt.Println(errors.Is(err, psync.ErrBroken))
	if err := b.Repair(ctx); err != nil {
		log.Fatal(err)
	}
	index, err := b.Wait(ctx)
	fmt.Println(index, err, b.Parties())
	// Output:
	// true
	// 0 <nil> 1
}
