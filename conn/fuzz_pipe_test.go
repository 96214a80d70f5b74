package conn_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"reflect"
	"testing"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/handoff"
)

// faltering is a reader in pieces that now and then is interrupted, as by a deadline.
type faltering struct {
	piecesReader
	every, n int
}

func (f *faltering) Read(b []byte) (int, error) {
	if f.n++; f.every > 0 && f.n%f.every == 0 {
		return 0, os.ErrDeadlineExceeded
	}
	return f.piecesReader.Read(b)
}

// FuzzMove: a connection that moves after whatever it has read of whatever came goes on as if it had not.
func FuzzMove(f *testing.F) {
	f.Add(append(short([]byte("hello")), long([]byte("world"))...), []byte{0}, uint8(1), uint8(2))
	f.Add(append(short(make([]byte, 5000)), short(make([]byte, 2044))...), []byte{255, 100}, uint8(3), uint8(1))
	f.Add(append(short(nil), 0x80, 0, 0, 0), []byte{3, 1}, uint8(2), uint8(0))
	f.Fuzz(func(t *testing.T, stream, lengths []byte, every, moves uint8) {
		const limit = 10_000
		want, wantErr := parse(stream, limit)
		s := streamConn{r: &faltering{piecesReader: piecesReader{r: bytes.NewReader(stream), lengths: lengths}, every: int(every)}}
		c := conn.NewFramed(s)
		c.SetMaxMessage(limit)
		left := int(moves)
		for i := 0; ; {
			got, err := c.Recv(background)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				if every == 1 {
					return // nothing ever comes
				}
			} else if i == len(want) {
				if !errors.Is(err, wantErr) || got != nil {
					t.Fatalf("after the messages: %q, %v, not %v", got, err, wantErr)
				}
				if left == 0 {
					return
				}
			} else if err != nil || !bytes.Equal(got, want[i]) {
				t.Fatalf("message %d: %q, %v, not %q", i, got, err, want[i])
			} else {
				i++
			}
			if left > 0 {
				left--
				luggage, err := conn.Luggage(c)
				if err != nil {
					t.Fatal(err)
				}
				c = conn.NewFramed(s)
				if err := conn.Unpack(c, luggage); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// FuzzLuggage: whatever is said to have come with a descriptor, there is an error or a connection that works.
func FuzzLuggage(f *testing.F) {
	f.Add([]byte{0, 10}, []byte{})
	f.Add([]byte{7, 100, 5, 2, 'a', 'b', 'c'}, append([]byte("de"), short([]byte("next"))...))
	f.Add([]byte{4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 'a'}, []byte("rest"))
	f.Fuzz(func(t *testing.T, luggage, stream []byte) {
		c := conn.NewFramed(streamConn{r: bytes.NewReader(stream), w: io.Discard})
		if err := conn.Unpack(c, luggage); err != nil {
			return
		}
		again, err := conn.Luggage(c)
		if err != nil {
			t.Fatal(err)
		}
		other := conn.NewFramed(streamConn{r: bytes.NewReader(stream), w: io.Discard})
		if err := conn.Unpack(other, again); err != nil {
			t.Fatalf("%q becomes %q: %v", luggage, again, err)
		}
		for range 1000 {
			got, err := c.Recv(background)
			same, sameErr := other.Recv(background)
			if !bytes.Equal(got, same) || (err == nil) != (sameErr == nil) {
				t.Fatalf("%q, %v; and by %q: %q, %v", got, err, again, same, sameErr)
			}
			if err != nil {
				break
			}
		}
		if err := c.Send(background, []byte("x")); err != nil && !errors.Is(err, conn.ErrCut) {
			t.Fatal(err)
		}
	})
}

// FuzzPipeMessage: a message is a value that arrives again as it is, or an error and no value.
func FuzzPipeMessage(f *testing.F) {
	type message struct {
		Text  string
		Bytes []byte
		List  []int16
		Map   map[string]*message
		Array [2]bool
	}
	f.Add([]byte{0xa0})
	for _, m := range []message{{}, {"t", []byte{1}, []int16{1, -2}, map[string]*message{"a": {}, "b": nil}, [2]bool{true}}} {
		coder, err := handoff.NewCoder[message]()
		if err != nil {
			f.Fatal(err)
		}
		b, err := coder.Append(nil, &m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	a, b, err := conn.Pipe[message, message]()
	if err != nil {
		f.Skip("NOT RUN:", err)
	}
	defer a.Close()
	defer b.Close()
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 100_000 {
			return // nobody reads meanwhile
		}
		if err := a.SendBytes(background, raw); err != nil {
			t.Fatal(err)
		}
		got, err := b.Recv(background)
		if err != nil {
			if _, ok := errors.AsType[*conn.DecodeError](err); !ok || !reflect.DeepEqual(got, message{}) {
				t.Fatalf("%+v, %v", got, err)
			}
			return
		}
		if err := b.Send(background, got); err != nil {
			t.Fatalf("%+v: %v", got, err)
		}
		if back, err := a.Recv(background); err != nil || !reflect.DeepEqual(got, back) {
			t.Fatalf("%+v comes back as %+v, %v", got, back, err)
		}
	})
}
