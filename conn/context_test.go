package conn_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
)

func isGone(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// pipe is two ends over net.Pipe, which has no buffer, and is usable in a bubble of synctest.
func pipe(t testing.TB) (a, b *conn.Framed, raw net.Conn) {
	x, y := net.Pipe()
	a, b = conn.NewFramed(x), conn.NewFramed(y)
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b, y
}

// waitsIn starts what will wait, and returns when it does. Call it in a bubble.
func waitsIn[T any](f func() T) <-chan T {
	c := make(chan T, 1)
	go func() { c <- f() }()
	synctest.Wait()
	return c
}

func TestEndedContext(t *testing.T) {
	a, b := pair(t)
	if err := b.Send(background, []byte("there")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := a.Send(modetest.Ended(), nil); err != context.Canceled {
			t.Error(err)
		}
		if _, err := a.Recv(modetest.Ended()); err != context.Canceled {
			t.Error(err)
		}
		if _, err := a.Poll(modetest.Ended(), 0); err != context.Canceled {
			t.Error(err)
		}
	}
	if msg, err := a.Recv(background); err != nil || string(msg) != "there" {
		t.Error(msg, err)
	}
}

// TestContextEndsRecv, wherever in a message it waits, and the next Recv goes on there.
func TestContextEndsRecv(t *testing.T) {
	msg := random(t, 300_000)
	for _, frame := range [][]byte{short(msg), long(msg), short(msg[:10])} {
		for _, pieces := range [][]int{{0}, {1, 2}, {4}, {5, 8, 12, 13}, {1023, 1024, 1026, 100_000, 250_000}} {
			for _, fresh := range []bool{true, false} {
				synctest.Test(t, func(t *testing.T) { interruptRecv(t, frame, pieces, fresh) })
			}
		}
	}
}

// interruptRecv lets a context end after each of the pieces.
func interruptRecv(t *testing.T, frame []byte, pieces []int, fresh bool) {
	a, _, raw := pipe(t)
	want := frame[4:]
	if frame[0] == 0xff {
		want = frame[12:]
	}
	buf := make([]byte, 200_000)
	recv := func(ctx context.Context) ([]byte, error) {
		if fresh {
			return a.Recv(ctx)
		}
		dst, err := a.RecvAppend(ctx, buf[:3])
		return dst[3:], err
	}
	written := 0
	for _, piece := range pieces {
		piece = min(piece, len(frame)-1)
		ctx, cancel := context.WithCancel(background)
		errs := waitsIn(func() error {
			got, err := recv(ctx)
			if len(got) != 0 {
				t.Error("bytes with an error")
			}
			return err
		})
		raw.Write(frame[written:max(piece, written)])
		written = max(piece, written)
		synctest.Wait()
		select {
		case err := <-errs:
			t.Fatalf("Recv has returned after %d bytes: %v", written, err)
		default:
		}
		cancel()
		if err := <-errs; err != context.Canceled {
			t.Error(err)
		}
		clear(buf) // it is the caller's again
	}
	go func() {
		raw.Write(frame[written:])
		raw.Write(short([]byte("next")))
	}()
	if got, err := recv(background); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes of %d: %v", len(got), len(want), err)
	}
	if got, err := recv(background); err != nil || string(got) != "next" {
		t.Errorf("%q: %v", got, err)
	}
}

// TestContextEndsSend: if a part is out, nothing can follow.
func TestContextEndsSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, raw := pipe(t)
		for range 2 { // none of it is out
			ctx, cancel := context.WithCancel(background)
			errs := waitsIn(func() error { return a.Send(ctx, []byte("hello")) })
			cancel()
			if err := <-errs; err != context.Canceled {
				t.Error(err)
			}
		}
		errs := waitsIn(func() error { return a.Send(background, []byte("hello")) })
		if msg, err := b.Recv(background); err != nil || string(msg) != "hello" {
			t.Error(msg, err)
		}
		if err := <-errs; err != nil {
			t.Error(err)
		}

		ctx, cancel := context.WithCancel(background)
		errs = waitsIn(func() error { return a.Send(ctx, []byte("hello")) })
		if _, err := io.ReadFull(raw, make([]byte, 6)); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := <-errs; err != context.Canceled {
			t.Error(err)
		}
		for range 2 {
			if err := a.Send(background, nil); !errors.Is(err, conn.ErrCut) {
				t.Error(err)
			}
		}
		go b.Send(background, []byte("the other way")) // still works
		if msg, err := a.Recv(background); err != nil || string(msg) != "the other way" {
			t.Error(msg, err)
		}
	})
}

