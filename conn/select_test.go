package conn_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/internal/wait"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/queue"
)

// A wake that is lost is a test that hangs.
var _ = os.Setenv(wait.EnvLastResort, "1h")

// A stall is one of each kind that Select waits for.
type stall struct {
	Pipe  *conn.Conn[string, string]
	Queue *queue.Queue[string]
	Joint *queue.JoinableQueue[int]
	Event *psync.Event
}

// newStall makes one for a child, and the other end of its pipe.
func newStall(t testing.TB) (s stall, ours *conn.Conn[string, string]) {
	t.Helper()
	ours, s.Pipe = newPipe[string, string](t)
	var err error
	fail := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	s.Queue, err = queue.New[string](queue.Options{Capacity: 4})
	fail(err)
	s.Joint, err = queue.NewJoinable[int](queue.Options{Capacity: 4})
	fail(err)
	s.Event, err = psync.NewEvent()
	fail(err)
	t.Cleanup(func() { s.Queue.Close(); s.Joint.Close(); s.Event.Close() })
	return s, ours
}

// look is Select without waiting.
func look(t testing.TB, from ...conn.Waitable) []conn.Waitable {
	t.Helper()
	ready, err := conn.Select(modetest.Ended(), from...)
	if err != nil && (err != context.Canceled || len(ready) > 0) {
		t.Fatalf("%v, %v", ready, err)
	}
	return ready
}

func wantReady(t testing.TB, what string, got []conn.Waitable, want ...conn.Waitable) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v ready, want %v", what, got, want)
	}
}

