package pool_test

import (
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/pool"
)

func BenchmarkMap(b *testing.B) {
	for name, chunk := range map[string]int{"chunk 1": 1, "chunks measured": 0} {
		b.Run(name, func(b *testing.B) {
			p := newPool(b, pool.Options{Workers: 2, Chunk: chunk})
			inputs := numbers(b.N)
			b.ResetTimer()
			if _, err := pool.Map(b.Context(), p, square, inputs); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func BenchmarkSubmit(b *testing.B) {
	p := newPool(b, pool.Options{Workers: 2})
	for b.Loop() {
		if _, err := pool.Submit(b.Context(), p, square, 3).Result(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMapUnordered draws its inputs one by one.
func BenchmarkMapUnordered(b *testing.B) {
	p := newPool(b, pool.Options{Workers: 2})
	b.ResetTimer()
	for _, err := range pool.MapUnordered(b.Context(), p, square, func(yield func(int) bool) {
		for i := 0; i < b.N && yield(i); i++ {
		}
	}) {
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSubmitNowAndThen lets the pool fall asleep between two tasks.
func BenchmarkSubmitNowAndThen(b *testing.B) {
	p := newPool(b, pool.Options{Workers: 2})
	took := time.Duration(0)
	for b.Loop() {
		time.Sleep(time.Millisecond)
		begin := time.Now()
		if _, err := pool.Submit(b.Context(), p, square, 3).Result(b.Context()); err != nil {
			b.Fatal(err)
		}
		took += time.Since(begin)
	}
	b.ReportMetric(float64(took.Nanoseconds())/float64(b.N), "ns/task")
}
