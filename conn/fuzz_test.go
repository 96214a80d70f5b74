package conn_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"testing"

	"github.com/multiproc-go/multiproc/conn"
)

// parse is a second reader of frames: the plainest one.
func parse(stream []byte, limit uint64) (msgs [][]byte, err error) {
	for {
		if len(stream) == 0 {
			return msgs, io.EOF
		}
		if len(stream) < 4 {
			return msgs, io.ErrUnexpectedEOF
		}
		size, rest := uint64(binary.BigEndian.Uint32(stream)), stream[4:]
		if size == math.MaxUint32 {
			if len(rest) < 8 {
				return msgs, io.ErrUnexpectedEOF
			}
			size, rest = binary.BigEndian.Uint64(rest), rest[8:]
		} else if size > math.MaxInt32 {
			return msgs, conn.ErrLength
		}
		if size > limit {
			return msgs, conn.ErrTooLarge
		}
		if uint64(len(rest)) < size {
			return msgs, io.ErrUnexpectedEOF
		}
		msgs, stream = append(msgs, rest[:size]), rest[size:]
	}
}

// piecesReader reads in pieces whose lengths are in lengths, again and again.
type piecesReader struct {
	r       io.Reader
	lengths []byte
	i       int
}

func (p *piecesReader) Read(b []byte) (int, error) {
	n := len(b)
	if len(p.lengths) > 0 {
		n = 1 + int(p.lengths[p.i%len(p.lengths)])
		p.i++
	}
	return p.r.Read(b[:min(n, len(b))])
}

// FuzzRecv: whatever comes, in whatever pieces, is read as the plain reader reads it.
func FuzzRecv(f *testing.F) {
	f.Add([]byte{}, []byte{}, uint32(100))
	f.Add(append(short([]byte("hello")), long([]byte("world"))...), []byte{0}, uint32(100))
	f.Add(append(short(nil), 0x80, 0, 0, 0), []byte{3, 1}, uint32(0))
	f.Add([]byte{0x7f, 0xff, 0xff, 0xff, 1, 2, 3}, []byte{}, uint32(math.MaxUint32))
	f.Add(append([]byte{0xff, 0xff, 0xff, 0xff}, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), []byte{2}, uint32(1000))
	f.Add(append(short(make([]byte, 5000)), short(make([]byte, 2044))...), []byte{255, 100}, uint32(5000))
	f.Fuzz(func(t *testing.T, stream, lengths []byte, limit uint32) {
		want, wantErr := parse(stream, uint64(limit))
		c := conn.NewFramed(streamConn{r: &piecesReader{r: bytes.NewReader(stream), lengths: lengths}})
		c.SetMaxMessage(int64(limit))
		for i, msg := range want {
			var got []byte
			var err error
			switch i % 3 {
			case 0:
				got, err = c.Recv(background)
			case 1:
				got, err = c.RecvAppend(background, make([]byte, 1, 10))
				got = got[1:]
			case 2:
				got = make([]byte, len(msg))
				_, err = c.RecvInto(background, got)
			}
			if err != nil || !bytes.Equal(got, msg) {
				t.Fatalf("message %d: %q, %v, not %q", i, got, err, msg)
			}
		}
		for range 2 {
			if got, err := c.Recv(background); !errors.Is(err, wantErr) || got != nil {
				t.Fatalf("after the messages: %q, %v, not %v", got, err, wantErr)
			}
		}
	})
}

// FuzzHandshake: nobody without the key gets through, in either role, by whatever bytes.
func FuzzHandshake(f *testing.F) {
	challenge := short(append([]byte("#CHALLENGE#{sha256}"), conn.NewPayload(conn.Listening)...))
	welcome := short([]byte("#WELCOME#"))
	answer := short(append([]byte("{sha256}"), make([]byte, 32)...))
	f.Add(append(append(bytes.Clone(answer), challenge...), welcome...), uint8(0), []byte{})
	f.Add(append(append(bytes.Clone(challenge), welcome...), answer...), uint8(1), []byte{})
	f.Add(short(append([]byte("#CHALLENGE#"), make([]byte, 20)...)), uint8(1), []byte{0})
	f.Add(append(short(append([]byte("#CHALLENGE#{md5}"), make([]byte, 40)...)), append(welcome, short(make([]byte, 16))...)...), uint8(3), []byte{7})
	f.Add(short(make([]byte, 257)), uint8(2), []byte{})
	f.Fuzz(func(t *testing.T, stream []byte, how uint8, lengths []byte) {
		var out bytes.Buffer
		c := conn.NewFramed(streamConn{r: &piecesReader{r: bytes.NewReader(stream), lengths: lengths}, w: &out})
		h := conn.Handshake{Key: []byte("a key that is not in the corpus"), Role: conn.Role(how & 1), ForbidMD5: how&2 != 0}
		err := conn.Authenticate(background, c, h)
		if !errors.Is(err, conn.ErrAuthentication) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("%v", err)
		}
		// What it says is always whole frames, and short ones.
		if msgs, err := parse(out.Bytes(), 256); err != io.EOF || len(msgs) > 4 {
			t.Fatalf("%q: %v", out.Bytes(), err)
		}
	})
}