// TestSelectLooks: what is ready, of what is ready at once, in the order given.
func TestSelectLooks(t *testing.T) {
	ctx := modetest.Patient(t)
	s, ours := newStall(t)
	x, y := pair(t)
	c := begin(t, leave, job{To: mustPipe(t), Wait: true})
	all := []conn.Waitable{c, s.Event, s.Queue, x, s.Joint, ours}
	wantReady(t, "nothing", look(t, all...))
	wantReady(t, "nothing at all", look(t))

	if err := errors.Join(s.Queue.Put(ctx, "a"), s.Event.Set()); err != nil {
		t.Fatal(err)
	}
	wantReady(t, "two", look(t, all...), s.Event, s.Queue)
	wantReady(t, "twice", look(t, s.Queue, x, s.Queue), s.Queue, s.Queue)
	if err := errors.Join(s.Joint.Put(ctx, 1), y.Send(ctx, []byte("m")), s.Pipe.Send(ctx, "m")); err != nil {
		t.Fatal(err)
	}
	c.Kill()
	<-c.Done()
	for range 2 { // nothing is taken away
		ready, err := conn.Select(ctx, all...)
		if err != nil {
			t.Fatal(err)
		}
		wantReady(t, "all", ready, all...)
	}
	if _, err := s.Queue.Get(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := ours.Recv(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.Event.Clear(); err != nil {
		t.Fatal(err)
	}
	wantReady(t, "three", look(t, all...), c, x, s.Joint)
	// The ends of things are ready.
	s.Pipe.Close()
	s.Event.Close()
	if err := s.Queue.Drain(); err != nil {
		t.Fatal(err)
	}
	wantReady(t, "ends", look(t, s.Event, s.Queue, ours, s.Pipe), s.Event, s.Queue, ours, s.Pipe)
	s.Queue.Close()
	x.Close()
	wantReady(t, "closed", look(t, s.Queue, x), s.Queue, x)
	zeroes := []conn.Waitable{new(conn.Conn[int, int]), new(queue.Queue[int]), new(psync.Event)}
	wantReady(t, "zero values", look(t, zeroes...), zeroes...)
}

func mustPipe(t testing.TB) *conn.Conn[string, string] {
	_, b := newPipe[string, string](t)
	return b
}

// do does what the messages say, and is killed or fails in the end.
var do = multiproc.Proc("do", func(ctx context.Context, s stall) error {
	for {
		what, err := s.Pipe.Recv(ctx)
		if err != nil {
			return err
		}
		switch what {
		case "put":
			err = s.Queue.Put(ctx, what)
		case "join":
			err = s.Joint.Put(ctx, 1)
		case "drain":
			err = s.Queue.Drain()
		case "close":
			err = s.Joint.Close()
		case "event":
			err = s.Event.Set()
		case "event closed":
			err = s.Event.Close()
		case "send":
			err = s.Pipe.Send(ctx, what)
		case "end":
			return s.Pipe.Close()
		}
		if err != nil {
			return err
		}
	}
})

// TestSelectWaits: whatever happens in another process ends it.
func TestSelectWaits(t *testing.T) {
	ctx := modetest.Patient(t)
	for _, what := range []string{"put", "join", "drain", "close", "event", "event closed", "send", "end", "kill"} {
		s, ours := newStall(t)
		c := begin(t, do, s)
		all := []conn.Waitable{s.Queue, s.Joint, s.Event, ours}
		want := map[string]conn.Waitable{"put": s.Queue, "join": s.Joint, "drain": s.Queue, "close": s.Joint, "event": s.Event, "event closed": s.Event,
			"send": ours, "end": ours, "kill": ours}[what]
		got := selecting(ctx, all...)
		select {
		case r := <-got:
			t.Fatalf("%s: %v, %v too early", what, r.ready, r.err)
		case <-time.After(10 * time.Millisecond): // most often it sleeps by now
		}
		if what == "kill" {
			c.Kill()
		} else if err := ours.Send(ctx, what); err != nil {
			t.Fatal(err)
		}
		r := modetest.Receive(t, got, "end of Select")
		if r.err != nil {
			t.Fatal(r.err)
		}
		wantReady(t, what, r.ready, want)
		if want == ours {
			s, err := ours.Recv(ctx)
			if (err != nil || s != what) && (err != io.EOF || what == "send") {
				t.Errorf("%s: %q, %v", what, s, err)
			}
		}
		ours.Close()
		if ready, err := conn.Select(ctx, c); err != nil || c.Alive() {
			t.Errorf("%v, %v, %v", ready, err, c)
		}
	}
}

type selected struct {
	ready []conn.Waitable
	err   error
}

// selecting runs Select.
func selecting(ctx context.Context, from ...conn.Waitable) chan selected {
	c := make(chan selected, 1)
	go func() {
		ready, err := conn.Select(ctx, from...)
		c <- selected{ready, err}
	}()
	return c
}

// TestSelectEnds with its context, with nothing lost and nothing left behind.
func TestSelectEnds(t *testing.T) {
	s, ours := newStall(t)
	x, y := pair(t)
	c := begin(t, answer, job{To: s.Pipe})
	before := runtime.NumGoroutine()
	for i := range 50 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*20*time.Microsecond)
		ready, err := conn.Select(ctx, ours, s.Queue, s.Joint, s.Event, x, c)
		cancel()
		if len(ready) > 0 || err != context.DeadlineExceeded {
			t.Fatalf("%v, %v", ready, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	got := selecting(ctx)
	cancel()
	if r := modetest.Receive(t, got, "end of Select of nothing"); r.err != context.Canceled {
		t.Error(r.err)
	}
	patient := modetest.Patient(t)
	if err := errors.Join(ours.Send(patient, "x"), y.Send(patient, []byte("y")), s.Queue.Put(patient, "z")); err != nil {
		t.Fatal(err)
	}
	if m, err := ours.Recv(patient); m != "re: x" || err != nil {
		t.Errorf("%q, %v", m, err)
	}
	if m, err := x.Recv(patient); string(m) != "y" || err != nil {
		t.Errorf("%q, %v", m, err)
	}
	for deadline := time.Now().Add(modetest.Watchdog); runtime.NumGoroutine() > before+5; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) { // what a context has started may still be on its way out
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

// awaited is a Waitable that fails.
type awaited struct{ err error }

func (a awaited) WaitReady(context.Context) error { return a.err }

func TestSelectErrors(t *testing.T) {
	ctx := modetest.Patient(t)
	s, _ := newStall(t)
	broken := errors.New("broken")
	for _, from := range [][]conn.Waitable{{awaited{broken}}, {s.Event, awaited{broken}}} {
		ready, err := conn.Select(ctx, from...)
		if !errors.Is(err, broken) || ready != nil {
			t.Errorf("%v, %v", ready, err)
		}
	}
	x, y := pair(t)
	if err := x.Block(); err != nil {
		t.Skip("NOT RUN: no connection blocks here:", err)
	}
	_, err := conn.Select(ctx, s.Event, x)
	wantErr(t, "a blocking connection", err, errors.ErrUnsupported)
	if err := y.Send(ctx, []byte("m")); err != nil {
		t.Fatal(err)
	}
	wantReady(t, "a blocking connection", look(t, s.Event, x), x)
	if m, err := x.Recv(ctx); string(m) != "m" || err != nil {
		t.Errorf("%q, %v", m, err)
	}
}

// TestSelectOfStream: one that cannot be looked at without reading.
func TestSelectOfStream(t *testing.T) {
	ctx := modetest.Patient(t)
	x, y := net.Pipe()
	a, b := conn.NewFramed(x), conn.NewFramed(y)
	defer a.Close()
	s, _ := newStall(t)
	got := selecting(ctx, a, s.Event)
	sent := make(chan error, 1)
	go func() { sent <- errors.Join(b.Send(ctx, []byte("message")), b.Close()) }()
	r := modetest.Receive(t, got, "end of Select")
	wantReady(t, "a stream", r.ready, a)
	if m, err := a.Recv(ctx); string(m) != "message" || err != nil {
		t.Errorf("%q, %v, %v", m, err, r.err)
	}
	if err := modetest.Receive(t, sent, "end of Send"); err != nil {
		t.Error(err)
	}
}

// TestSelectPassesWakesOn: a Select that is woken and takes nothing leaves nobody asleep who would take. Here nothing but a
// wake ends a sleep, and each item wakes one.
func TestSelectPassesWakesOn(t *testing.T) {
	q, err := queue.New[int](queue.Options{Capacity: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	over, err := psync.NewEvent()
	if err != nil {
		t.Fatal(err)
	}
	defer over.Close()
	w := watched{q, over}
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	ctx, cancel := context.WithCancel(modetest.Patient(t))
	defer cancel()
	watchers := []*multiproc.Call[int]{begin(t, watch, w), begin(t, watch, w)}
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() { _, _ = watching(ctx, w) })
	}
	const items = 300
	got := make(chan int, items)
	takers := []*multiproc.Call[int]{begin(t, take, q), begin(t, take, q)}
	all.Go(func() {
		for {
			v, err := q.Get(ctx)
			if err != nil {
				return
			}
			got <- v
		}
	})
	for i := range items {
		if err := q.Put(ctx, i); err != nil {
			t.Fatal(err)
		}
		// Then all but some have the time to fall asleep again.
		if random.IntN(3) == 0 {
			time.Sleep(time.Duration(random.IntN(300)) * time.Microsecond)
		}
	}
	for q.Len() > 0 {
		time.Sleep(time.Millisecond)
		if ctx.Err() != nil {
			t.Fatal("an item is left, and nobody takes it")
		}
	}
	if err := errors.Join(over.Set(), q.Drain()); err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, c := range takers {
		sum += succeeded(t, c)
	}
	for _, c := range watchers {
		succeeded(t, c)
	}
	all.Wait()
	if sum += len(got); sum != items {
		t.Errorf("%d items of %d", sum, items)
	}
}

type watched struct {
	Q    *queue.Queue[int]
	Over *psync.Event
}

// watch only looks at a queue, until it is over.
var watch = multiproc.Func("watch", watching)

func watching(ctx context.Context, w watched) (looks int, err error) {
	for {
		ready, err := conn.Select(ctx, w.Q, w.Over)
		if err != nil || w.Over.IsSet() {
			return looks, err
		}
		if !slices.Contains(ready, conn.Waitable(w.Q)) {
			return looks, errors.New("ready, and nothing is")
		}
		looks++
		for w.Q.Len() > 0 && !w.Over.IsSet() {
			runtime.Gosched() // and look again when a taker has come
		}
	}
}

// take takes items, until the queue is drained.
var take = multiproc.Func("take", func(ctx context.Context, q *queue.Queue[int]) (n int, err error) {
	for _, err := range q.All(ctx) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
})
