package queue_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/queue"
)

type point struct{ X, Y int32 }

type named struct {
	Name string
	Tags []string
	At   point
}

// passes puts items through a queue of one, of three and of many, and compares.
func passes[T any](t *testing.T, equal func(a, b T) bool, items ...T) {
	t.Helper()
	ctx := modetest.Patient(t)
	for _, capacity := range []int{1, 3, 1000} {
		q := newQueue[T](t, queue.Options{Capacity: capacity})
		for round := range 5 {
			k := min(capacity, len(items))
			for i := range k {
				if err := q.Put(ctx, items[(round+i)%len(items)]); err != nil {
					t.Fatal(err)
				}
			}
			if q.Len() != k {
				t.Fatalf("Len %d after %d items", q.Len(), k)
			}
			for i := range k {
				want := items[(round+i)%len(items)]
				if got, err := q.Get(ctx); err != nil || !equal(got, want) {
					t.Fatalf("got %v, %v; want %v", got, err, want)
				}
			}
		}
		if _, err := q.TryGet(); !errors.Is(err, queue.ErrEmpty) {
			t.Fatalf("TryGet of an empty queue: %v", err)
		}
	}
}

func same[T comparable](a, b T) bool { return a == b }

func TestKindsOfItems(t *testing.T) {
	passes(t, same[int64], 1, -2, 3, 1<<62)
	passes(t, same[bool], true, false, true)
	passes(t, same[struct{}], struct{}{}, struct{}{})
	passes(t, same[point], point{1, 2}, point{-3, 4}, point{})
	passes(t, same[[3]byte], [3]byte{1, 2, 3}, [3]byte{4}, [3]byte{})
	passes(t, same[string], "", "a", strings.Repeat("long", 300), strings.Repeat("longer", 30000))
	passes(t, same[[5000]byte], [5000]byte{4999: 1}, [5000]byte{1: 2})
	passes(t, func(a, b []byte) bool { return string(a) == string(b) && (a == nil) == (b == nil) },
		nil, []byte{}, []byte("x"), make([]byte, 2048), make([]byte, 2049), make([]byte, 1<<20))
	passes(t, func(a, b named) bool { return a.Name == b.Name && slices.Equal(a.Tags, b.Tags) && a.At == b.At },
		named{}, named{"n", []string{"a", ""}, point{1, 2}}, named{Name: strings.Repeat("big", 10000)})
	passes(t, func(a, b *point) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }, nil, &point{1, 2})
}

type relay struct {
	In  *queue.Queue[int64]
	Out *queue.Queue[int64]
}

var relayer = multiproc.Proc("relay", func(ctx context.Context, j relay) error {
	for v, err := range j.In.All(ctx) {
		if err != nil {
			return err
		}
		if err := j.Out.Put(ctx, v+1); err != nil {
			return err
		}
	}
	return nil
})

func TestThroughProcess(t *testing.T) {
	ctx := modetest.Patient(t)
	in, out := newQueue[int64](t, queue.Options{Capacity: 7}), newQueue[int64](t, queue.Options{Capacity: 3})
	p, err := multiproc.Start(ctx, relayer.With(relay{in, out}))
	if err != nil {
		t.Fatal(err)
	}
	const n = 20000
	go func() {
		for i := range int64(n) {
			if err := in.Put(ctx, i); err != nil {
				t.Error(err)
				return
			}
		}
		if err := in.Drain(); err != nil {
			t.Error(err)
		}
	}()
	for i := range int64(n) {
		if v, err := out.Get(ctx); err != nil || v != i+1 {
			t.Fatalf("got %d, %v; want %d", v, err, i+1)
		}
	}
	if err := p.Wait(ctx); err != nil {
		t.Fatal(err)
	}
}

// TestBytesAreOnesOwn: items whose memory is cut from one piece are each its taker's alone.
func TestBytesAreOnesOwn(t *testing.T) {
	q := newQueue[[]byte](t, queue.Options{})
	const takers, each = 4, 50
	size := func(i int) int { return []int{1000, 1024, 2048, 600}[i/25%4] }
	got := make([][]byte, takers*each)
	var all sync.WaitGroup
	for taker := range takers {
		all.Go(func() {
			for i := range each {
				b, err := q.Get(modetest.Patient(t))
				if err != nil {
					t.Error(err)
					return
				}
				got[taker*each+i] = append(b, "and more"...)
			}
		})
	}
	for i := range takers * each {
		if err := q.Put(modetest.Patient(t), bytes.Repeat([]byte{byte(i)}, size(i))); err != nil {
			t.Fatal(err)
		}
	}
	if all.Wait(); t.Failed() {
		return
	}
	var seen [takers * each]bool
	for _, b := range got {
		i := int(b[0])
		if seen[i] || !bytes.Equal(b, append(bytes.Repeat([]byte{byte(i)}, size(i)), "and more"...)) {
			t.Errorf("item %d is not what was put, or came twice", i)
		}
		seen[i] = true
	}
}
