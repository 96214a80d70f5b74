package wait

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// parking is a lot with its words.
type parking struct {
	lot
	word, other, epoch atomic.Uint32
}

func (p *parking) parkOn(ctx context.Context, word *atomic.Uint32) error {
	return p.park(ctx, word, 0, &p.epoch, 0, time.Hour)
}

func TestParkLooksFirst(t *testing.T) {
	var p parking
	p.word.Store(1)
	if err := p.parkOn(t.Context(), &p.word); err != nil { // or it would wait for an hour
		t.Error(err)
	}
	p.word.Store(0)
	p.epoch.Store(1)
	if err := p.parkOn(t.Context(), &p.word); err != nil {
		t.Error(err)
	}
	if len(p.parked) != 0 {
		t.Errorf("parked: %v", p.parked)
	}
}

func TestWakeInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p parking
		var mu sync.Mutex // for the race detector
		var order []int
		for i := range 6 {
			go func() {
				word := &p.word
				if i == 2 {
					word = &p.other
				}
				p.parkOn(t.Context(), word)
				mu.Lock()
				defer mu.Unlock()
				order = append(order, i)
			}()
			synctest.Wait()
		}
		step := func(what string, woken, want int, all ...int) {
			t.Helper()
			synctest.Wait()
			if woken != want || len(order) != len(all) {
				t.Fatalf("%s: %d woken, want %d; %v", what, woken, want, order)
			}
			for i := range all {
				if order[i] != all[i] {
					t.Fatalf("%s: order %v", what, order)
				}
			}
		}
		step("none", p.wake(&p.word, 0), 0)
		step("one", p.wake(&p.word, 1), 1, 0)
		step("another", p.wake(&p.word, 1), 1, 0, 1)
		step("a word that nobody waits for", p.wake(&p.epoch, 1), 0, 0, 1)
		step("not that of the other word", p.wake(&p.word, 1), 1, 0, 1, 3)
		step("the next", p.wake(&p.word, 1), 1, 0, 1, 3, 4)
		if n := p.wakeAll(); n != 2 {
			t.Errorf("%d left, want 2", n)
		}
		synctest.Wait()
		if len(order) != 6 || len(p.parked) != 0 {
			t.Errorf("%v, parked: %v", order, p.parked)
		}
		step("nobody is left", p.wake(&p.word, math.MaxInt32), 0, order...)
	})
}

func TestParkEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p parking
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		if err := p.park(ctx, &p.word, 0, &p.epoch, 0, time.Second); err != nil || time.Since(begin) != time.Second {
			t.Errorf("the last resort: %v after %v", err, time.Since(begin))
		}
		if err := p.parkOn(ctx, &p.word); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Minute {
			t.Errorf("ctx: %v after %v", err, time.Since(begin))
		}
		if len(p.parked) != 0 {
			t.Errorf("still parked: %v", p.parked)
		}
		if n := p.wake(&p.word, 1); n != 0 {
			t.Errorf("one that has left was woken")
		}
	})
}
