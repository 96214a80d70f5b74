package wait

import (
	"context"
	"sync"
	"sync/atomic"
)

// lines are the queues of goroutines of this process that want the same word. The
// head of a line is the one that deals with other processes.
type lines struct {
	shards [64]lineShard
}

type lineShard struct {
	mu    sync.Mutex
	lines map[*atomic.Uint32]*line
}

// line is one queue, in order of arrival. A turn is given by closing its channel.
type line struct {
	waiting []Turn
}

// Enter waits until the caller is the head of the line for word. After a nil
// error it must call [Hub.Leave]. On the end of ctx it returns ctx's error, and
// the caller is in no line.
func (h *Hub) Enter(ctx context.Context, word *atomic.Uint32) error {
	return h.Await(ctx, word, h.Queue(word))
}

// A Turn is a place in a line; nil is the head's.
type Turn chan struct{}

// Queue is the first half of Enter: it lines the caller up, who then has to call [Hub.Await].
func (h *Hub) Queue(word *atomic.Uint32) Turn {
	s := h.lines.shard(word)
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lines[word]
	if l == nil {
		if s.lines == nil {
			s.lines = make(map[*atomic.Uint32]*line)
		}
		s.lines[word] = &line{}
		return nil
	}
	turn := make(Turn)
	l.waiting = append(l.waiting, turn)
	return turn
}

// Await is the second half of Enter: it waits for the caller's turn.
func (h *Hub) Await(ctx context.Context, word *atomic.Uint32, turn Turn) error {
	if turn == nil {
		return nil
	}
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	s := h.lines.shard(word)
	s.mu.Lock()
	l := s.lines[word]
	for i, c := range l.waiting {
		if c == turn {
			l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
			s.mu.Unlock()
			return ctx.Err()
		}
	}
	s.mu.Unlock()
	// The turn came in the same moment: it goes to the next.
	h.Leave(word)
	return ctx.Err()
}

// Leave gives the head's place to the next in line.
func (h *Hub) Leave(word *atomic.Uint32) {
	s := h.lines.shard(word)
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lines[word]
	if len(l.waiting) == 0 {
		delete(s.lines, word)
		return
	}
	close(l.waiting[0])
	l.waiting[0] = nil
	l.waiting = l.waiting[1:]
}