// TestLargeSendIsCut is the same through the vector of buffers of a socket.
func TestLargeSendIsCut(t *testing.T) {
	a, b := pair(t)
	ctx, cancel := context.WithCancel(background)
	errs := make(chan error, 1)
	go func() { errs <- a.Send(ctx, random(t, 64<<20)) }()
	if ready, err := b.Poll(modetest.Patient(t), -1); !ready || err != nil {
		t.Fatal(ready, err)
	}
	cancel()
	if err := modetest.Receive(t, errs, "end of Send"); err != context.Canceled {
		t.Error(err)
	}
	if err := a.Send(background, nil); !errors.Is(err, conn.ErrCut) {
		t.Error(err)
	}
	a.Close()
	if _, err := b.Recv(background); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

// TestContextEndsWaitForTurn: also one who only stands in line gives up.
func TestContextEndsWaitForTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, _ := pipe(t)
		first := waitsIn(func() error { _, err := a.Recv(background); return err })
		ctx, cancel := context.WithCancel(background)
		second := waitsIn(func() error { _, err := a.Recv(ctx); return err })
		cancel()
		if err := <-second; err != context.Canceled {
			t.Error(err)
		}
		if err := b.Send(background, nil); err != nil {
			t.Error(err)
		}
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}

// TestPollDoesNotWaitForTurn: a timeout is one also while another receives.
func TestPollDoesNotWaitForTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, _ := pipe(t)
		first := waitsIn(func() error { _, err := a.Recv(background); return err })
		for _, timeout := range []time.Duration{0, time.Minute} {
			start := time.Now()
			if ready, err := a.Poll(background, timeout); ready || err != nil || time.Since(start) != timeout {
				t.Errorf("Poll(%v) = %v, %v after %v", timeout, ready, err, time.Since(start))
			}
			if _, err := a.Poll(modetest.Ended(), timeout); err != context.Canceled {
				t.Error(err)
			}
		}
		if err := b.Send(background, nil); err != nil {
			t.Error(err)
		}
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}

// countedContext counts who is registered with it. Package context calls AfterFunc of
// contexts that are not its own, which it tells by Value.
type countedContext struct {
	context.Context
	registered atomic.Int32
	ever       atomic.Int32
}

func (c *countedContext) Value(any) any { return nil }

// AfterFunc is what context.AfterFunc calls.
func (c *countedContext) AfterFunc(f func()) func() bool {
	c.registered.Add(1)
	c.ever.Add(1)
	stop := context.AfterFunc(c.Context, f)
	return func() bool {
		c.registered.Add(-1)
		return stop()
	}
}

