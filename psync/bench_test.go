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
	n := 0
	for b.Loop() {
		g, _ := mu.Lock(ctx)
		n++
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
	n := 0
	for b.Loop() {
		mu.Lock()
		n++
		mu.Unlock()
	}
}

// Goroutines of one process on one lock.

func BenchmarkMutexContended(b *testing.B) {
	mu := newMutex(b)
	ctx := context.Background()
	n := 0
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			g, _ := mu.Lock(ctx)
			n++
			g.Unlock()
		}
	})
}

func BenchmarkStdMutexContended(b *testing.B) {
	var mu sync.Mutex
	n := 0
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			mu.Lock()
			n++
			mu.Unlock()
		}
	})
}

func BenchmarkSemaphore(b *testing.B) {
	s := newSemaphore(b, 1)
	ctx := context.Background()
	for b.Loop() {
		p, _ := s.Acquire(ctx)
		p.Release()
	}
}

func BenchmarkSemaphoreSignal(b *testing.B) {
	s := newSemaphore(b, 1)
	ctx := context.Background()
	for b.Loop() {
		s.Wait(ctx)
		s.Post()
	}
}

// BenchmarkSemaphoreMoved is what it costs to get a permit that lies in another word.
func BenchmarkSemaphoreMoved(b *testing.B) {
	s := newSemaphore(b, 1)
	ctx := context.Background()
	for b.Loop() {
		p, _ := s.Acquire(ctx)
		p.Release()
		s.Wait(ctx) // moves it to the pool
		s.Post()
	}
}

func BenchmarkReentrantMutex(b *testing.B) {
	m, o := newReentrant(b), newOwner(b)
	ctx := context.Background()
	for b.Loop() {
		g, _ := m.Lock(ctx, o)
		g.Unlock()
	}
}

// BenchmarkReentrantMutexAgain is what it costs to lock it once more.
func BenchmarkReentrantMutexAgain(b *testing.B) {
	m, o := newReentrant(b), newOwner(b)
	ctx := context.Background()
	outer, _ := m.Lock(ctx, o)
	for b.Loop() {
		g, _ := m.Lock(ctx, o)
		g.Unlock()
	}
	outer.Unlock()
}

func BenchmarkOnceDone(b *testing.B) {
	o := newOnce(b)
	ctx := context.Background()
	o.Do(ctx, func() error { return nil })
	for b.Loop() {
		o.Do(ctx, func() error { return nil })
	}
}
