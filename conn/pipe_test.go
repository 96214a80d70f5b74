package conn_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
)

// Tests of pipes and of Select are named so, and run in all modes; the others have to do with no family.
func TestInOtherModes(t *testing.T) {
	modetest.RunSomeInOtherModes(t, "^Test(Pipe|Select)")
}

// newPipe makes a pipe whose ends are closed at the end of the test.
func newPipe[A, B any](t testing.TB) (*conn.Conn[A, B], *conn.Conn[B, A]) {
	t.Helper()
	a, b, err := conn.Pipe[A, B]()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func begin[A, R any](t testing.TB, e *multiproc.Entry[A, R], arg A) *multiproc.Call[R] {
	t.Helper()
	call, err := e.Start(context.WithoutCancel(t.Context()), arg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		call.Kill()
		<-call.Done()
	})
	return call
}

func succeeded[R any](t testing.TB, c *multiproc.Call[R]) R {
	t.Helper()
	r, err := c.Result(modetest.Patient(t))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wantErr checks what a call has returned.
func wantErr(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

type note struct {
	Text  string
	Times []time.Duration
	Inner map[string]*int
}

// there sends v one way and back, and wants it as it was.
func there[T any](t *testing.T, values ...T) {
	t.Helper()
	a, b := newPipe[T, T](t)
	ctx := modetest.Patient(t)
	for _, v := range values {
		if err := a.Send(ctx, v); err != nil {
			t.Fatal(err)
		}
		got, err := b.Recv(ctx)
		if err != nil || !reflect.DeepEqual(got, v) {
			t.Fatalf("%#v arrives as %#v, %v", v, got, err)
		}
		if err := b.Send(ctx, got); err != nil {
			t.Fatal(err)
		}
		if got, err = a.Recv(ctx); err != nil || !reflect.DeepEqual(got, v) {
			t.Fatalf("%#v comes back as %#v, %v", v, got, err)
		}
	}
}

func TestPipe(t *testing.T) {
	one := 1
	there(t, 0, -1, math.MaxInt64)
	there(t, "", "text", strings.Repeat("long", 5000))
	there(t, []byte{}, []byte("raw"), bytes.Repeat([]byte{1}, 100_000))
	there(t, [3]float64{1, math.Inf(1)}, [3]float64{})
	there(t, struct{}{})
	there(t, []int(nil), []int{}, []int{1, 2})
	there(t, note{}, note{"a", []time.Duration{1, 2}, map[string]*int{"one": &one, "none": nil}})
	there(t, (*note)(nil), &note{Text: "b"})
}

func TestPipeTypes(t *testing.T) {
	for what, err := range map[string]error{
		"chan":             pipeError[int, chan int](),
		"File":             pipeError[*multiproc.File, int](),
		"end":              pipeError[struct{ C *conn.Conn[int, int] }, int](),
		"unexported field": pipeError[int, struct{ x int }](),
	} {
		if _, ok := errors.AsType[*conn.TypeError](err); !ok {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func pipeError[A, B any]() error {
	_, _, err := conn.Pipe[A, B]()
	return err
}

func TestPipeNilBytes(t *testing.T) {
	a, b := newPipe[[]byte, []byte](t)
	ctx := modetest.Patient(t)
	if err := a.Send(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Recv(ctx); err != nil || got == nil || len(got) != 0 {
		t.Errorf("%#v, %v", got, err)
	}
}

func TestPipeEnds(t *testing.T) {
	ctx := modetest.Patient(t)
	a, b := newPipe[int, string](t)
	if err := errors.Join(a.Send(ctx, 1), a.Send(ctx, 2), a.Close(), a.Close()); err != nil {
		t.Fatal(err)
	}
	for want := range 2 {
		if got, err := b.Recv(ctx); err != nil || got != want+1 {
			t.Errorf("%d, %v", got, err)
		}
	}
	for range 2 {
		if got, err := b.Recv(ctx); err != io.EOF || got != 0 {
			t.Errorf("at the end: %d, %v", got, err)
		}
	}
	wantErr(t, "Send to a closed end", b.Send(ctx, "x"), syscall.EPIPE)
	wantErr(t, "Send", a.Send(ctx, 3), conn.ErrClosed)
	_, err := a.Recv(ctx)
	wantErr(t, "Recv", err, conn.ErrClosed)
	_, err = a.Poll(ctx, 0)
	wantErr(t, "Poll", err, conn.ErrClosed)
	if a.String() != "pipe, closed" || b.String() != "pipe" {
		t.Error(a, b)
	}

	var zero conn.Conn[int, int]
	wantErr(t, "Send of the zero Conn", zero.Send(ctx, 3), conn.ErrClosed)
	_, err = zero.Recv(ctx)
	wantErr(t, "Recv of the zero Conn", err, conn.ErrClosed)
	zero.SetMaxMessage(1)
	if err := errors.Join(zero.WaitReady(ctx), zero.Close()); err != nil {
		t.Error(err)
	}
}

// TestPipeBytes: the connection is as good as before after a message that was refused.
func TestPipeBytes(t *testing.T) {
	ctx := modetest.Patient(t)
	a, b := newPipe[int, int](t)
	msg := bytes.Repeat([]byte("m"), 1000)
	for range 2 {
		if err := a.SendBytes(ctx, msg); err != nil {
			t.Fatal(err)
		}
	}
	_, err := b.RecvBytes(ctx, 999)
	if e, ok := errors.AsType[*conn.FrameError](err); !ok || e.Size != 1000 || e.Limit != 999 || !errors.Is(err, conn.ErrTooLarge) {
		t.Errorf("%v", err)
	}
	small := make([]byte, 10)
	_, err = b.RecvBytesInto(ctx, small)
	wantErr(t, "RecvBytesInto", err, io.ErrShortBuffer)
	if got, err := b.RecvBytes(ctx, 1000); err != nil || !bytes.Equal(got, msg) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if n, err := b.RecvBytesInto(ctx, make([]byte, 2000)); err != nil || n != 1000 {
		t.Errorf("%d bytes, %v", n, err)
	}
	b.SetMaxMessage(5)
	if err := a.Send(ctx, 7); err != nil {
		t.Fatal(err)
	}
	_, err = b.Recv(ctx)
	wantErr(t, "Recv with a limit", err, conn.ErrTooLarge)
	b.SetMaxMessage(conn.NoLimit)
	if got, err := b.Recv(ctx); err != nil || got != 7 {
		t.Errorf("%d, %v", got, err)
	}
	for name, f := range map[string]func(){
		"RecvBytes":     func() { b.RecvBytes(ctx, -1) },
		"SetMaxMessage": func() { b.SetMaxMessage(-1) },
	} {
		if modetest.PanicOf(f) == nil {
			t.Errorf("%s with a negative limit does not panic", name)
		}
	}
}

// TestPipeForeignMessage: what is no value of the type is an error, and gone.
func TestPipeForeignMessage(t *testing.T) {
	ctx := modetest.Patient(t)
	a, b := newPipe[note, int32](t)
	foreign := func(err error) {
		t.Helper()
		if _, ok := errors.AsType[*conn.DecodeError](err); !ok {
			t.Errorf("%v", err)
		}
	}
	for _, msg := range [][]byte{{}, {0xff}, []byte("text"), bytes.Repeat([]byte{0x81}, 20_000), {0xa1, 0x61, 'x', 1}} {
		if err := a.SendBytes(ctx, msg); err != nil {
			t.Fatal(err)
		}
		got, err := b.Recv(ctx)
		foreign(err)
		if !reflect.DeepEqual(got, note{}) {
			t.Errorf("%q is %+v", msg, got)
		}
		if err := b.SendBytes(ctx, append(msg, 1, 2, 3, 4)[:min(len(msg)+4, 5)]); err != nil {
			t.Fatal(err)
		}
		if n, err := a.Recv(ctx); len(msg) > 0 {
			foreign(err)
			if n != 0 {
				t.Errorf("%d", n)
			}
		} else if err != nil { // four bytes are an int32
			t.Error(err)
		}
	}
	if err := errors.Join(a.Send(ctx, note{Text: "n"}), b.Send(ctx, 5)); err != nil {
		t.Fatal(err)
	}
	if n, err := b.Recv(ctx); err != nil || n.Text != "n" {
		t.Error(n, err)
	}
	if n, err := a.Recv(ctx); err != nil || n != 5 {
		t.Error(n, err)
	}
}

func TestPipePoll(t *testing.T) {
	ctx := modetest.Patient(t)
	a, b := newPipe[int, int](t)
	for _, d := range []time.Duration{0, time.Millisecond} {
		if ready, err := b.Poll(ctx, d); ready || err != nil {
			t.Errorf("%v: %v, %v", d, ready, err)
		}
	}
	if err := a.Send(ctx, 1); err != nil {
		t.Fatal(err)
	}
	for _, d := range []time.Duration{-1, 0, time.Hour} {
		if ready, err := b.Poll(ctx, d); !ready || err != nil {
			t.Errorf("%v: %v, %v", d, ready, err)
		}
	}
	if _, err := b.Recv(ctx); err != nil {
		t.Fatal(err)
	}
	a.Close()
	if ready, err := b.Poll(ctx, -1); !ready || err != nil {
		t.Errorf("at the end: %v, %v", ready, err)
	}
}

// TestPipeTakesTurns: what many send is whole.
func TestPipeTakesTurns(t *testing.T) {
	ctx := modetest.Patient(t)
	a, b := newPipe[[]byte, int](t)
	const senders, each = 8, 30
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			for n := range each {
				if err := a.Send(ctx, bytes.Repeat([]byte{byte(i)}, 1+n*3000)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	got := make([]int, senders)
	for range senders * each {
		m, err := b.Recv(ctx)
		if err != nil {
			t.Fatal(err)
		}
		who := m[0]
		if len(m) != 1+got[who]*3000 || bytes.Count(m, m[:1]) != len(m) {
			t.Fatalf("message %d of %d has %d bytes, or others'", got[who], who, len(m))
		}
		got[who]++
	}
	all.Wait()
}
