package main

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/queue"
)

// line64 is an item of 64 bytes.
type line64 struct{ W [8]int64 }

// note is an item that travels as CBOR.
type note struct {
	ID   int64
	From string
	Text string
}

var (
	numberStream = streaming("int64", sendItems[int64], receiveItems[int64])
	lineStream   = streaming("64B", sendItems[line64], receiveItems[line64])
	noteStream   = streaming("note", sendItems[note], receiveItems[note])
	bytesStream  = streaming("bytes", sendItems[[]byte], receiveItems[[]byte])
	appendStream = streaming("append", sendItems[[]byte], appendItems)
	viewStream   = streaming("views", sendViews, receiveViews)
)

// queueWorkloads are messages between processes.
func queueWorkloads(s size) []workload {
	rounds := pick(s, 15, 3)
	py := func(name, how string, item string, senders, receivers, n int) system {
		return system{name, func(ctx context.Context, p *peers) ([]float64, error) {
			return p.runPythonFile(ctx, "flow.py", how, item, senders, receivers, n)
		}}
	}
	numbers, some, few := pick(s, 1_000_000, 100_000), pick(s, 200_000, 100_000), pick(s, 300, 100)
	slow := pick(s, 20_000, 4000) // for CPython
	const alone = "Each process on a CPU of its own. The queue holds 1024 items."
	const eight = "The processes are wherever the kernel puts them."
	return []workload{{
		name: "queue-int64", title: "An int64 through a queue, from one process to another", unit: nanoseconds, rounds: rounds, chart: true,
		system: []system{
			streamed(numberStream, stream[int64]{Item: 7}, 1, 1, numbers),
			{"Go channel", func(ctx context.Context, _ *peers) ([]float64, error) {
				return channelStream[int64](1, 1, numbers), nil
			}},
			py("mp.SimpleQueue", "simple", "int", 1, 1, slow),
			py("mp.Queue", "queue", "int", 1, 1, slow),
		},
		bars: []bar{{times: 1e9 / 10e6}, {against: "mp.SimpleQueue", times: 1. / 40}},
		note: "The time of the whole divided by the number of messages, one Put and one Get for each. " + alone + " The channel holds 1024 too, and its goroutines are in one process.",
	}, {
		name: "queue-batch", title: "The same in batches of 64, per item", unit: nanoseconds, rounds: rounds,
		system: []system{
			streamed(numberStream, stream[int64]{Item: 7, Batch: 64}, 1, 1, 64*(numbers/16)),
		},
		bars: []bar{{times: 1e9 / 50e6}},
		note: "PutBatch and GetBatch. " + alone,
	}, {
		name: "queue-4to4", title: "An int64 through a queue, from four processes to four others", unit: nanoseconds, rounds: rounds,
		system: []system{
			streamed(numberStream, stream[int64]{Item: 7}, 4, 4, numbers),
			{"Go channel", func(ctx context.Context, _ *peers) ([]float64, error) {
				return channelStream[int64](4, 4, numbers), nil
			}},
			py("mp.SimpleQueue", "simple", "int", 4, 4, slow),
		},
		bars: []bar{{times: 1e9 / 4e6}},
		note: eight,
	}, {
		name: "queue-64B", title: "A struct of 64 bytes through a queue", unit: nanoseconds, rounds: rounds,
		system: []system{
			streamed(lineStream, stream[line64]{Item: line64{[8]int64{7}}}, 1, 1, numbers),
			{"Go channel", func(ctx context.Context, _ *peers) ([]float64, error) {
				return channelStream[line64](1, 1, numbers), nil
			}},
		},
		bars: []bar{{times: 1e9 / 8e6}},
		note: alone,
	}, {
		name: "queue-record", title: "A struct with strings through a queue, as CBOR", unit: nanoseconds, rounds: rounds,
		system: []system{
			streamed(noteStream, stream[note]{Item: note{7, "somebody", "hello, world"}}, 1, 1, some),
			py("mp.SimpleQueue", "simple", "record", 1, 1, slow),
		},
		bars: []bar{{times: 1e9 / 1e6}},
		note: "A number and two short strings; in Python a dict. " + alone,
	}, {
		name: "queue-1KiB", title: "1 KiB of bytes through a queue", unit: nanoseconds, rounds: rounds,
		system: []system{
			streamed(bytesStream, stream[[]byte]{Item: make([]byte, 1<<10)}, 1, 1, some),
			as("multiproc, GetAppend", streamed(appendStream, stream[[]byte]{Item: make([]byte, 1<<10)}, 1, 1, some)),
			py("mp.SimpleQueue", "simple", "1KiB", 1, 1, slow),
			py("mp.Pipe", "pipe", "1KiB", 1, 1, slow),
		},
		bars: []bar{{times: 1e9 / 2e6}},
		note: "Get returns a new slice each time, which costs the collector's work too; GetAppend fills the same one. " + alone,
	}, {
		name: "queue-1MiB", title: "1 MiB, written by one process and read by another, in full", unit: nanoseconds, rounds: pick(s, 11, 3),
		system: []system{
			streamed(viewStream, stream[[]byte]{Item: bytes.Repeat([]byte("multiproc"), 1<<20/9+1)[:1<<20]}, 1, 1, 5*few),
			py("mp.Pipe", "pipe", "1MiB", 1, 1, few),
		},
		bars: []bar{{against: "mp.Pipe", times: 1. / 5}},
		note: "Copied from a pattern into the message, and compared with it at the other end: with Reserve and Peek in the shared memory itself, in Python in a buffer that send_bytes and recv_bytes carry. " +
			"Each process on a CPU of its own.",
	}, {
		name: "queue-turn", title: "There and back through two queues, sleeping", unit: nanoseconds, rounds: rounds,
		system: []system{
			{ours, func(ctx context.Context, _ *peers) ([]float64, error) { return turns(ctx, -1, some/10) }},
			{"bare futex", func(ctx context.Context, p *peers) ([]float64, error) {
				samples, err := p.runC(ctx, "meet", "futex", 2, some/10)
				return scaled(samples, 2), err // it tells what one way takes
			}},
			{"mp.SimpleQueue", func(ctx context.Context, p *peers) ([]float64, error) {
				return p.runPythonFile(ctx, "flow.py", "turn", "int", 1, 1, slow/4)
			}},
		},
		bars: []bar{{against: "bare futex", times: 1.3}},
		note: "Options.Spin is negative: who waits sleeps at once. Each process on a CPU of its own.",
	}, {
		name: "queue-turn-spin", title: "There and back through two queues, spinning", unit: nanoseconds, rounds: rounds,
		system: []system{
			{ours, func(ctx context.Context, _ *peers) ([]float64, error) { return turns(ctx, time.Second, some) }},
			{"Go channels", func(ctx context.Context, _ *peers) ([]float64, error) { return channelTurns(some), nil }},
		},
		bars: []bar{{times: 1000}},
		note: "Options.Spin is a second. Each process on a CPU of its own; the goroutines of the channels wherever they are put.",
	}}
}

