package psync_test

import (
	"context"
	"sync"
	"testing"
)

// One goroutine of one process, nobody else there: a pair of Lock and Unlock.

func BenchmarkMutex(b *testing.B) {
	mu := newMutex(b)
	ctx := context.Background()
	for b.Loop() {
		g, _ := mu.Lock(ctx)
		g.Unlock()
	}
}

func BenchmarkMutexDo(b *testing.B) {
	mu := newMutex(b)
	ctx := context.Background()
	for b.Loop() {
		mu.Do(ctx, func() error { return nil })
	}
}

func BenchmarkMutexTryLock(b *testing.B) {
	mu := newMutex(b)
	for b.Loop() {
		g, _ := mu.TryLock()
		g.Unlock()
	}
}

// BenchmarkStdMutex is what a lock between goroutines costs.
func BenchmarkStdMutex(b *testing.B) {
	var mu sync.Mutex
	for b.Loop() {
		mu.Lock()
		mu.Unlock() //nolint:staticcheck // empty on purpose
	}
}

// Goroutines of one process on one lock.

func BenchmarkMutexContended(b *testing.B) {
	mu := newMutex(b)
	ctx := context.Background()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			g, _ := mu.Lock(ctx)
			g.Unlock()
		}
	})
}

func BenchmarkStdMutexContended(b *testing.B) {
	var mu sync.Mutex
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			mu.Lock()
			mu.Unlock() //nolint:staticcheck // empty on purpose
		}
	})
}
