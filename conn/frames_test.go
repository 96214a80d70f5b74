package conn_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"testing"

	"github.com/multiproc-go/multiproc/conn"
)

// TestSendFrames: messages of all sizes that were sent at once are received one by one, alone or with those that are there too.
func TestSendFrames(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	ctx := context.Background()
	for i := range 20 {
		a, b := net.Pipe()
		from, to := conn.NewFramed(a), conn.NewFramed(b)
		var frames []byte
		var want [][]byte
		for range 1 + random.IntN(500) {
			msg := bytes.Repeat([]byte{byte(random.Uint32())}, []int{0, 1, 60, 1019, 1020, 1021, 5000, 16380, 16384, 70_000}[random.IntN(10)])
			if random.IntN(3) > 0 {
				msg = msg[:min(len(msg), 100)]
			}
			frames = conn.AppendFrame(frames, msg)
			want = append(want, msg)
		}
		sent := make(chan error, 1)
		go func() {
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			for rest := frames; len(rest) > 0; { // in pieces, as a network would
				n := min(len(rest), 1+random.IntN(20_000))
				if _, err := from.SendFrames(ctx, rest[:n]); err != nil {
					sent <- err
					return
				}
				rest = rest[n:]
			}
			sent <- from.Close()
		}()
		for i := 0; i < len(want); {
			var got [][]byte
			if random.IntN(4) == 0 {
				msg, err := to.Recv(ctx)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, msg)
			} else {
				const before = "before"
				some, err := to.RecvFrames(ctx, []byte(before))
				if err != nil || !bytes.HasPrefix(some, []byte(before)) {
					t.Fatalf("message %d: %.10q, %v", i, some, err)
				}
				for rest := some[len(before):]; len(rest) > 0; {
					msg, more, ok := conn.CutFrame(rest)
					if !ok {
						t.Fatalf("message %d: %d bytes are no message", i, len(rest))
					}
					got, rest = append(got, msg), more
				}
			}
			for _, msg := range got {
				if i == len(want) || !slices.Equal(msg, want[i]) {
					t.Fatalf("message %d of %d: %d bytes", i, len(want), len(msg))
				}
				i++
			}
		}
		if _, err := to.Recv(ctx); err != io.EOF {
			t.Error(err)
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
		to.Close()
	}
}

// TestRecvFrames: of small messages that came together all are received at once, and of one that is too large only what was before it.
func TestRecvFrames(t *testing.T) {
	a, b := net.Pipe()
	from, to := conn.NewFramed(a), conn.NewFramed(b)
	defer from.Close()
	defer to.Close()
	ctx := context.Background()
	to.SetMaxMessage(4)
	all := conn.AppendFrame(conn.AppendFrame(conn.AppendFrame(nil, []byte("one")), nil), []byte("four"))
	large := conn.AppendFrame(slices.Clone(all), []byte("large"))
	go from.SendFrames(ctx, append(large, all...))
	if got, err := to.RecvFrames(ctx, nil); err != nil || !slices.Equal(got, all) {
		t.Fatalf("%q, %v", got, err)
	}
	if got, err := to.RecvFrames(ctx, []byte("as it was")); !errors.Is(err, conn.ErrTooLarge) || string(got) != "as it was" {
		t.Fatalf("%q, %v", got, err)
	}
	to.SetMaxMessage(5)
	if got, err := to.RecvFrames(ctx, nil); err != nil || !slices.Equal(got, large[len(all):]) && !slices.Equal(got, append(large[len(all):], all...)) {
		t.Fatalf("%q, %v", got, err)
	}
}

// TestRecvFramesAgain: a wait that was given up inside a message loses nothing.
func TestRecvFramesAgain(t *testing.T) {
	a, b := net.Pipe()
	to := conn.NewFramed(b)
	defer a.Close()
	defer to.Close()
	frames := conn.AppendFrame(nil, bytes.Repeat([]byte("x"), 3000))
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		a.Write(frames[:2000])
		cancel()
	}()
	if got, err := to.RecvFrames(ctx, nil); !errors.Is(err, context.Canceled) || len(got) > 0 {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	go a.Write(frames[2000:])
	if got, err := to.RecvFrames(context.Background(), nil); err != nil || !slices.Equal(got, frames) {
		t.Fatalf("%d bytes of %d, %v", len(got), len(frames), err)
	}
}

func TestCutFrame(t *testing.T) {
	frames := conn.AppendFrame(conn.AppendFrame(nil, []byte("first")), []byte("second"))
	long := append([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 5}, "first"...)
	for _, whole := range [][]byte{frames, append(slices.Clone(long), frames[9:]...)} {
		msg, rest, ok := conn.CutFrame(whole)
		if !ok || string(msg) != "first" || !slices.Equal(rest, frames[9:]) {
			t.Errorf("%q, %q, %v", msg, rest, ok)
		}
	}
	for _, part := range [][]byte{frames[:8], frames[:4], frames[:3], long[:16], long[:12], long[:5], nil, {0xff, 0xff, 0xff, 0xfe, 0}} {
		if msg, rest, ok := conn.CutFrame(part); ok || msg != nil || len(rest) != len(part) {
			t.Errorf("%q: %q, %q, %v", part, msg, rest, ok)
		}
	}
}
