//go:build unix

package conn_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
)

// blockedPair is a pair of which one end is in the mode of Block.
func blockedPair(t testing.TB) (a, b *conn.Framed) {
	t.Helper()
	a, b = pair(t)
	if err := errors.Join(a.Block(), a.Block()); err != nil {
		t.Fatal(err)
	}
	return a, b
}

func TestBlock(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		address := map[string]string{"unix": "", "tcp": "127.0.0.1:0"}[network]
		l := listen(t, network, address, withKey(key))
		a, b := dial(t, l, withKey(key)), accept(t, l)
		local, remote := a.LocalAddr().String(), a.RemoteAddr().String()
		if err := a.Block(); err != nil {
			t.Fatal(err)
		}
		if a.LocalAddr().String() != local || a.RemoteAddr().String() != remote {
			t.Errorf("%v, %v", a.LocalAddr(), a.RemoteAddr())
		}
		if _, ok := a.NetConn().(syscall.Conn); !ok {
			t.Error("not a syscall.Conn")
		}
		go echo(b)
		for _, size := range sizes() {
			exchange(t, a, random(t, size))
		}
		b.Close()
		if _, err := a.Recv(background); err != io.EOF {
			t.Error(err)
		}
	}
}

func TestBlockWhileUsed(t *testing.T) {
	a, b := pair(t)
	done := make(chan error, 1)
	go func() {
		_, err := a.Recv(background)
		done <- errors.Join(err, a.Block())
	}()
	blocked := make(chan error, 1)
	go func() { blocked <- a.Block() }() // waits for the Recv
	if err := b.Send(background, bytes.Repeat([]byte{1}, 100)); err != nil {
		t.Fatal(err)
	}
	if err := b.Send(background, []byte("in the buffer or not")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(modetest.Receive(t, blocked, "end of Block"), modetest.Receive(t, done, "end of Recv")); err != nil {
		t.Fatal(err)
	}
	if msg, err := a.Recv(background); err != nil || string(msg) != "in the buffer or not" {
		t.Error(msg, err)
	}
}

func TestBlockNeedsASocket(t *testing.T) {
	a, b, _ := pipe(t)
	if err := a.Block(); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	go b.Send(background, []byte("as it was"))
	if msg, err := a.Recv(background); err != nil || string(msg) != "as it was" {
		t.Error(msg, err)
	}
	x, y := socketPair(t)
	defer y.Close()
	wrapped := conn.NewFramed(struct{ net.Conn }{x})
	if err := wrapped.Block(); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	wrapped.Close()
	if err := wrapped.Block(); err != conn.ErrClosed {
		t.Error(err)
	}
}

// waitingRecv starts a Recv and returns when its thread is about to block. It may not quite:
// what is tested must hold then too.
func waitingRecv(ctx context.Context, f *conn.Framed) <-chan error {
	errs := make(chan error, 1)
	started := make(chan struct{})
	go func() {
		close(started)
		_, err := f.Recv(ctx)
		errs <- err
	}()
	<-started
	return errs
}

// TestBlockedWaitIsInterrupted with the connection.
func TestBlockedWaitIsInterrupted(t *testing.T) {
	for range 20 { // before, while and after it begins to wait
		a, b := blockedPair(t)
		for i := 0; ; i++ {
			ctx, cancel := context.WithTimeout(background, time.Millisecond)
			_, err := a.Recv(ctx)
			cancel()
			if err == conn.ErrInterrupted && i > 0 {
				break
			}
			// On a busy machine the context may have ended before there was a wait to interrupt.
			if err != context.DeadlineExceeded {
				t.Fatal(err)
			}
		}
		if err := a.Send(background, nil); err != conn.ErrInterrupted {
			t.Error(err)
		}
		if _, err := b.Recv(background); err != io.EOF {
			t.Error(err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestBlockedDeadline(t *testing.T) {
	a, b := pair(t)
	// It was set before, and holds after.
	if err := errors.Join(a.SetReadDeadline(time.Now().Add(20*time.Millisecond)), a.Block()); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Recv(background); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	if _, err := b.Recv(background); err != io.EOF {
		t.Error(err)
	}

	a, b = blockedPair(t)
	long := time.Now().Add(time.Hour)
	if err := errors.Join(a.SetDeadline(time.Now().Add(time.Millisecond)), a.SetDeadline(long), b.Send(background, nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Recv(background); err != nil {
		t.Error(err)
	}
}

// TestBlockedIdle: what ends while nobody waits ends nothing.
func TestBlockedIdle(t *testing.T) {
	a, b := blockedPair(t)
	ctx, cancel := context.WithCancel(background)
	for range 3 {
		if err := b.Send(background, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Recv(ctx); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := a.SetDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Recv(background); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	if err := a.Send(background, nil); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	if err := a.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	go echo(b)
	exchange(t, a, []byte("on"))
}

func TestBlockedClose(t *testing.T) {
	for range 20 {
		a, b := blockedPair(t)
		recv := waitingRecv(background, a)
		send := make(chan error, 1)
		go func() { send <- a.Send(background, make([]byte, 16<<20)) }()
		if ready, err := b.Poll(modetest.Patient(t), -1); !ready || err != nil {
			t.Fatal(ready, err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		for _, errs := range []<-chan error{recv, send} {
			if err := modetest.Receive(t, errs, "end after Close"); err != conn.ErrClosed {
				t.Error(err)
			}
		}
		if _, err := b.Recv(background); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(err)
		}
	}
}

func TestBlockedPoll(t *testing.T) {
	a, b := blockedPair(t)
	if ready, err := a.Poll(background, 0); isLinux && (ready || err != nil) {
		t.Error(ready, err)
	}
	if _, err := a.Poll(background, time.Second); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	if err := b.Send(background, nil); err != nil {
		t.Fatal(err)
	}
	if ready, err := a.Poll(background, -1); !ready || err != nil {
		t.Error(ready, err)
	}
	if ready, err := a.Poll(background, 0); !ready || err != nil {
		t.Error(ready, err)
	}
}

// TestBlockedWaitIsInterruptedInsideAMessage: what ends it is the context, also if a part of the message comes at the same moment.
func TestBlockedWaitIsInterruptedInsideAMessage(t *testing.T) {
	part := conn.AppendFrame(nil, make([]byte, 5000))[:2000]
	for range 300 {
		a, b := blockedPair(t)
		ctx, cancel := context.WithCancel(background)
		got := waitingRecv(ctx, a)
		go b.NetConn().Write(part)
		cancel()
		if err := modetest.Receive(t, got, "Recv"); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		a.Close()
		b.Close()
	}
}
