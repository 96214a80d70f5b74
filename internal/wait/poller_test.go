package wait

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/internal/layout"
)

// bell is a word that nobody else in the room uses.
func (r room) bell(i int) (*atomic.Uint32, uint64) {
	slot := uint32(100 + i)
	return &r.table.Slot(slot).Bell, layout.SlotsAt + uint64(slot)*layout.SlotSize + 20
}

// many is a goroutine for each of n words. It stays asleep, whatever wakes it, until its
// word has changed, its owner is dead or its context has ended.
type many struct {
	ended []chan error
	dead  []atomic.Bool
}

func (r room) blockMany(ctx func(i int) context.Context, n int) *many {
	m := &many{ended: make([]chan error, n), dead: make([]atomic.Bool, n)}
	for i := range n {
		m.ended[i] = make(chan error, 1)
		word, off := r.bell(i)
		go func() {
			for {
				epoch := r.Epoch()
				err := r.Block(ctx(i), word, off, 0, epoch, m.dead[i].Load)
				if err != nil || word.Load() != 0 || m.dead[i].Load() {
					m.ended[i] <- err
					return
				}
			}
		}()
	}
	return m
}

// TestManyWords: more words than threads, and than one call of the kernel takes.
func TestManyWords(t *testing.T) {
	eachWay(t, func(t *testing.T, r room) {
		const n = 3*pollerWaits + directWaits + 5
		cancelled, cancel := context.WithCancel(t.Context())
		m := r.blockMany(func(i int) context.Context {
			if i%4 == 1 {
				return cancelled
			}
			return t.Context()
		}, n)
		if r.way != Local {
			r.wantPollers(t, 2)
		}
		stillAsleep := func(kind int) {
			t.Helper()
			for i := kind; i < n; i += 4 {
				if len(m.ended[i]) != 0 {
					t.Fatalf("%d came back", i)
				}
			}
		}
		// 0: their words change, in any order. 1: their contexts end. 2: their owners
		// die. 3: nothing happens to them until the end.
		for _, i := range rand.Perm(n) {
			if i%4 == 0 {
				word, _ := r.bell(i)
				word.Store(1)
				r.Wake(word, 1)
				if err := receive(t, m.ended[i]); err != nil {
					t.Fatalf("%d: %v", i, err)
				}
			}
		}
		stillAsleep(1)
		cancel()
		for i := 1; i < n; i += 4 {
			if err := receive(t, m.ended[i]); !errors.Is(err, context.Canceled) {
				t.Fatalf("%d: %v", i, err)
			}
		}
		stillAsleep(2)
		for i := 2; i < n; i += 4 {
			m.dead[i].Store(true)
		}
		r.table.Epoch().Add(1)
		r.Wake(r.table.Epoch(), math.MaxInt32)
		for i := 2; i < n; i += 4 {
			if err := receive(t, m.ended[i]); err != nil {
				t.Fatalf("%d: %v", i, err)
			}
		}
		stillAsleep(3)
		for i := 3; i < n; i += 4 {
			word, _ := r.bell(i)
			word.Store(1)
			r.Wake(word, 1)
			if err := receive(t, m.ended[i]); err != nil {
				t.Fatalf("%d: %v", i, err)
			}
		}
		r.wantNoPollers(t)
	})
}

func (r room) wantPollers(t *testing.T, least int) {
	t.Helper()
	for deadline := time.Now().Add(watchdog); ; runtime.Gosched() {
		r.pollers.mu.Lock()
		n := len(r.pollers.list)
		r.pollers.mu.Unlock()
		if n >= least {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d pollers, want %d", n, least)
		}
	}
}

// wantNoPollers: a poller without a sleeper ends.
func (r room) wantNoPollers(t *testing.T) {
	t.Helper()
	r.pollers.mu.Lock()
	defer r.pollers.mu.Unlock()
	if n := len(r.pollers.list); n != 0 {
		t.Errorf("%d pollers sleep for nobody", n)
	}
	if n := r.direct.Load(); n != 0 {
		t.Errorf("%d are counted as asleep", n)
	}
}

// TestTokens: tokens are put into words and taken by sleepers that lose their patience
// at random. Whoever gives up passes a wake on, as a lock does; no token stays with
// somebody asleep beside it.
func TestTokens(t *testing.T) {
	eachWay(t, func(t *testing.T, r room) {
		const words, takers, tokens = 40, 2, 60
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		var producers, consumers sync.WaitGroup
		var taken, gaveUp atomic.Int64
		for i := range words {
			word, off := r.bell(i)
			producers.Go(func() {
				for range tokens {
					word.Add(1)
					r.Wake(word, 1)
					runtime.Gosched()
				}
			})
			for j := range takers {
				random := rand.New(rand.NewPCG(seed, uint64(i*takers+j)))
				consumers.Go(func() {
					for n := 0; n < tokens/takers; {
						if w := word.Load(); w > 0 {
							if word.CompareAndSwap(w, w-1) {
								n++
								taken.Add(1)
							}
							continue
						}
						ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(300_000)))
						if err := r.Block(ctx, word, off, 0, r.Epoch(), never); err != nil {
							gaveUp.Add(1)
							if word.Load() > 0 {
								r.Wake(word, 1)
							}
						}
						cancel()
					}
				})
			}
		}
		producers.Wait()
		consumers.Wait()
		if taken.Load() != words*tokens {
			t.Errorf("%d tokens, want %d", taken.Load(), words*tokens)
		}
		t.Logf("gave up %d times", gaveUp.Load())
		for i := range words {
			word, _ := r.bell(i)
			if n := word.Load(); n != 0 {
				t.Errorf("%d tokens are left in word %d", n, i)
			}
		}
		r.wantNoPollers(t)
	})
}
