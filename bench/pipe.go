package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/conn"
)

// pipeWorkloads are round trips through a pipe.
func pipeWorkloads(s size) (list []workload) {
	rounds := pick(s, 11, 2)
	small, large := pick(s, 20_000, 2000), pick(s, 300, 30)
	const note = "Two processes, wherever the kernel puts them. "
	list = append(list, workload{
		name: "pipe", title: "A number through a pipe to another process, and one back", unit: nanoseconds, rounds: rounds,
		system: []system{
			{ours, func(ctx context.Context, _ *peers) ([]float64, error) { return tripsOf(ctx, 0, small, false) }},
			{"multiproc, Block", func(ctx context.Context, _ *peers) ([]float64, error) { return tripsOf(ctx, 0, small, true) }},
			{"CPython", func(ctx context.Context, p *peers) ([]float64, error) {
				return p.runPythonFile(ctx, "pipes.py", "int", small/4)
			}},
		},
		bars: []bar{{against: "CPython", times: 1, figure: median}},
		note: note + "Each waits for the other's message in the kernel; ours by way of Go's poller, or after Block in a read.",
	})
	return append(list, workload{
		name: "pipe-1MiB", title: "1 MiB through a pipe to another process, and a number back", unit: nanoseconds, rounds: rounds,
		system: []system{
			{ours, func(ctx context.Context, _ *peers) ([]float64, error) { return tripsOf(ctx, 1<<20, large, false) }},
			{"CPython", func(ctx context.Context, p *peers) ([]float64, error) {
				return p.runPythonFile(ctx, "pipes.py", "bytes", 1<<20, large)
			}},
		},
		bars: []bar{{against: "CPython", times: 1, figure: median}},
		note: note + "send_bytes and recv_bytes of both: the receiver has the bytes in memory of their own.",
	})
}

// answerer sends back what it receives: a number, or the length of bytes.
var answerer = multiproc.Proc("pipe answerer", func(ctx context.Context, a answering) error {
	if a.Block {
		if err := a.Pipe.Block(); err != nil {
			return err
		}
	}
	for {
		var n int
		var err error
		if a.Bytes {
			var b []byte
			b, err = a.Pipe.RecvBytes(ctx, conn.NoLimit)
			n = len(b)
		} else {
			n, err = a.Pipe.Recv(ctx)
		}
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = a.Pipe.Send(ctx, n)
		}
		if err != nil {
			return err
		}
	}
})

type answering struct {
	Pipe  *conn.Conn[int, int]
	Bytes bool
	Block bool
}

// tripsOf measures n round trips of so many bytes; of none, of a number.
func tripsOf(ctx context.Context, bytes, n int, block bool) ([]float64, error) {
	ours, theirs, err := conn.Pipe[int, int]()
	if err != nil {
		return nil, err
	}
	defer ours.Close()
	p, err := answerer.Start(ctx, answering{theirs, bytes > 0, block})
	if err != nil {
		return nil, err
	}
	if block {
		if err := ours.Block(); err != nil {
			return nil, err
		}
	}
	data := make([]byte, bytes)
	warm := max(n/10, 1)
	var began time.Time
	for i := range warm + n {
		if i == warm {
			began = time.Now()
		}
		want := i
		if bytes > 0 {
			want = bytes
			err = ours.SendBytes(ctx, data)
		} else {
			err = ours.Send(ctx, i)
		}
		if err != nil {
			return nil, err
		}
		if got, err := ours.Recv(ctx); err != nil || got != want {
			return nil, fmt.Errorf("a pipe gives %d, %v for %d", got, err, want)
		}
	}
	took := time.Since(began)
	ours.Close()
	return []float64{float64(took.Nanoseconds()) / float64(n)}, p.Wait(ctx)
}
