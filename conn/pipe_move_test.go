package conn_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/psync"
)

type job struct {
	To   *conn.Conn[string, string]
	Many []*conn.Conn[string, string]
	Keep bool // its end, beyond the entry
	Wait bool // for the end of everything
	Die  bool
}

// answer answers until the end.
var answer = multiproc.Func("answer", func(ctx context.Context, j job) (n int, err error) {
	for {
		s, err := j.To.Recv(ctx)
		switch {
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, err
		}
		if err := j.To.Send(ctx, "re: "+s); err != nil {
			return n, err
		}
		n++
	}
})

func TestPipeMoves(t *testing.T) {
	ctx := modetest.Patient(t)
	ours, theirs := newPipe[string, string](t)
	theirs.SetMaxMessage(4000)
	c := begin(t, answer, job{To: theirs})
	wantErr(t, "Send", theirs.Send(ctx, "x"), conn.ErrMoved)
	_, err := theirs.Recv(ctx)
	wantErr(t, "Recv", err, conn.ErrMoved)
	_, err = theirs.Poll(ctx, 0)
	wantErr(t, "Poll", err, conn.ErrMoved)
	_, err = answer.Start(ctx, job{To: theirs})
	wantErr(t, "Start", err, conn.ErrMoved)
	if err := theirs.Close(); err != nil || theirs.String() != "pipe, moved" {
		t.Error(theirs, err)
	}
	for i := range 100 {
		s := strings.Repeat("x", i)
		if err := ours.Send(ctx, s); err != nil {
			t.Fatal(err)
		}
		if got, err := ours.Recv(ctx); err != nil || got != "re: "+s {
			t.Fatalf("%q, %v", got, err)
		}
	}
	ours.Close()
	if n := succeeded(t, c); n != 100 {
		t.Errorf("%d messages", n)
	}

	// The limit has moved too.
	ours, theirs = newPipe[string, string](t)
	theirs.SetMaxMessage(4)
	c = begin(t, answer, job{To: theirs})
	if err := ours.Send(ctx, "12345"); err != nil {
		t.Fatal(err)
	}
	_, err = c.Result(ctx)
	wantErr(t, "Recv there", err, conn.ErrTooLarge)
	if _, err := ours.Recv(ctx); err != io.EOF {
		t.Errorf("when the entry has failed: %v", err)
	}
}

// unused does nothing with what it is given.
var unused = multiproc.Proc("unused", func(context.Context, job) error { return nil })

func TestPipeUnused(t *testing.T) {
	ctx := modetest.Patient(t)
	ours, theirs := newPipe[string, string](t)
	begin(t, unused, job{To: theirs})
	if s, err := ours.Recv(ctx); err != io.EOF {
		t.Errorf("%q, %v", s, err)
	}
}

// say sends what it is told, and no more.
var say = multiproc.Proc("say", func(ctx context.Context, j job) error {
	if err := j.To.Send(ctx, "to the other child"); err != nil {
		return err
	}
	_, err := j.To.Recv(ctx)
	return err
})

// TestPipeBetweenChildren: the parent has none of it any more.
func TestPipeBetweenChildren(t *testing.T) {
	a, b := newPipe[string, string](t)
	one, two := begin(t, say, job{To: a}), begin(t, answer, job{To: b})
	succeeded(t, one)
	if n := succeeded(t, two); n != 1 {
		t.Errorf("%d messages", n)
	}
}

// pass gives its ends to a child, and returns those that that returns.
var pass = multiproc.Declare[job, []*conn.Conn[string, string]]("pass")

func init() {
	pass.Handle(func(ctx context.Context, j job) ([]*conn.Conn[string, string], error) {
		if j.Wait {
			j.Wait = false
			c, err := pass.Start(ctx, j)
			if err != nil {
				return nil, err
			}
			return c.Result(ctx)
		}
		if err := j.To.Send(ctx, "from afar"); err != nil {
			return nil, err
		}
		return append(j.Many, j.To), nil
	})
}

