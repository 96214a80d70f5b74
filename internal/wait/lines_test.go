package wait

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func newLines() *Hub {
	h := &Hub{}
	return h
}

func TestLineKeepsItsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, word := newLines(), new(atomic.Uint32)
		if err := h.Enter(t.Context(), word); err != nil {
			t.Fatal(err)
		}
		var order []int
		for i := range 10 {
			go func() {
				if err := h.Enter(t.Context(), word); err != nil {
					t.Error(err)
				}
				order = append(order, i) // only the head is here
				h.Leave(word)
			}()
			synctest.Wait() // it stands in line
		}
		if len(order) != 0 {
			t.Fatalf("%v did not wait", order)
		}
		h.Leave(word)
		synctest.Wait()
		for i, got := range order {
			if got != i {
				t.Errorf("served in the order %v", order)
				break
			}
		}
		if len(order) != 10 {
			t.Errorf("served: %v", order)
		}
		wantNoLines(t, h)
	})
}

// wantNoLines: a line that nobody stands in takes no memory.
func wantNoLines(t *testing.T, h *Hub) {
	t.Helper()
	for i := range h.lines.shards {
		if n := len(h.lines.shards[i].lines); n != 0 {
			t.Errorf("shard %d has %d lines", i, n)
		}
	}
}

func TestLineOfTheImpatient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, word := newLines(), new(atomic.Uint32)
		h.Enter(t.Context(), word)
		ctx, cancel := context.WithCancel(t.Context())
		var left, served atomic.Int32
		for i := range 9 {
			go func() {
				if i%3 == 1 {
					if err := h.Enter(t.Context(), word); err != nil {
						t.Error(err)
					}
					served.Add(1)
					h.Leave(word)
					return
				}
				if err := h.Enter(ctx, word); !errors.Is(err, context.Canceled) {
					t.Errorf("ctx ended: %v", err)
				}
				left.Add(1)
			}()
			synctest.Wait()
		}
		cancel()
		synctest.Wait()
		if left.Load() != 6 || served.Load() != 0 {
			t.Errorf("%d left, %d served", left.Load(), served.Load())
		}
		h.Leave(word)
		synctest.Wait()
		if served.Load() != 3 {
			t.Errorf("%d served of those that stayed", served.Load())
		}
		wantNoLines(t, h)
	})
}

// TestTurnAgainstCancel: a turn that comes when its taker gives up goes to the next.
// Both are ready when the taker runs, so each branch is taken sooner or later.
func TestTurnAgainstCancel(t *testing.T) {
	kept, passed := 0, 0
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			h, word := newLines(), new(atomic.Uint32)
			h.Enter(t.Context(), word)
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				if err := h.Enter(ctx, word); err != nil {
					passed++
					return
				}
				kept++
				h.Leave(word)
			}()
			synctest.Wait()
			last := false
			go func() {
				h.Enter(t.Context(), word)
				last = true
				h.Leave(word)
			}()
			synctest.Wait()
			cancel()
			h.Leave(word)
			synctest.Wait()
			if !last {
				t.Error("the turn was lost")
			}
			wantNoLines(t, h)
		})
	}
	t.Logf("kept %d turns, passed %d on", kept, passed)
}

// TestWordsDoNotShareALine, even where they share a shard.
func TestWordsDoNotShareALine(t *testing.T) {
	h := newLines()
	words := make([]atomic.Uint32, 64*64)
	for i := range words {
		if err := h.Enter(t.Context(), &words[i]); err != nil {
			t.Fatal(err)
		}
	}
	for i := range words {
		h.Leave(&words[i])
	}
	wantNoLines(t, h)
}
