package conn

import (
	"context"
	"sync"
	"testing"
)

// TestTurn: however those come and go whose contexts end, one at a time has the turn, and in the end it is free.
func TestTurn(t *testing.T) {
	turn := turn{hand: make(chan struct{}, 1)}
	var all sync.WaitGroup
	had := 0 // the race detector sees two that have the turn
	for i := range 8 {
		all.Go(func() {
			for k := range 5000 {
				ctx, cancel := context.WithCancel(context.Background())
				if (i+k)%3 == 0 {
					go cancel()
				}
				if err := turn.take(ctx); err == nil {
					had++
					turn.pass()
				} else if ctx.Err() == nil {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	all.Wait()
	if !turn.try() {
		t.Fatal("somebody has the turn still")
	}
	if len(turn.hand) > 0 {
		t.Error("two have it")
	}
	if had < 5000 {
		t.Errorf("%d had it", had)
	}
}