// TestRegistrations: one context in a loop is registered with twice; one for each call
// is left at once; and nothing outlasts Close.
func TestRegistrations(t *testing.T) {
	parent, cancel := context.WithCancel(background)
	defer cancel()
	loop := &countedContext{Context: parent}
	a, b := pair(t)
	for range 100 {
		if err := a.Send(loop, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Recv(loop); err != nil {
			t.Fatal(err)
		}
	}
	if n := loop.ever.Load(); n != 4 { // twice for each direction
		t.Errorf("registered %d times", n)
	}
	for range 100 {
		parent, cancel := context.WithCancel(background)
		one := &countedContext{Context: parent}
		if err := a.Send(one, nil); err != nil {
			t.Fatal(err)
		}
		if n := one.registered.Load(); n != 0 {
			t.Fatalf("%d registrations are left", n)
		}
		cancel()
		if _, err := b.Recv(background); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if err := errors.Join(a.Send(loop, nil), b.Send(loop, nil)); err != nil {
			t.Fatal(err)
		}
		_, aErr := a.Recv(loop)
		_, bErr := b.Recv(loop)
		if err := errors.Join(aErr, bErr); err != nil {
			t.Fatal(err)
		}
	}
	if n := loop.registered.Load(); n != 4 {
		t.Errorf("%d registrations", n)
	}
	a.Close()
	b.Close()
	if n := loop.registered.Load(); n != 0 {
		t.Errorf("%d registrations after Close", n)
	}
}

// TestContextEndsBetween two calls that used it: it has no effect on those with another.
func TestContextEndsBetween(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, _ := pipe(t)
		ctx, cancel := context.WithCancel(background)
		for range 3 {
			go b.Send(background, []byte("one"))
			if _, err := a.Recv(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		cancel()
		synctest.Wait() // the deadline is in the past now
		if err := a.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Recv(ctx); err != context.Canceled {
			t.Error(err)
		}
		go b.Send(background, []byte("two"))
		if msg, err := a.Recv(background); err != nil || string(msg) != "two" {
			t.Error(msg, err)
		}
		start := time.Now()
		if _, err := a.Recv(background); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, _ := pipe(t)
		if err := a.SetDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(background, time.Hour)
		defer cancel()
		if _, err := a.Recv(ctx); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		if err := a.Send(ctx, nil); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		if err := a.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		soon, cancel := context.WithTimeout(background, time.Second)
		defer cancel()
		if _, err := a.Recv(soon); err != context.DeadlineExceeded {
			t.Error(err)
		}
		go b.Send(background, []byte("late"))
		if msg, err := a.Recv(ctx); err != nil || string(msg) != "late" {
			t.Error(msg, err)
		}
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, _ := pipe(t)
		receiving := waitsIn(func() error { _, err := a.Recv(background); return err })
		queued := waitsIn(func() error { _, err := a.Recv(background); return err })
		sending := waitsIn(func() error { return a.Send(background, nil) })
		if err := errors.Join(a.Close(), a.Close()); err != nil {
			t.Error(err)
		}
		for _, errs := range []<-chan error{receiving, queued, sending} {
			if err := <-errs; err != conn.ErrClosed {
				t.Error(err)
			}
		}
		_, recvErr := a.Recv(background)
		_, intoErr := a.RecvInto(background, nil)
		_, pollErr := a.Poll(background, 0)
		for _, err := range []error{a.Send(background, nil), recvErr, intoErr, pollErr} {
			if err != conn.ErrClosed {
				t.Error(err)
			}
		}
		if _, err := b.Recv(background); err != io.EOF {
			t.Error(err)
		}
	})
}

func TestPoll(t *testing.T) {
	poll := func(t *testing.T, f *conn.Framed, timeout time.Duration, want bool) {
		t.Helper()
		if ready, err := f.Poll(background, timeout); ready != want || err != nil {
			t.Errorf("Poll(%v) = %v, %v", timeout, ready, err)
		}
	}
	run := func(t *testing.T, a, b *conn.Framed, raw net.Conn) {
		poll(t, a, 0, false)
		poll(t, a, time.Millisecond, false)
		if err := b.Send(background, []byte("one")); err != nil {
			t.Fatal(err)
		}
		for _, timeout := range []time.Duration{-1, 0, time.Hour} {
			poll(t, a, timeout, true)
		}
		if msg, err := a.Recv(background); err != nil || string(msg) != "one" {
			t.Error(msg, err)
		}
		poll(t, a, 0, false)
		if _, err := raw.Write(short([]byte("two"))[:2]); err != nil { // a beginning is enough
			t.Fatal(err)
		}
		poll(t, a, time.Hour, true)
		raw.Write(short([]byte("two"))[2:])
		if msg, err := a.Recv(background); err != nil || string(msg) != "two" {
			t.Error(msg, err)
		}
		ctx, cancel := context.WithTimeout(background, time.Millisecond)
		defer cancel()
		if _, err := a.Poll(ctx, -1); err != context.DeadlineExceeded {
			t.Error(err)
		}
		if err := a.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if ready, err := a.Poll(background, -1); ready || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(ready, err)
		}
		if err := a.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		b.Close()
		for _, timeout := range []time.Duration{-1, 0, time.Hour} {
			poll(t, a, timeout, true) // there is the end to be received
		}
		if _, err := a.Recv(background); err != io.EOF {
			t.Error(err)
		}
	}
	t.Run("socket", func(t *testing.T) {
		x, y := socketPair(t)
		run(t, conn.NewFramed(x), conn.NewFramed(y), y)
	})
	t.Run("stream", func(t *testing.T) { // not a syscall.Conn
		x, y := socketPair(t)
		run(t, conn.NewFramed(struct{ net.Conn }{x}), conn.NewFramed(y), y)
	})
}
