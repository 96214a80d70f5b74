package queue_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/queue"
)

type flow[T any] struct {
	Q     *queue.Queue[T]
	N     int
	Batch int
	Item  T
}

func sendFlow[T any](ctx context.Context, f flow[T]) error {
	if f.Batch > 1 {
		items := make([]T, f.Batch)
		for i := range items {
			items[i] = f.Item
		}
		for range f.N / f.Batch {
			if _, err := f.Q.PutBatch(ctx, items); err != nil {
				return err
			}
		}
		return nil
	}
	for range f.N {
		if err := f.Q.Put(ctx, f.Item); err != nil {
			return err
		}
	}
	return nil
}

func receiveFlow[T any](ctx context.Context, f flow[T]) error {
	if f.Batch > 1 {
		items := make([]T, f.Batch)
		for n := 0; n < f.N; {
			k, err := f.Q.GetBatch(ctx, items)
			if err != nil {
				return err
			}
			n += k
		}
		return nil
	}
	for range f.N {
		if _, err := f.Q.Get(ctx); err != nil {
			return err
		}
	}
	return nil
}

type flows[T any] struct {
	send, receive *multiproc.Entry[flow[T], multiproc.None]
}

func flowsOf[T any](name string) flows[T] {
	return flows[T]{multiproc.Proc("send "+name, sendFlow[T]), multiproc.Proc("receive "+name, receiveFlow[T])}
}

type line struct{ W [8]int64 }

var (
	numbers = flowsOf[int64]("int64")
	lines   = flowsOf[line]("line")
	records = flowsOf[named]("named")
	chunks  = flowsOf[[]byte]("bytes")
)

// flowing measures n messages from that many senders to that many receivers, starts not included.
func flowing[T any](b *testing.B, fs flows[T], senders, receivers, batch int, item T) {
	modetest.NeedProcess(b, "it measures processes")
	ctx, cancel := context.WithTimeout(b.Context(), 2*time.Minute)
	defer cancel()
	q, err := queue.New[T](queue.Options{Capacity: 1024})
	if err != nil {
		b.Fatal(err)
	}
	defer q.Close()
	unit := senders * receivers * batch
	n := (b.N + unit - 1) / unit * unit
	group, _ := multiproc.NewGroup(ctx)
	// One of each first, to be up when the clock starts.
	warm := func(each int) {
		for range receivers {
			group.Start(fs.receive.With(flow[T]{q, each / receivers, batch, item}))
		}
		for range senders {
			group.Start(fs.send.With(flow[T]{q, each / senders, batch, item}))
		}
	}
	b.ResetTimer()
	warm(n)
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "M/s")
}

func BenchmarkFlow(b *testing.B) {
	for _, shape := range [][2]int{{1, 1}, {4, 4}} {
		for _, batch := range []int{1, 64} {
			b.Run(fmt.Sprintf("int64/%dto%d/batch%d", shape[0], shape[1], batch), func(b *testing.B) { flowing(b, numbers, shape[0], shape[1], batch, 7) })
		}
	}
	b.Run("line", func(b *testing.B) { flowing(b, lines, 1, 1, 1, line{}) })
	b.Run("named", func(b *testing.B) { flowing(b, records, 1, 1, 1, named{"name", []string{"a", "b"}, point{1, 2}}) })
	b.Run("bytes1K", func(b *testing.B) { flowing(b, chunks, 1, 1, 1, make([]byte, 1024)) })
}
