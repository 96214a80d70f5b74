package conn_test

import (
	"context"
	"fmt"
	"io"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/queue"
)

// square answers each number with its square, until its pipe ends.
var square = multiproc.Proc("square", func(ctx context.Context, c *conn.Conn[int, int]) error {
	for {
		n, err := c.Recv(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := c.Send(ctx, n*n); err != nil {
			return err
		}
	}
})

// One end moves to the worker; nothing of it is left here to be closed.
func ExamplePipe() {
	ctx := context.Background()
	ours, theirs, err := conn.Pipe[int, int]()
	if err != nil {
		fmt.Println(err)
		return
	}
	worker, err := square.Start(ctx, theirs)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(theirs.Send(ctx, 1))
	for n := range 3 {
		if err := ours.Send(ctx, n); err != nil {
			fmt.Println(err)
		}
		fmt.Println(ours.Recv(ctx))
	}
	ours.Close() // for the worker, the end
	fmt.Println(worker.Wait(ctx))
	// Output:
	// conn: this end of the pipe has moved to another process
	// 0 <nil>
	// 1 <nil>
	// 4 <nil>
	// <nil>
}

type report struct {
	To   *conn.Conn[string, struct{}]
	Rest *queue.Queue[int]
}

// reporter says one thing in two ways, and ends.
var reporter = multiproc.Proc("reporter", func(ctx context.Context, r report) error {
	if err := r.To.Send(ctx, "by pipe"); err != nil {
		return err
	}
	return r.Rest.Put(ctx, 7)
})

// A pipe, a queue and the end of a process in one loop.
func ExampleSelect() {
	ctx := context.Background()
	ours, theirs, err := conn.Pipe[struct{}, string]()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ours.Close()
	q, err := queue.New[int](queue.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer q.Close()
	p, err := reporter.Start(ctx, report{theirs, q})
	if err != nil {
		fmt.Println(err)
		return
	}
	said := map[string]bool{}
	for len(said) < 3 {
		ready, err := conn.Select(ctx, ours, q, p)
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, r := range ready {
			switch r {
			case ours:
				if text, err := ours.Recv(ctx); err == nil {
					said[text] = true
				}
			case q:
				if n, err := q.TryGet(); err == nil {
					said[fmt.Sprint("by queue: ", n)] = true
				}
			case p:
				said[fmt.Sprint("ended: ", p.Wait(ctx))] = true
			}
		}
	}
	fmt.Println(said)
	// Output: map[by pipe:true by queue: 7:true ended: <nil>:true]
}