// stream is one process's part in a stream of items.
type stream[T any] struct {
	Q       *queue.Queue[T]
	Item    T
	Send    bool
	N       int // items that it sends or receives
	Batch   int // at a time, if more than one
	CPU     int // on which it is to be; -1: on any
	Barrier *psync.Barrier
}

// streaming declares the entry for streams of T. It returns when it began and when it ended.
func streaming[T any](name string, send, receive func(context.Context, stream[T]) error) *multiproc.Entry[stream[T], [2]int64] {
	return multiproc.Func("stream-"+name, func(ctx context.Context, s stream[T]) (times [2]int64, err error) {
		if s.CPU >= 0 {
			if err := pinProcess(s.CPU); err != nil {
				return times, err
			}
			runtime.GOMAXPROCS(1) // as if it had been started on that CPU
		}
		if _, err := s.Barrier.Wait(ctx); err != nil {
			return times, err
		}
		times[0] = monotonic()
		if s.Send {
			err = send(ctx, s)
		} else {
			err = receive(ctx, s)
		}
		times[1] = monotonic()
		return times, err
	})
}

func sendItems[T any](ctx context.Context, s stream[T]) error {
	if s.Batch > 1 {
		items := make([]T, s.Batch)
		for i := range items {
			items[i] = s.Item
		}
		for range s.N / s.Batch {
			if _, err := s.Q.PutBatch(ctx, items); err != nil {
				return err
			}
		}
		return nil
	}
	for range s.N {
		if err := s.Q.Put(ctx, s.Item); err != nil {
			return err
		}
	}
	return nil
}

func receiveItems[T any](ctx context.Context, s stream[T]) error {
	if s.Batch > 1 {
		items := make([]T, s.Batch)
		for n := 0; n < s.N; {
			k, err := s.Q.GetBatch(ctx, items)
			if err != nil {
				return err
			}
			n += k
		}
		return nil
	}
	for range s.N {
		if _, err := s.Q.Get(ctx); err != nil {
			return err
		}
	}
	return nil
}

