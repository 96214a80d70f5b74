package manager_test

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/manager"
)

// TestReferenceStorm has goroutines get and close the same nested proxies: the last of them gives the reference back
// while the next one takes it.
func TestReferenceStorm(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		const goroutines, rounds, lists = 6, 25, 3
		before := must(c.Objects(ctx))(t)
		d := must(manager.NewDict[string, *manager.List[int]](ctx, c))(t)
		for i := range lists {
			l := must(manager.NewList[int](ctx, c))(t)
			ok(t, d.Set(ctx, strconv.Itoa(i), l))
			ok(t, l.Close())
		}
		var wait sync.WaitGroup
		for g := range goroutines {
			random := rand.New(rand.NewPCG(seed, uint64(g)))
			wait.Go(func() {
				for range rounds {
					key := strconv.Itoa(random.IntN(lists))
					l, err := d.Get(ctx, key)
					if err != nil {
						t.Error(err)
						return
					}
					if err := l.Append(ctx, g); err != nil {
						t.Errorf("list %s: %v", key, err)
						return
					}
					if random.IntN(4) == 0 { // the old reference of the dict goes, the new one comes
						if err := d.Set(ctx, key, l); err != nil {
							t.Error(err)
						}
					}
					if err := l.Close(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wait.Wait()
		total := 0
		for i := range lists {
			l := must(d.Get(ctx, strconv.Itoa(i)))(t)
			total += must(l.Len(ctx))(t)
			ok(t, l.Close())
		}
		if total != goroutines*rounds {
			t.Errorf("%d numbers, want %d", total, goroutines*rounds)
		}
		ok(t, d.Close())
		if n := must(c.Objects(ctx))(t); n != before {
			t.Errorf("%d objects are counted, %d were before", n, before)
		}
	})
}
