package conn_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
)

// leave says that it is there, and then ends with its end open, as it is told.
var leave = multiproc.Proc("leave", func(ctx context.Context, j job) error {
	if err := j.To.Send(ctx, "here"); err != nil {
		return err
	}
	switch {
	case j.Die:
		panic("as a death")
	case j.Wait:
		<-ctx.Done()
	}
	return nil
})

// TestPipeOfTheDead: however the other side ends, that is the end of the pipe.
func TestPipeOfTheDead(t *testing.T) {
	ctx := modetest.Patient(t)
	for _, j := range []job{{}, {Die: true}, {Wait: true}} {
		ours, theirs := newPipe[string, string](t)
		j.To = theirs
		c := begin(t, leave, j)
		if s, err := ours.Recv(ctx); s != "here" || err != nil {
			t.Fatalf("%q, %v", s, err)
		}
		if j.Wait {
			if err := c.Kill(); err != nil && !errors.Is(err, multiproc.ErrUnsupported) {
				t.Fatal(err)
			}
		}
		if s, err := ours.Recv(ctx); err != io.EOF {
			t.Errorf("%+v: %q, %v", j, s, err)
		}
		wantErr(t, "Send", ours.Send(ctx, "x"), syscall.EPIPE)
	}
}

// die sends a part of a message, in the way that its job says, and is killed.
var die = multiproc.Proc("die", func(ctx context.Context, j job) error {
	if err := j.To.Send(ctx, "first"); err != nil {
		return err
	}
	if j.Wait { // in the middle of the body: nobody reads the first half
		go j.To.Send(ctx, strings.Repeat("long", 1_000_000))
		<-ctx.Done()
		return nil
	}
	head := short(make([]byte, 100))
	if _, err := conn.NetConn(j.To).Write(head[:map[bool]int{false: 4, true: 2}[j.Keep]]); err != nil {
		return err
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	self.Kill()
	select {}
})

// TestPipeKilledInAMessage: a message that was cut off is never received.
func TestPipeKilledInAMessage(t *testing.T) {
	modetest.NeedProcess(t, "a goroutine cannot be killed")
	ctx := modetest.Patient(t)
	for _, j := range []job{{Keep: true}, {}, {Wait: true}} {
		ours, theirs := newPipe[string, string](t)
		j.To = theirs
		c := begin(t, die, j)
		if s, err := ours.Recv(ctx); s != "first" || err != nil {
			t.Fatalf("%q, %v", s, err)
		}
		if j.Wait {
			if ready, err := ours.Poll(ctx, -1); !ready || err != nil {
				t.Fatal(ready, err)
			}
			if err := c.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			s, err := ours.Recv(ctx)
			if _, ok := errors.AsType[*conn.FrameError](err); !ok || !errors.Is(err, io.ErrUnexpectedEOF) || s != "" {
				t.Errorf("%+v: %d bytes, %v", j, len(s), err)
			}
		}
		wantErr(t, "Send", ours.Send(ctx, "x"), syscall.EPIPE)
	}
}
