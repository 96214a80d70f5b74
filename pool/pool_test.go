package pool_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/pool"
	"github.com/multiproc-go/multiproc/shm"
)

func numbers(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

func TestMap(t *testing.T) {
	for _, chunk := range []int{0, 1, 7, 100000} {
		t.Run(fmt.Sprint("chunk ", chunk), func(t *testing.T) {
			p := newPool(t, pool.Options{Workers: 3, Chunk: chunk})
			for _, n := range []int{0, 1, 10, 5000} {
				got, err := pool.Map(modetest.Patient(t), p, square, numbers(n))
				if err != nil || len(got) != n {
					t.Fatal(len(got), err)
				}
				for i, r := range got {
					if r != i*i {
						t.Fatalf("result %d is %d", i, r)
					}
				}
			}
			if s := p.Stats(); s.Done != 5011 || s.Queued+s.Running+s.Failed+s.Retried != 0 || len(s.Workers) != 3 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestMapOfStructsAndBytes(t *testing.T) {
	p := newPool(t, pool.Options{Workers: 2})
	in := []point{{1, 2, "a", nil}, {3, 4, "", []string{}}, {5, 6, "böx\x00", []string{"x", ""}}}
	got, err := pool.Map(modetest.Patient(t), p, mirror, in)
	if err != nil {
		t.Fatal(err)
	}
	for i := range in {
		in[i].X, in[i].Y = in[i].Y, in[i].X
	}
	if !reflect.DeepEqual(got, in) {
		t.Errorf("%+v, want %+v", got, in)
	}
	var bs [][]byte
	for _, n := range []int{0, 1, 2047, 2048, 65535, 65536, 1 << 20, 5 << 20} {
		bs = append(bs, bytes.Repeat([]byte{byte(n)}, n))
	}
	bs = append(bs, nil)
	back, err := pool.Map(modetest.Patient(t), p, echo, bs)
	if err != nil || !reflect.DeepEqual(back, bs) {
		t.Errorf("bytes: %v", err)
	}
}

func TestMapSeq(t *testing.T) {
	p := newPool(t, pool.Options{Workers: 3})
	i := 0
	for r, err := range pool.MapSeq(modetest.Patient(t), p, square, slices.Values(numbers(3000))) {
		if err != nil || r != i*i {
			t.Fatalf("%d: %d, %v", i, r, err)
		}
		i++
	}
	if i != 3000 {
		t.Errorf("%d results", i)
	}
}

func TestMapUnordered(t *testing.T) {
	p := newPool(t, pool.Options{Workers: 3})
	seen := map[int]int{}
	odd := 0
	for r, err := range pool.MapUnordered(modetest.Patient(t), p, halve, slices.Values(numbers(3000))) {
		if err == nil {
			seen[r]++
			continue
		}
		item, ok := errors.AsType[*pool.ItemError](err)
		child, isChild := errors.AsType[*multiproc.ChildError](err)
		if !ok || item.Index%2 != 1 || !errors.Is(err, errOdd) || !isChild || !strings.HasPrefix(child.Name, "pool-") {
			t.Fatalf("%T %v", err, err)
		}
		odd++
	}
	if len(seen) != 1500 || odd != 1500 {
		t.Errorf("%d results, %d errors", len(seen), odd)
	}
}

// endless counts what is drawn.
func endless(drawn *atomic.Int64) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; ; i++ {
			drawn.Add(1)
			if !yield(i) {
				return
			}
		}
	}
}

func TestBackPressure(t *testing.T) {
	p := newPool(t, pool.Options{Workers: 2, Chunk: 1})
	for name, form := range map[string]func(context.Context, *pool.Pool, *multiproc.Entry[int, int], iter.Seq[int]) iter.Seq2[int, error]{
		"ordered": pool.MapSeq[int, int], "unordered": pool.MapUnordered[int, int],
	} {
		t.Run(name, func(t *testing.T) {
			var drawn atomic.Int64
			n := int64(0)
			for _, err := range form(modetest.Patient(t), p, square, endless(&drawn)) {
				if err != nil {
					t.Fatal(err)
				}
				if n++; drawn.Load() > n+2*65+2 { // 64 chunks and one for each worker
					t.Fatalf("%d drawn for %d results", drawn.Load(), n)
				}
				if n == 2000 {
					break
				}
			}
			before := drawn.Load()
			if _, err := pool.Map(modetest.Patient(t), p, square, numbers(10)); err != nil {
				t.Error(err)
			}
			if drawn.Load() != before {
				t.Error("it goes on drawing after the loop")
			}
		})
	}
}

func TestMillionInConstantMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT RUN: takes seconds")
	}
	p := newPool(t, pool.Options{Workers: 2})
	var before, after runtime.MemStats
	n, sum, high := 0, 0, uint64(0)
	runtime.GC()
	runtime.ReadMemStats(&before)
	million := func(yield func(int) bool) {
		for i := range 1_000_000 {
			if !yield(i) {
				return
			}
		}
	}
	for r, err := range pool.MapSeq(modetest.Patient(t), p, square, million) {
		if err != nil {
			t.Fatal(err)
		}
		if sum += r % 1000; n%250_000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&after)
			high = max(high, after.HeapAlloc)
		}
		n++
	}
	if n != 1_000_000 {
		t.Errorf("%d results", n)
	}
	if high > before.HeapAlloc+64<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before.HeapAlloc, high)
	}
}

