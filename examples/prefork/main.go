// Prefork is a web server of several processes on one listener, as Apache and gunicorn
// are: the parent listens, and each worker accepts from the same queue.
//
//	go run ./examples/prefork
//	go run ./examples/prefork -load 20000 -kill 5
//	go run ./examples/prefork -load 20000 -kill 5 -stay
//
// The listener travels to the workers as a multiproc.File. What they count they count in
// shared values, so that any of them can show the whole on its page. A worker that is killed
// is replaced; the connections that wait to be accepted wait in the listener, and go to
// another.
//
// No count is lost, and to be precise about that:
//
//   - A request is counted by one atomic step, before the first byte of its answer is
//     written. So whoever has an answer is in the count, whatever happens to the worker then.
//   - A worker that is killed between the two has counted a request that nobody sees
//     answered. The client sees its connection cut; it cannot know whether it was counted,
//     and sends the request again.
//
// Each answer says which hit it was, of which worker and path. -load starts one more process,
// a client, which keeps these numbers. At the end no number may have come twice, and what
// was counted without an answer cannot be more than what was cut.
//
// It needs a Unix system: on others no listener can be handed over.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"

	"github.com/multiproc-go/multiproc"
)

type options struct {
	addr    string
	workers int
	load    int
	kill    int
	stay    bool
}

func main() { multiproc.Main(run) }

func run(ctx context.Context) error {
	var o options
	flag.StringVar(&o.addr, "addr", "127.0.0.1:0", "address to listen on")
	flag.IntVar(&o.workers, "workers", 4, "number of worker processes")
	flag.IntVar(&o.load, "load", 0, "send this many requests from another process, check the counts and end")
	flag.IntVar(&o.kill, "kill", 0, "kill this many workers at random, spread over the load, or else one every two seconds")
	flag.BoolVar(&o.stay, "stay", false, "go on serving after the load")
	flag.Parse()
	if o.workers < 1 || o.workers > 100 || o.load < 0 || o.kill < 0 {
		return fmt.Errorf("-workers %d -load %d -kill %d: no such server", o.workers, o.load, o.kill)
	}

	ln, err := net.Listen("tcp", o.addr)
	if err != nil {
		return err
	}
	defer ln.Close()
	table, err := newBoard(o.workers)
	if err != nil {
		return err
	}
	defer table.close()
	fmt.Printf("main: %d workers listen on http://%s\n", o.workers, ln.Addr())

	ctx, stop := context.WithCancelCause(ctx)
	crew := newCrew(table, multiproc.NewFile(ln), stop)
	crew.start(ctx)
	err = attend(ctx, o, crew, ln.Addr().String())
	// The workers finish the requests they are at: see serve.
	stop(context.Canceled)
	crew.wait()
	if err == nil && crew.failed != nil {
		err = crew.failed
	}
	return err
}

// attend does all there is to do while the workers serve.
func attend(ctx context.Context, o options, c *crew, addr string) error {
	killed := make(chan error, 1)
	go func() { killed <- c.killSome(ctx, o.kill, o.load) }()
	if o.load > 0 {
		call, err := load.Start(ctx, order{Addr: addr, Requests: o.load, Workers: o.workers})
		if err != nil {
			return err
		}
		got, err := call.Result(context.WithoutCancel(ctx))
		if ctx.Err() == nil {
			if err == nil {
				err = <-killed
			}
			if err == nil {
				err = verdict(got, c.board.snapshot())
			}
			if err != nil || !o.stay {
				return err
			}
		}
	}
	<-ctx.Done()
	fmt.Printf("main: stopping after %d hits\n", c.board.snapshot().Total)
	return nil
}

// verdict compares what the client has seen with what the workers have counted.
func verdict(got tally, s snapshot) error {
	fmt.Printf("load: %d requests answered; %d were cut off and sent again\n", got.Answered, got.Cut)
	var counted, answered uint64
	for _, w := range s.Workers {
		for p, path := range paths {
			if path.Drink == "" {
				continue // the client has not been there, but perhaps you have
			}
			n, seen := w.Hits[p], got.Seen[w.Slot][p]
			if seen > n {
				return fmt.Errorf("%s has counted %d of %s, and answered %d: counts were lost", w.Name, n, path.Path, seen)
			}
			counted += n
			answered += seen
		}
	}
	if got.Twice > 0 {
		return fmt.Errorf("%d answers had the number of another: counts were lost", got.Twice)
	}
	fmt.Printf("main: %d answers are in the count, each once; so are %d of those cut off\n", answered, counted-answered)
	if unseen := counted - answered; unseen > uint64(got.Cut) {
		return fmt.Errorf("%d hits were counted and not answered, but only %d were cut off: has somebody else been here?", unseen, got.Cut)
	}
	fmt.Printf("main: %d workers, %d restarts\n", len(s.Workers), s.Restarts)
	return nil
}
