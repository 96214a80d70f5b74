package shm_test

import (
	"context"
	"testing"

	"github.com/multiproc-go/multiproc/shm"
)

// One goroutine of one process, nobody else there. The name says how many bytes move.

func BenchmarkValueLoad8(b *testing.B) {
	v := newValue(b, int64(0))
	for b.Loop() {
		v.Load()
	}
}

func BenchmarkValueStore8(b *testing.B) {
	v := newValue(b, int64(0))
	for b.Loop() {
		v.Store(1)
	}
}

func BenchmarkValueLoad64(b *testing.B) {
	v := newValue(b, [8]int64{})
	for b.Loop() {
		v.Load()
	}
}

func BenchmarkValueStore64(b *testing.B) {
	v := newValue(b, [8]int64{})
	for b.Loop() {
		v.Store([8]int64{})
	}
}

func BenchmarkValueUpdate8(b *testing.B) {
	v := newValue(b, int64(0))
	ctx := context.Background()
	for b.Loop() {
		v.Update(ctx, func(x *int64) error { *x++; return nil })
	}
}

func BenchmarkAdd8(b *testing.B) {
	v := newValue(b, int64(0))
	for b.Loop() {
		shm.Add(v, 1)
	}
}

func BenchmarkAdd1(b *testing.B) {
	v := newValue(b, int8(0))
	for b.Loop() {
		shm.Add(v, 1)
	}
}

func BenchmarkCompareAndSwap8(b *testing.B) {
	v := newValue(b, int64(0))
	for i := int64(0); b.Loop(); i++ {
		shm.CompareAndSwap(v, i, i+1)
	}
}

func BenchmarkArraySum8MiB(b *testing.B) {
	a := newArray[int64](b, 1<<20)
	b.SetBytes(8 << 20)
	for b.Loop() {
		total := int64(0)
		for _, x := range a.Slice() {
			total += x
		}
	}
}

func BenchmarkNewValueClose(b *testing.B) {
	for b.Loop() {
		v, err := shm.NewValue[int64](0)
		if err != nil {
			b.Fatal(err)
		}
		v.Close()
	}
}
