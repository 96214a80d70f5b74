package pool

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func someArgs(t *testing.T, sizes []int) []byte {
	t.Helper()
	var b []byte
	for i, n := range sizes {
		var err error
		b, err = sized(b, func(b []byte) ([]byte, error) { return append(b, bytes.Repeat([]byte{byte(i)}, n)...), nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// TestBatch: however a batch is cut, the parts are the whole.
func TestBatch(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		sizes := make([]int, 1+r.IntN(20))
		for i := range sizes {
			sizes[i] = r.IntN(10)
			if r.IntN(4) == 0 {
				sizes[i] = r.IntN(40000)
			}
		}
		whole := &batch{index: 100, count: len(sizes), args: someArgs(t, sizes), number: 7}
		for next := 0; next < len(sizes); {
			if ended := r.IntN(whole.left()); r.IntN(3) == 0 {
				whole.ended = ended
				one := whole.one()
				if one.index != 100+next+ended || one.count != 1 || one.number != uint64(7+next+ended) || len(one.args) != argLen(one.args) {
					t.Fatalf("one: %+v", one)
				}
				next += ended
				whole.trim()
			}
			n, room := 1+r.IntN(5), r.IntN(50000)
			if r.IntN(4) == 0 {
				n, room = math.MaxInt, math.MaxInt
			}
			part := whole.cut(n, room)
			if part.index != 100+next || part.number != uint64(7+next) || part.count < 1 || part.count > n || part.count > 1 && len(part.args) > room {
				t.Fatalf("cut(%d, %d): %d, %d, %d tasks of %d bytes", n, room, part.index, part.number, part.count, len(part.args))
			}
			if !part.has(part.number) || part.has(part.number+uint64(part.count)) || part.has(part.number-1) {
				t.Fatal("has")
			}
			arg := reader{rest: part.args}
			for range part.count {
				if got := arg.bytes(); !bytes.Equal(got, bytes.Repeat([]byte{byte(next)}, sizes[next])) {
					t.Fatalf("argument %d has %d bytes", next, len(got))
				}
				next++
			}
			if arg.broken || len(arg.rest) > 0 || (part == whole) != (next == len(sizes)) {
				t.Fatal("more, or less, than the arguments")
			}
		}
	}
}

func TestSizedKeepsWhatWasThere(t *testing.T) {
	want := errors.New("no")
	b, err := sized([]byte("there"), func(b []byte) ([]byte, error) { return append(b, "half"...), want })
	if string(b) != "there" || err != want {
		t.Errorf("%q, %v", b, err)
	}
}

// TestPace: portions follow the time of tasks, and grow no faster than what has been seen.
func TestPace(t *testing.T) {
	var p pace
	if at, window := p.portion(0); at != 1 || window != 1 {
		t.Errorf("before anything was measured: %d, %d", at, window)
	}
	p.measure(20*time.Microsecond, 1) // the first one is slow
	at, _ := p.portion(0)
	if at > growth {
		t.Errorf("%d after one", at)
	}
	rounds := 1
	for ; at < autoChunk && rounds < 20; rounds++ {
		p.measure(time.Duration(at)*100*time.Nanosecond, at)
		seen := p.seen
		if at, _ = p.portion(0); at > growth*seen {
			t.Errorf("%d after %d", at, seen)
		}
	}
	if rounds > 8 {
		t.Errorf("%d messages until chunks are as large as they get", rounds)
	}
	for range 20 {
		p.measure(5*time.Millisecond, 1)
	}
	if at, window := p.portion(0); at != 1 || window != 1 {
		t.Errorf("of tasks of 5 ms: %d, %d", at, window)
	}
	if at, window := p.portion(7); at != 7 || window != 7 {
		t.Errorf("with a chunk that was set: %d, %d", at, window)
	}
}
