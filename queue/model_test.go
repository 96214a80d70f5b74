package queue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/queue"
)

// A kind is what a model has to know of a type of items.
type kind[T any] struct {
	name  string
	item  func(rnd *rand.Rand, id int) T
	equal func(a, b T) bool
	size  func(T) int // in bytes; nil: they lie in slots
	// What only queues of bytes can.
	reserve  func(context.Context, *queue.Queue[T], int) (*queue.Reservation, error)
	peek     func(context.Context, *queue.Queue[T]) (T, int, *queue.View, error)
	reserved func([]byte) T
	append   func(ctx context.Context, q *queue.Queue[T], like T) (T, error)
}

// A spot is a message as the model knows it.
type spot[T any] struct {
	v          T
	pos        uint32 // the how manieth that was put
	deliveries int
	words      uint32 // of the ring, what was passed over before it included
	big        int    // bytes that it takes of the budget; 0: it is in the ring
	end, back  func() error
}

// A model is a queue as a slice would be one, with what is allowed to happen at the queue itself. Nobody else uses it, so
// the outcome of everything is known but one thing: when the budget has room for a large item.
type model[T any] struct {
	t       *testing.T
	rnd     *rand.Rand
	k       kind[T]
	o       queue.Options
	handles []*queue.JoinableQueue[T]
	log     []string

	ring, returned, held []*spot[T]
	drafts               []draft
	over                 *queue.Reservation // that was committed or aborted last
	put, done            uint32
	head, tail           uint32 // in words
	drained              bool
	ids                  int
}

type draft struct {
	r *queue.Reservation
	n int // bytes of the budget
}

func (m *model[T]) fail(format string, args ...any) {
	m.t.Helper()
	from := max(len(m.log)-30, 0)
	for _, l := range m.log[from:] {
		m.t.Log(l)
	}
	m.t.Fatalf(format, args...)
}

func (m *model[T]) note(format string, args ...any) {
	m.log = append(m.log, fmt.Sprintf(format, args...))
}

// want checks the error of an operation.
func (m *model[T]) want(err, want error, format string, args ...any) {
	m.t.Helper()
	m.note(format+": %v", append(args, err)...)
	if !errors.Is(err, want) || want == nil && err != nil {
		m.fail(format+": %v, want %v", append(args, err, want)...)
	}
}

func (m *model[T]) q() *queue.JoinableQueue[T] { return m.handles[m.rnd.IntN(len(m.handles))] }

// words is the length of the ring, in words; 0 for slots.
func (m *model[T]) words() uint32 {
	if m.k.size == nil {
		return 0
	}
	n := max(uint64(1)<<bits.Len64(uint64(m.o.Capacity)*256-1), 4<<10)
	return uint32(min(n, max(uint64(1)<<(bits.Len64(uint64(m.o.Bytes))-1), 4<<10)) / 8)
}

func (m *model[T]) inline() int { return int(min(2048, m.words()*8/4)) }

// fits is the room that a record of that many words takes, if there is any.
func (m *model[T]) fits(words uint32) (takes uint32, ok bool) {
	if len(m.ring) >= m.o.Capacity {
		return 0, false
	}
	all := m.words()
	if all == 0 {
		return 0, true
	}
	if left := all - m.tail%all; words > left {
		words += left
	}
	return words, words <= all-(m.tail-m.head)
}

func (m *model[T]) wordsOf(v T) uint32 {
	if m.k.size == nil {
		return 0
	}
	return 1 + uint32(m.k.size(v)+7)/8
}

func (m *model[T]) isBig(v T) bool { return m.k.size != nil && m.k.size(v) > m.inline() }

// bigs is what the budget has to pay for.
func (m *model[T]) bigs() (number, sum int) {
	add := func(n int) {
		if n > 0 {
			number, sum = number+1, sum+n
		}
	}
	for _, list := range [][]*spot[T]{m.ring, m.returned, m.held} {
		for _, s := range list {
			add(s.big)
		}
	}
	for _, d := range m.drafts {
		add(d.n)
	}
	return number, sum
}