func appendItems(ctx context.Context, s stream[[]byte]) (err error) {
	var buf []byte
	for range s.N {
		if buf, err = queue.GetAppend(ctx, s.Q, buf[:0]); err != nil {
			return err
		}
	}
	return nil
}

func sendViews(ctx context.Context, s stream[[]byte]) error {
	for range s.N {
		r, err := queue.Reserve(ctx, s.Q, len(s.Item))
		if err != nil {
			return err
		}
		copy(r.Bytes(), s.Item)
		if err := r.Commit(ctx); err != nil {
			return err
		}
	}
	return nil
}

func receiveViews(ctx context.Context, s stream[[]byte]) error {
	for i := range s.N {
		v, err := queue.Peek(ctx, s.Q)
		if err != nil {
			return err
		}
		if !bytes.Equal(v.Bytes(), s.Item) {
			return fmt.Errorf("message %d is not what was sent", i)
		}
		if err := v.Release(); err != nil {
			return err
		}
	}
	return nil
}

// as is s by another name.
func as(name string, s system) system { return system{name, s.measure} }

// streamed is ours: n items of which each process sends or receives its share. The processes are on CPUs of their own if
// there is one of each kind.
func streamed[T any](entry *multiproc.Entry[stream[T], [2]int64], s stream[T], senders, receivers, n int) system {
	return system{ours, func(ctx context.Context, _ *peers) (samples []float64, err error) {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		s := s
		if s.Q, err = queue.New[T](queue.Options{}); err != nil {
			return nil, err
		}
		defer s.Q.Close()
		if s.Barrier, err = psync.NewBarrier(senders + receivers); err != nil {
			return nil, err
		}
		defer s.Barrier.Close()
		calls := make([]*multiproc.Call[[2]int64], 0, senders+receivers)
		for i := range senders + receivers {
			s.CPU = -1
			if senders+receivers == 2 {
				s.CPU = i
			}
			s.Send, s.N = i < senders, n/receivers
			if s.Send {
				s.N = n / senders
			}
			call, err := entry.Start(ctx, s)
			if err != nil {
				return nil, err
			}
			calls = append(calls, call)
		}
		first, last := int64(0), int64(0)
		for i, call := range calls {
			times, err := call.Result(ctx)
			if err != nil {
				return nil, err
			}
			if i == 0 || times[0] < first {
				first = times[0]
			}
			last = max(last, times[1])
		}
		return []float64{float64(last-first) / float64(n)}, nil
	}}
}

// echo is one end of a game of two queues. The first of the processes serves.
type echo struct {
	Out, In *queue.Queue[int64]
	First   bool
	N       int
	Barrier *psync.Barrier
}

// echoing plays, and returns how long it took.
var echoing = multiproc.Func("echo", func(ctx context.Context, e echo) (time.Duration, error) {
	cpu := 1
	if e.First {
		cpu = 0
	}
	if err := pinProcess(cpu); err != nil {
		return 0, err
	}
	if _, err := e.Barrier.Wait(ctx); err != nil {
		return 0, err
	}
	begin := time.Now()
	for i := range int64(e.N) {
		if e.First {
			if err := e.Out.Put(ctx, i); err != nil {
				return 0, err
			}
		}
		v, err := e.In.Get(ctx)
		if err != nil {
			return 0, err
		}
		if v != i {
			return 0, fmt.Errorf("message %d came as %d", i, v)
		}
		if !e.First {
			if err := e.Out.Put(ctx, i); err != nil {
				return 0, err
			}
		}
	}
	return time.Since(begin), nil
})

func turns(ctx context.Context, spin time.Duration, n int) (samples []float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var ways [2]*queue.Queue[int64]
	for i := range ways {
		if ways[i], err = queue.New[int64](queue.Options{Spin: spin}); err != nil {
			return nil, err
		}
		defer ways[i].Close()
	}
	barrier, err := psync.NewBarrier(2)
	if err != nil {
		return nil, err
	}
	defer barrier.Close()
	var calls [2]*multiproc.Call[time.Duration]
	for i := range calls {
		if calls[i], err = echoing.Start(ctx, echo{ways[i], ways[1-i], i == 0, n, barrier}); err != nil {
			return nil, err
		}
	}
	for i := range calls {
		took, err := calls[i].Result(ctx)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			samples = []float64{float64(took.Nanoseconds()) / float64(n)}
		}
	}
	return samples, nil
}
