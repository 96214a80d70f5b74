package psync_test

import (
	"context"
	"sync"
	"testing"
)

func BenchmarkRWMutexRead(b *testing.B) {
	m := newRWMutex(b)
	ctx := context.Background()
	for b.Loop() {
		g, _ := m.RLock(ctx)
		g.Unlock()
	}
}

func BenchmarkRWMutexWrite(b *testing.B) {
	m := newRWMutex(b)
	ctx := context.Background()
	for b.Loop() {
		g, _ := m.Lock(ctx)
		g.Unlock()
	}
}

func BenchmarkStdRWMutexRead(b *testing.B) {
	var m sync.RWMutex
	n := 0
	for b.Loop() {
		m.RLock()
		n++
		m.RUnlock()
	}
}