// TestPipeComesBack: through two processes, some in use there and some not, and back in a result.
func TestPipeComesBack(t *testing.T) {
	ctx := modetest.Patient(t)
	for _, deep := range []bool{false, true} {
		var ours, theirs []*conn.Conn[string, string]
		for i := range 5 {
			a, b := newPipe[string, string](t)
			if err := a.Send(ctx, fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
			ours, theirs = append(ours, a), append(theirs, b)
		}
		c := begin(t, pass, job{Many: theirs[:4], To: theirs[4], Wait: deep})
		back := succeeded(t, c)
		if len(back) != 5 {
			t.Fatal(len(back))
		}
		if s, err := ours[4].Recv(ctx); s != "from afar" || err != nil {
			t.Errorf("%q, %v", s, err)
		}
		for i, b := range back {
			if s, err := b.Recv(ctx); s != fmt.Sprint(i) || err != nil {
				t.Errorf("%d: %q, %v", i, s, err)
			}
			if err := errors.Join(b.Send(ctx, "back"), b.Close()); err != nil {
				t.Error(err)
			}
			if s, err := ours[i].Recv(ctx); s != "back" || err != nil {
				t.Errorf("%d: %q, %v", i, s, err)
			}
			if s, err := ours[i].Recv(ctx); err != io.EOF {
				t.Errorf("%d, with no end left: %q, %v", i, s, err)
			}
		}
	}
}

// hear returns all that comes.
var hear = multiproc.Func("hear", func(ctx context.Context, j job) (all []string, err error) {
	for {
		s, err := j.To.Recv(ctx)
		if err != nil {
			return append(all, err.Error()), nil
		}
		all = append(all, s)
	}
})

// TestPipeMovesWithWhatHasCome: what was read from the socket here, and not received, is received there; in the middle of a message too.
func TestPipeMovesWithWhatHasCome(t *testing.T) {
	ctx := modetest.Patient(t)
	long := strings.Repeat("0123456789", 30_000)
	for _, c := range []struct {
		name  string
		first int // messages that are received here
		begin bool
	}{{"nothing", 0, false}, {"some", 3, false}, {"part", 3, true}} {
		ours, theirs := newPipe[string, string](t)
		want := []string{}
		for i := range 10 {
			want = append(want, fmt.Sprint("message ", i))
			if err := ours.Send(ctx, want[i]); err != nil {
				t.Fatal(err)
			}
		}
		for i := range c.first {
			if s, err := theirs.Recv(ctx); s != want[i] || err != nil {
				t.Fatalf("%q, %v", s, err)
			}
		}
		want = want[c.first:]
		sent := make(chan error, 1)
		if c.begin {
			for range want {
				if _, err := theirs.Recv(ctx); err != nil {
					t.Fatal(err)
				}
			}
			want = []string{long, "last"}
			raw := conn.NetConn(ours)
			head := short([]byte(long))
			if _, err := raw.Write(head[:1000]); err != nil {
				t.Fatal(err)
			}
			// Until a Recv that was interrupted has read a part.
			for conn.PartOf(theirs) == 0 {
				soon, cancel := context.WithTimeout(ctx, time.Millisecond)
				_, err := theirs.Recv(soon)
				cancel()
				wantErr(t, "Recv of a part", err, context.DeadlineExceeded)
			}
			go func() {
				_, err := raw.Write(head[1000:])
				if err == nil {
					err = ours.Send(ctx, "last")
				}
				sent <- errors.Join(err, ours.Close())
			}()
		} else {
			sent <- ours.Close()
		}
		call := begin(t, hear, job{To: theirs})
		got := succeeded(t, call)
		if fmt.Sprint(got) != fmt.Sprint(append(want, io.EOF.Error())) {
			t.Errorf("%s: %d messages: %.100q", c.name, len(got), got)
		}
		if err := modetest.Receive(t, sent, "end of sending"); err != nil {
			t.Error(err)
		}
	}
}

// TestPipeMovesCut: an end that cannot send any more cannot elsewhere.
func TestPipeMovesCut(t *testing.T) {
	ctx := modetest.Patient(t)
	ours, theirs := newPipe[string, string](t)
	half, cancel := context.WithCancel(ctx)
	sent := make(chan error, 1)
	go func() { sent <- theirs.Send(half, strings.Repeat("x", 10_000_000)) }()
	if ready, err := ours.Poll(ctx, -1); !ready || err != nil {
		t.Fatal(ready, err)
	}
	cancel()
	wantErr(t, "Send that nobody reads", modetest.Receive(t, sent, "end of Send"), context.Canceled)
	wantErr(t, "Send after it", theirs.Send(ctx, "x"), conn.ErrCut)
	c := begin(t, leave, job{To: theirs})
	wantErr(t, "Send there", c.Wait(ctx), conn.ErrCut)
	_, err := ours.Recv(ctx)
	wantErr(t, "Recv", err, io.ErrUnexpectedEOF)
}

func TestPipeInUse(t *testing.T) {
	ctx := modetest.Patient(t)
	ours, theirs := newPipe[string, string](t)
	got := make(chan string)
	go func() {
		s, err := theirs.Recv(ctx)
		if err != nil {
			t.Error(err)
		}
		got <- s
	}()
	for !conn.Receiving(theirs) {
		time.Sleep(time.Millisecond)
	}
	_, err := unused.StartWith(ctx, job{To: theirs}, multiproc.Options{})
	wantErr(t, "Start with a Recv under way", err, conn.ErrInUse)
	if err := ours.Send(ctx, "still here"); err != nil {
		t.Fatal(err)
	}
	if s := modetest.Receive(t, got, "message"); s != "still here" {
		t.Errorf("%q", s)
	}
	_, err = unused.Start(ctx, job{To: theirs, Many: []*conn.Conn[string, string]{theirs}})
	wantErr(t, "Start with one end twice", err, conn.ErrInUse)
	if s := fmt.Sprint(err); !strings.Contains(s, "job.Many[0]") {
		t.Errorf("%s: no path", s)
	}
	// Nothing has moved.
	echoed(t, ours, theirs)
	closed, other := newPipe[string, string](t)
	closed.Close()
	_, err = unused.Start(ctx, job{To: theirs, Many: []*conn.Conn[string, string]{nil, other, closed}})
	wantErr(t, "Start with a closed end", err, conn.ErrClosed)
	echoed(t, ours, theirs)
	if other.String() != "pipe" {
		t.Error(other)
	}
}

func echoed(t *testing.T, a, b *conn.Conn[string, string]) {
	t.Helper()
	ctx := modetest.Patient(t)
	if err := a.Send(ctx, "x"); err != nil {
		t.Fatal(err)
	}
	if s, err := b.Recv(ctx); s != "x" || err != nil {
		t.Fatalf("%q, %v", s, err)
	}
}

// TestPipeStays where Start fails after the argument was encoded.
func TestPipeStays(t *testing.T) {
	ours, theirs := newPipe[string, string](t)
	o := multiproc.Options{Dir: t.TempDir() + "/none"} // in goroutine mode it is the option that is refused
	if _, err := answer.StartWith(t.Context(), job{To: theirs}, o); err == nil {
		t.Fatal("it starts in a directory that does not exist")
	}
	echoed(t, ours, theirs)
	c := begin(t, answer, job{To: theirs})
	ours.Close()
	succeeded(t, c)
}

// TestPipeInOtherEncodings: an end goes nowhere but in an argument or a result.
func TestPipeInOtherEncodings(t *testing.T) {
	_, end := newPipe[string, string](t)
	if b, err := json.Marshal(job{To: end}); err == nil {
		t.Errorf("JSON: %s", b)
	}
	if b, err := end.MarshalBinary(); err == nil {
		t.Errorf("%q", b)
	}
	if err := end.UnmarshalBinary([]byte{0, 0}); err == nil {
		t.Error("UnmarshalBinary")
	}
	if err := end.UnmarshalText([]byte("x")); err == nil {
		t.Error("UnmarshalText")
	}
	if f, err := multiproc.NewFile(end).File(); err == nil {
		t.Errorf("a duplicate: %v", f.Name())
	}
	if modetest.PanicOf(func() {
		multiproc.Proc("copy of an end", func(context.Context, []conn.Conn[int, int]) error { return nil })
	}) == nil {
		t.Error("an entry takes a copy of an end")
	}
}

type event struct {
	E *psync.Event
	N int
}

// set sets the events that it receives.
var set = multiproc.Proc("set", func(ctx context.Context, c *conn.Conn[struct{}, event]) error {
	for {
		e, err := c.Recv(ctx)
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = e.E.Set()
		}
		if err != nil {
			return err
		}
	}
})

