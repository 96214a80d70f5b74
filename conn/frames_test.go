package conn_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"slices"
	"testing"

	"github.com/multiproc-go/multiproc/conn"
)

// TestSendFrames: messages of all sizes that were sent at once are received one by one, and Buffered tells which of them need no waiting.
func TestSendFrames(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	ctx := context.Background()
	for range 20 {
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
		for i := range want {
			buffered := to.Buffered()
			var got []byte
			var err error
			if buffered {
				done, cancel := context.WithCancel(ctx)
				got, err = to.Recv(done)
				cancel()
			} else {
				got, err = to.Recv(ctx)
			}
			if err != nil || !slices.Equal(got, want[i]) {
				t.Fatalf("message %d, buffered %v: %d bytes for %d, %v", i, buffered, len(got), len(want[i]), err)
			}
		}
		if to.Buffered() {
			t.Error("there is a message too many")
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
		to.Close()
	}
}

// TestBufferedIsTrue: of small messages that came together, all but the first.
func TestBufferedIsTrue(t *testing.T) {
	a, b := net.Pipe()
	from, to := conn.NewFramed(a), conn.NewFramed(b)
	defer from.Close()
	defer to.Close()
	frames := conn.AppendFrame(conn.AppendFrame(conn.AppendFrame(nil, []byte("one")), nil), []byte("three"))
	go from.SendFrames(context.Background(), frames)
	for i, buffered := range []bool{false, true, true} {
		if got := to.Buffered(); got != buffered {
			t.Errorf("before message %d: %v", i, got)
		}
		if _, err := to.Recv(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}