// leases is how many cells small messages take that are held or were.
func (m *model[T]) leases() (n int) {
	for _, s := range slices.Concat(m.held, m.returned) {
		if s.big == 0 {
			n++
		}
	}
	return n
}

// roomForBig says what can be said of a try to get room for n bytes, which failed or did not.
func (m *model[T]) roomForBig(n int, got bool) {
	number, sum := m.bigs()
	switch {
	case got && (number >= 64 || int64(sum+n) > m.o.Bytes*3/2): // blocks are a little larger than what they are for
		m.fail("room for %d bytes more, with %d messages of %d bytes and a budget of %d", n, number, sum, m.o.Bytes)
	case !got && number == 0:
		m.fail("no room for %d bytes, with nothing there and a budget of %d", n, m.o.Bytes)
	}
}

func (m *model[T]) taskDone() {
	var want error
	if m.done == m.put {
		want = queue.ErrTaskDone
	}
	m.want(m.q().TaskDone(), want, "TaskDone")
	if want == nil {
		m.done++
	}
}

func (m *model[T]) join() {
	if m.done == m.put {
		m.want(m.q().Join(modetest.Patient(m.t)), nil, "Join")
	} else {
		m.want(m.q().Join(modetest.Ended()), context.Canceled, "Join")
	}
}

// pass makes another handle of one that there is.
func (m *model[T]) pass() {
	b, err := m.q().MarshalBinary()
	m.want(err, nil, "MarshalBinary")
	q := new(queue.JoinableQueue[T])
	m.want(q.UnmarshalBinary(b), nil, "UnmarshalBinary")
	if len(m.handles) < 3 {
		m.handles = append(m.handles, q)
	} else {
		m.handles[1+m.rnd.IntN(2)] = q
	}
}

func (m *model[T]) drain() {
	if m.rnd.IntN(200) != 0 {
		return
	}
	var want error
	if m.drained {
		want = queue.ErrClosed
	}
	m.want(m.q().Drain(), want, "Drain")
	m.drained = true
}

// look compares what the queue says of itself.
func (m *model[T]) look() {
	q := m.q()
	if n := q.Len(); n != len(m.ring)+len(m.returned) {
		m.fail("Len is %d, want %d and %d that were given back", n, len(m.ring), len(m.returned))
	}
	if n, err := q.Unfinished(); err != nil || uint32(n) != m.put-m.done {
		m.fail("%d unfinished, %v; want %d", n, err, m.put-m.done)
	}
}

// close ends the queue and checks that everything says so.
func (m *model[T]) close() {
	m.want(m.q().Close(), nil, "Close")
	for _, q := range m.handles {
		ctx := modetest.Patient(m.t)
		_, get := q.Get(ctx)
		_, tryGet := q.TryGet()
		_, lease := q.GetLease(ctx)
		_, batch := q.GetBatch(ctx, make([]T, 2))
		_, putBatch := q.PutBatch(ctx, make([]T, 2))
		_, unfinished := q.Unfinished()
		_, marshal := q.MarshalBinary()
		for i, err := range []error{
			get, tryGet, lease, batch, putBatch, unfinished, marshal, q.Put(ctx, m.item()), q.TryPut(m.item()), q.Drain(), q.Close(), q.Join(ctx), q.TaskDone(),
		} {
			m.want(err, queue.ErrClosed, "operation %d after Close", i)
		}
		if q.Len() != 0 {
			m.fail("Len %d after Close", q.Len())
		}
	}
	for _, s := range m.held {
		m.want(s.end(), queue.ErrClosed, "Ack after Close")
		m.want(s.back(), queue.ErrClosed, "Nack after Close")
	}
	for _, d := range m.drafts {
		m.want(d.r.Commit(modetest.Ended()), queue.ErrClosed, "Commit after Close")
		m.want(d.r.Abort(), queue.ErrClosed, "Abort after Close")
	}
}