// TestPipeOfHandles: a message may contain them, and ends that come alone in an argument.
func TestPipeOfHandles(t *testing.T) {
	ctx := modetest.Patient(t)
	e, err := psync.NewEvent()
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ours, theirs := newPipe[event, struct{}](t)
	c := begin(t, set, theirs)
	if err := ours.Send(ctx, event{e, 1}); err != nil {
		t.Fatal(err)
	}
	if err := e.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	ours.Close()
	succeeded(t, c)
}

// TestPipeBlocks: an end whose waits keep threads does the same, and moves without ending the pipe; elsewhere it is as any other.
func TestPipeBlocks(t *testing.T) {
	ctx := modetest.Patient(t)
	ours, theirs := newPipe[string, string](t)
	if err := theirs.Block(); err != nil {
		t.Skip("NOT RUN: no connection blocks here:", err)
	}
	echoed(t, ours, theirs)
	if err := ours.Send(ctx, "unread"); err != nil {
		t.Fatal(err)
	}
	c := begin(t, answer, job{To: theirs})
	wantErr(t, "Block", theirs.Block(), conn.ErrMoved)
	if err := ours.Block(); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if i > 0 {
			if err := ours.Send(ctx, "unread"); err != nil {
				t.Fatal(err)
			}
		}
		if s, err := ours.Recv(ctx); s != "re: unread" || err != nil {
			t.Fatalf("%q, %v", s, err)
		}
	}
	ours.Close()
	if n := succeeded(t, c); n != 20 {
		t.Errorf("%d messages", n)
	}
}
