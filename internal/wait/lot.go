package wait

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// lot parks goroutines on words, as the kernel's futexes do, for members that are
// goroutines of one process.
type lot struct {
	mu     sync.Mutex
	parked map[*atomic.Uint32][]chan struct{} // per word, in order of arrival
}

// park sleeps while word has value and the epoch has not moved on.
func (l *lot) park(ctx context.Context, word *atomic.Uint32, value uint32, epochWord *atomic.Uint32, epoch uint32, timeout time.Duration) error {
	l.mu.Lock()
	if word.Load() != value || epochWord.Load() != epoch {
		l.mu.Unlock()
		return nil
	}
	wake := make(chan struct{})
	if l.parked == nil {
		l.parked = make(map[*atomic.Uint32][]chan struct{})
	}
	l.parked[word] = append(l.parked[word], wake)
	l.mu.Unlock()

	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-wake:
		return ctx.Err()
	case <-ctx.Done():
	case <-timer.C:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(word, wake)
	return ctx.Err()
}

func (l *lot) remove(word *atomic.Uint32, wake chan struct{}) {
	list := l.parked[word]
	for i, c := range list {
		if c == wake {
			l.set(word, append(list[:i:i], list[i+1:]...))
			return
		}
	}
}

func (l *lot) set(word *atomic.Uint32, list []chan struct{}) {
	if len(list) == 0 {
		delete(l.parked, word)
		return
	}
	l.parked[word] = list
}

func (l *lot) wake(word *atomic.Uint32, n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.parked[word]
	n = min(n, len(list))
	for _, c := range list[:n] {
		close(c)
	}
	if n > 0 {
		l.set(word, list[n:])
	}
	return n
}

func (l *lot) wakeAll() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for word, list := range l.parked {
		for _, c := range list {
			close(c)
		}
		n += len(list)
		delete(l.parked, word)
	}
	return n
}