func TestPanicsOfTheLoop(t *testing.T) {
	p := newPool(t, pool.Options{Workers: 2})
	mustPanic := func(want any, f func()) {
		t.Helper()
		defer func() {
			if v := recover(); v != want {
				t.Errorf("recovered %v, want %v", v, want)
			}
		}()
		f()
	}
	mustPanic("body", func() {
		for range pool.MapSeq(modetest.Patient(t), p, square, slices.Values(numbers(1000))) {
			panic("body")
		}
	})
	mustPanic("inputs", func() {
		for range pool.MapUnordered(modetest.Patient(t), p, square, func(yield func(int) bool) { yield(1); panic("inputs") }) {
		}
	})
	if _, err := pool.Map(modetest.Patient(t), p, square, numbers(10)); err != nil {
		t.Error(err)
	}
}

func TestSubmit(t *testing.T) {
	p := newPool(t, pool.Options{Workers: 2})
	var futures []*pool.Future[int]
	for i := range 300 {
		futures = append(futures, pool.Submit(t.Context(), p, halve, i))
	}
	for i, f := range futures {
		for range 2 {
			r, err := f.Result(modetest.Patient(t))
			if i%2 == 0 && (err != nil || r != i/2) || i%2 == 1 && !errors.Is(err, errOdd) {
				t.Fatalf("%d: %d, %v", i, r, err)
			}
		}
	}
}