// step does one thing: rather in than out, or the other way round.
func (m *model[T]) step(filling bool) {
	in, out := []func(){m.putOne, m.putOne, m.putBatch, m.reserve, m.commit}, []func(){m.getOne, m.getOne, m.getBatch, m.all, m.lease, m.settle}
	others := []func(){m.lease, m.settle, m.taskDone, m.join, m.pass, m.drain, m.tooLarge, m.again}
	if !filling {
		in, out = out, in
	}
	switch n := m.rnd.IntN(10); {
	case n < 6:
		in[m.rnd.IntN(len(in))]()
	case n < 8:
		out[m.rnd.IntN(len(out))]()
	default:
		others[m.rnd.IntN(len(others))]()
	}
}

// against lets a queue and its model do the same things; the counters of the queue begin at start.
func against[T any](t *testing.T, k kind[T], start uint64, steps int) {
	seed := rand.Uint64()
	m := &model[T]{t: t, rnd: rand.New(rand.NewPCG(seed, 7)), k: k}
	m.o = queue.Options{
		Capacity: []int{1, 1, 2, 3, 5, 8, 100}[m.rnd.IntN(7)], Leases: 1 + m.rnd.IntN(4), Bytes: int64(4<<10 + m.rnd.IntN(60<<10)), Spin: -1,
	}
	defer func() {
		if t.Failed() {
			t.Logf("seed %d, %s, %+v, counters from %#x", seed, k.name, m.o, start)
		}
	}()
	q, err := queue.NewJoinable[T](m.o)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	m.handles = []*queue.JoinableQueue[T]{q}
	if k.size == nil {
		start &^= 1<<32 - 1 // slots are counted in the upper half only
	}
	age(t, q, start)
	m.put, m.done, m.tail, m.head = uint32(start>>32), uint32(start>>32), uint32(start), uint32(start)
	filling := false
	for range steps {
		if m.rnd.IntN(20) == 0 {
			filling = !filling
		}
		m.step(filling)
		m.look()
	}
	m.close()
}

var (
	numberKind = kind[int64]{
		name: "int64", equal: func(a, b int64) bool { return a == b },
		item: func(_ *rand.Rand, id int) int64 { return int64(id) },
	}
	bytesKind = kind[[]byte]{
		name: "bytes", equal: func(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) },
		item: func(rnd *rand.Rand, id int) []byte {
			n := rnd.IntN(300)
			switch rnd.IntN(8) {
			case 0:
				return nil
			case 1:
				n = rnd.IntN(4000)
			case 2:
				n = 0
			}
			return bytes.Repeat([]byte{byte(id)}, n)
		},
		size:     func(b []byte) int { return len(b) },
		reserve:  queue.Reserve,
		reserved: bytes.Clone,
		append: func(ctx context.Context, q *queue.Queue[[]byte], like []byte) ([]byte, error) {
			b, err := queue.GetAppend(ctx, q, []byte("before"))
			b, found := bytes.CutPrefix(b, []byte("before"))
			if !found && err == nil {
				err = errors.New("what was in the buffer is not there any more")
			}
			if len(b) == 0 {
				b = like[:0] // it does not tell nil from empty
			}
			return b, err
		},
		peek: func(ctx context.Context, q *queue.Queue[[]byte]) ([]byte, int, *queue.View, error) {
			v, err := queue.Peek(ctx, q)
			if err != nil {
				return nil, 0, nil, err
			}
			return bytes.Clone(v.Bytes()), v.Deliveries, v, nil
		},
	}
	textKind = kind[string]{
		name: "string", equal: func(a, b string) bool { return a == b },
		item: func(rnd *rand.Rand, id int) string { return string(bytesKind.item(rnd, id)) },
		size: func(s string) int { return len(s) },
	}
)

// TestAgainstModel: whatever is done to a queue in whatever order, it does what a slice would have done; also where its
// counters are about to wrap around, and where it has one place only.
func TestAgainstModel(t *testing.T) {
	rounds, steps := 30, 1500
	if testing.Short() {
		rounds = 5
	}
	for _, start := range []uint64{0, 0xffff_fff0_ffff_ff00, 0x7fff_fff0_7fff_ff00} {
		t.Run(fmt.Sprintf("%#x", start), func(t *testing.T) {
			for range rounds {
				against(t, numberKind, start, steps)
				against(t, bytesKind, start, steps)
				against(t, textKind, start, steps)
			}
		})
	}
}
