package pool_test

import (
	"testing"

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