func TestFirst(t *testing.T) {
	p := newPool(t, pool.Options{Workers: 2, Worker: multiproc.Options{Grace: 100 * time.Millisecond}})
	begun := newValue(t)
	slow := pool.Submit(t.Context(), p, waits, begun)
	quick := pool.Submit(t.Context(), p, square, 3)
	if i, err := pool.First(modetest.Patient(t), slow, quick); i != 1 || err != nil {
		t.Error(i, err)
	}
	if i, err := pool.First(modetest.Ended(), slow); i != -1 || !errors.Is(err, context.Canceled) {
		t.Error(i, err)
	}
	if _, err := slow.Result(modetest.Ended()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	slow.Cancel()
	if _, err := slow.Result(modetest.Patient(t)); !errors.Is(err, pool.ErrCanceled) {
		t.Error(err)
	}
}

func TestErrorsOfOneTask(t *testing.T) {
	p := newPool(t, pool.Options{Workers: 1, Bytes: 1 << 20})
	if _, err := pool.Submit(t.Context(), p, farAway, multiproc.None{}).Result(modetest.Patient(t)); err == nil || !strings.Contains(err.Error(), "the result") {
		t.Error("a result that cannot travel:", err)
	}
	if _, err := pool.Submit(t.Context(), p, echo, make([]byte, 2<<20)).Result(modetest.Patient(t)); err == nil || !strings.Contains(err.Error(), "budget") {
		t.Error("an argument that is too large:", err)
	}
	if _, err := pool.Map(modetest.Patient(t), p, halve, []int{2, 4, 5, 6}); !errors.Is(err, errOdd) {
		t.Error(err)
	} else if item, ok := errors.AsType[*pool.ItemError](err); !ok || item.Index != 2 {
		t.Error(err)
	}
	if r, err := pool.Submit(t.Context(), p, square, 5).Result(modetest.Patient(t)); r != 25 || err != nil {
		t.Error(r, err)
	}
	if s := p.Stats(); s.Workers[0].Restarts != 0 {
		t.Errorf("a worker was replaced: %+v", s)
	}
}

func TestInit(t *testing.T) {
	v := newValue(t)
	newPool(t, pool.Options{Workers: 3, Init: initOK.With(v)})
	if shm.Add(v, 0) != 3 {
		t.Errorf("%d workers were set up", shm.Add(v, 0))
	}
	_, err := pool.New(t.Context(), pool.Options{Workers: 3, Init: initFail.With("x")})
	if !errors.Is(err, pool.ErrInit) || !errors.Is(err, errOdd) {
		t.Error(err)
	}
}

// TestInitHangs: New waits for workers that hang before they are ready, but no longer than ctx and their grace time.
func TestInitHangs(t *testing.T) {
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	begun, end := newValue(t), newValue(t)
	go func() {
		for shm.Add(begun, 0) < 2 {
			time.Sleep(time.Millisecond)
		}
		cancel(why)
	}()
	_, err := pool.New(ctx, pool.Options{Workers: 2, Init: initHangs.With(stubbornness{begun, end}), Worker: multiproc.Options{Grace: 20 * time.Millisecond}})
	if !errors.Is(err, why) {
		t.Error(err)
	}
	shm.Add(end, 1) // for goroutines, which nothing ends
}

func TestOptions(t *testing.T) {
	for name, o := range map[string]pool.Options{
		"Workers": {Workers: -1}, "Spares": {Spares: 1001}, "Chunk": {Chunk: -1}, "Retry": {Retry: -1}, "Bytes": {Bytes: -1},
		"MaxTasksPerWorker": {MaxTasksPerWorker: -1}, "TaskTimeout": {TaskTimeout: -1}, "Worker": {Worker: multiproc.Options{Name: "x"}},
	} {
		if _, err := pool.New(t.Context(), o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := pool.New(modetest.Ended(), pool.Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestSpares: when the only worker dies, a spare that has run no task takes its place, and it was there before if it was to be.
func TestSpares(t *testing.T) {
	for spares, first := range map[int]int64{-1: 1, 0: 1, 1: 2} {
		up := newValue(t)
		p := newPool(t, pool.Options{Workers: 1, Spares: spares, Init: initOK.With(up)})
		await(t, up, first)
		if _, err := pool.Submit(t.Context(), p, panics, "").Result(modetest.Patient(t)); !errors.Is(err, pool.ErrWorkerDied) {
			t.Error(err)
		}
		if r, err := pool.Submit(t.Context(), p, square, 3).Result(modetest.Patient(t)); r != 9 || err != nil {
			t.Error(r, err)
		}
		want := first + 1
		if spares == 0 {
			want++ // from now on there is one
		}
		await(t, up, want)
		p.Close()
		if err := p.Wait(modetest.Patient(t)); err != nil {
			t.Error(err)
		}
		if n := shm.Add(up, 0); n != want {
			t.Errorf("Spares %d: %d workers were set up, want %d", spares, n, want)
		}
	}
}

func TestMaxTasksPerWorker(t *testing.T) {
	p := newPool(t, pool.Options{Workers: 2, MaxTasksPerWorker: 3})
	names := map[string]int{}
	for r, err := range pool.MapUnordered(modetest.Patient(t), p, whoami, slices.Values(make([]multiproc.None, 30))) {
		if err != nil {
			t.Fatal(err)
		}
		names[r]++
	}
	for name, n := range names {
		if n > 3 {
			t.Errorf("%s has run %d tasks", name, n)
		}
	}
	if len(names) < 10 {
		t.Errorf("%v", names)
	}
}

func TestProgress(t *testing.T) {
	var mu sync.Mutex
	var last pool.Stats
	p, err := pool.New(t.Context(), pool.Options{Workers: 2, Progress: func(s pool.Stats) {
		mu.Lock()
		defer mu.Unlock()
		last = s
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Map(modetest.Patient(t), p, square, numbers(100)); err != nil {
		t.Error(err)
	}
	p.Close()
	if err := p.Wait(modetest.Patient(t)); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if last.Done != 100 {
		t.Errorf("%+v", last)
	}
}
