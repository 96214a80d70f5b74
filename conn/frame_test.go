package conn_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
)

// random is n bytes, the same for the same n.
func random(t testing.TB, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := rand.NewChaCha8([32]byte{byte(n)}).Read(b); err != nil {
		t.Fatal(err)
	}
	return b
}

// short and long are messages with the two forms of the header.
func short(msg []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(msg))), msg...)
}

func long(msg []byte) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{0xff, 0xff, 0xff, 0xff}, uint64(len(msg))), msg...)
}

// streamConn is a net.Conn that reads from r and writes to w. It has no deadlines.
type streamConn struct {
	net.Conn // nil: nothing else is called
	r        io.Reader
	w        io.Writer
}

func (s streamConn) Read(b []byte) (int, error)       { return s.r.Read(b) }
func (s streamConn) Write(b []byte) (int, error)      { return s.w.Write(b) }
func (s streamConn) Close() error                     { return nil }
func (s streamConn) SetReadDeadline(time.Time) error  { return nil }
func (s streamConn) SetWriteDeadline(time.Time) error { return nil }

// reading is a connection on which these bytes come, and then the end.
func reading(stream []byte) *conn.Framed {
	return conn.NewFramed(streamConn{r: bytes.NewReader(stream)})
}

// writing is a connection that keeps what is sent.
func writing(out io.Writer) *conn.Framed { return conn.NewFramed(streamConn{w: out}) }

// sizes around every boundary in the code.
func sizes() []int {
	return []int{0, 1, 3, 4, 5, 100, 1011, 1012, 1013, 1019, 1020, 1021, 1024, 2044, 4096, 16383, 16384, 16385, 65535, 65536, 65537, 200_000, 1 << 20}
}

func TestSendWritesCPythonsFrames(t *testing.T) {
	for _, size := range sizes() {
		msg := random(t, size)
		var out bytes.Buffer
		f := writing(&out)
		if err := f.Send(background, msg); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Bytes(), short(msg)) {
			t.Errorf("%d bytes: wrong frame, which begins % x", size, out.Bytes()[:min(out.Len(), 16)])
		}
		out.Reset()
		conn.ForceLongHeaders(f)
		if err := f.Send(background, msg); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Bytes(), long(msg)) {
			t.Errorf("%d bytes: wrong long frame, which begins % x", size, out.Bytes()[:min(out.Len(), 16)])
		}
	}
}

// TestRecvIsIndifferentToSegments has messages of both forms come in pieces of all kinds, and
// received in every way.
func TestRecvIsIndifferentToSegments(t *testing.T) {
	var stream []byte
	for i, size := range sizes() {
		form := []func([]byte) []byte{short, long}[i%2]
		stream = append(stream, form(random(t, size))...)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	readers := map[string]func(io.Reader) io.Reader{
		"whole":          func(r io.Reader) io.Reader { return r },
		"bytes":          iotest.OneByteReader,
		"halves":         iotest.HalfReader,
		"data with EOF":  iotest.DataErrReader,
		"random":         func(r io.Reader) io.Reader { return randomReader{r, rnd} },
		"empty at times": func(r io.Reader) io.Reader { return &stutteringReader{r: r} },
	}
	buf := make([]byte, 2<<20)
	ways := map[string]func(f *conn.Framed) ([]byte, error){
		"Recv":       func(f *conn.Framed) ([]byte, error) { return f.Recv(background) },
		"RecvLimit":  func(f *conn.Framed) ([]byte, error) { return f.RecvLimit(background, 1<<20) },
		"RecvAppend": func(f *conn.Framed) ([]byte, error) { return f.RecvAppend(background, nil) },
		"RecvAppend to some": func(f *conn.Framed) ([]byte, error) {
			b, err := f.RecvAppend(background, []byte("some"))
			if !bytes.HasPrefix(b, []byte("some")) {
				t.Error("RecvAppend overwrote what was there")
			}
			return b[4:], err
		},
		"RecvInto": func(f *conn.Framed) ([]byte, error) {
			n, err := f.RecvInto(background, buf)
			return buf[:n], err
		},
	}
	for pieces, reader := range readers {
		for name, recv := range ways {
			f := conn.NewFramed(streamConn{r: reader(bytes.NewReader(stream))})
			for _, size := range sizes() {
				msg, err := recv(f)
				if err != nil || msg == nil || !bytes.Equal(msg, random(t, size)) {
					t.Fatalf("%s, %s: message of %d bytes came as %d: %v", pieces, name, size, len(msg), err)
				}
			}
			for range 2 {
				if _, err := recv(f); err != io.EOF {
					t.Errorf("%s, %s: at the end: %v", pieces, name, err)
				}
			}
		}
	}
}

type randomReader struct {
	r   io.Reader
	rnd *rand.Rand
}

func (r randomReader) Read(b []byte) (int, error) {
	return r.r.Read(b[:min(len(b), 1+r.rnd.IntN(3000))])
}

// stutteringReader returns nothing every second time.
type stutteringReader struct {
	r    io.Reader
	skip bool
}

func (r *stutteringReader) Read(b []byte) (int, error) {
	if r.skip = !r.skip; r.skip {
		return 0, nil
	}
	return r.r.Read(b)
}

func TestStreamThatReturnsNothing(t *testing.T) {
	f := conn.NewFramed(streamConn{r: iotest.ErrReader(nil)})
	if _, err := f.Recv(background); !errors.Is(err, io.ErrNoProgress) {
		t.Error(err)
	}
}

// TestEndOfStream: between messages it is the end, inside one an error.
func TestEndOfStream(t *testing.T) {
	for _, frame := range [][]byte{short([]byte("hello")), long([]byte("hello")), short(random(t, 100_000))} {
		stream := append(short(nil), frame...)
		for cut := 4; cut <= len(stream); cut++ {
			if cut > 100 && cut < len(stream)-10 && cut%997 != 0 {
				continue
			}
			f := reading(stream[:cut])
			if msg, err := f.Recv(background); err != nil || len(msg) != 0 {
				t.Fatal(msg, err)
			}
			if cut == len(stream) {
				if _, err := f.Recv(background); err != nil {
					t.Error(err)
				}
			}
			for range 2 {
				msg, err := f.Recv(background)
				if cut == 4 || cut == len(stream) {
					if err != io.EOF {
						t.Errorf("cut between messages: %v", err)
					}
					continue
				}
				frameErr, typed := errors.AsType[*conn.FrameError](err)
				if msg != nil || !errors.Is(err, io.ErrUnexpectedEOF) || !typed || frameErr.Op != "recv" {
					t.Errorf("cut at %d of %d: %q, %v", cut, len(stream), msg, err)
				}
			}
		}
	}
}

func TestMalformedLength(t *testing.T) {
	for _, first := range []int32{-2, -3, -1 << 31} {
		f := reading(append(binary.BigEndian.AppendUint32(nil, uint32(first)), make([]byte, 100)...))
		for range 2 { // for ever
			if _, err := f.Recv(background); !errors.Is(err, conn.ErrLength) {
				t.Errorf("length %d: %v", first, err)
			}
		}
	}
}

// TestAnnouncedIsNotAllocated: memory comes with the bytes, not with the announcement.
func TestAnnouncedIsNotAllocated(t *testing.T) {
	announce := func(size uint64, more int) []byte {
		return append(binary.BigEndian.AppendUint64([]byte{0xff, 0xff, 0xff, 0xff}, size), make([]byte, more)...)
	}
	twoGiB := append([]byte{0x7f, 0xff, 0xff, 0xff}, make([]byte, 1000)...)
	cases := []struct {
		name   string
		stream []byte
		limit  int64
		want   error
	}{
		{"2 GiB, default limit", twoGiB, conn.DefaultMaxMessage, conn.ErrTooLarge},
		{"2 GiB, no limit", twoGiB, conn.NoLimit, io.ErrUnexpectedEOF},
		{"8 EiB, no limit", announce(1<<63-1, 1000), conn.NoLimit, io.ErrUnexpectedEOF},
		{"16 EiB, no limit", announce(1<<64-1, 1000), conn.NoLimit, conn.ErrTooLarge},
		{"8 EiB + 1, no limit", announce(1<<63, 1000), conn.NoLimit, conn.ErrTooLarge},
		{"200 MiB, default limit", announce(200<<20, 1000), conn.DefaultMaxMessage, io.ErrUnexpectedEOF},
		{"1 TiB, and 1 MiB of it", announce(1<<40, 1<<20), conn.NoLimit, io.ErrUnexpectedEOF},
	}
	for _, c := range cases {
		f := reading(c.stream)
		f.SetMaxMessage(c.limit)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := f.Recv(background)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		f = reading(c.stream)
		f.SetMaxMessage(c.limit)
		if dst, err := f.RecvAppend(background, []byte("to some")); !errors.Is(err, c.want) || len(dst) != 7 {
			t.Errorf("%s, appended: %v", c.name, err)
		}
		// Growing to twice the size each time allocates some times the bytes.
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(8*len(c.stream)+256<<10); got > most {
			t.Errorf("%s: %d bytes were allocated for %d", c.name, got, len(c.stream))
		}
	}
}

// TestTooLargeIsLeft: what is over a limit can be received with another.
func TestTooLargeIsLeft(t *testing.T) {
	msg := random(t, 1000)
	f := reading(append(short(msg), short([]byte("next"))...))
	f.SetMaxMessage(999)
	if _, err := f.Recv(background); !errors.Is(err, conn.ErrTooLarge) {
		t.Error(err)
	}
	dst := []byte("dst")
	if got, err := f.RecvAppend(background, dst); !errors.Is(err, conn.ErrTooLarge) || string(got) != "dst" {
		t.Error(got, err)
	}
	if _, err := f.RecvLimit(background, 0); !errors.Is(err, conn.ErrTooLarge) {
		t.Error(err)
	}
	n, err := f.RecvInto(background, make([]byte, 999, 2000))
	frameErr, typed := errors.AsType[*conn.FrameError](err)
	if n != 0 || !errors.Is(err, io.ErrShortBuffer) || !typed || frameErr.Size != 1000 || frameErr.Limit != 999 {
		t.Error(n, err)
	}
	buf := make([]byte, 1000)
	if n, err := f.RecvInto(background, buf); err != nil || !bytes.Equal(buf[:n], msg) {
		t.Error(n, err)
	}
	if got, err := f.Recv(background); err != nil || string(got) != "next" {
		t.Error(got, err)
	}
}

// TestSkip: a message is gone, however much of it was received before, and the one after it comes.
func TestSkip(t *testing.T) {
	for _, size := range []int{0, 1, 900, 1000, 5000, 200_000} {
		stream := append(short(random(t, size)), short([]byte("next"))...)
		f := reading(stream)
		f.SetMaxMessage(10)
		if _, err := f.Recv(background); size > 10 && !errors.Is(err, conn.ErrTooLarge) {
			t.Error(size, err)
		} else if size <= 10 {
			f = reading(stream)
		}
		if err := f.Skip(background); err != nil {
			t.Error(size, err)
		}
		if got, err := f.Recv(background); err != nil || string(got) != "next" {
			t.Errorf("%d: %q, %v", size, got, err)
		}
		if err := f.Skip(background); err != io.EOF {
			t.Errorf("%d: at the end: %v", size, err)
		}
		f = reading(stream[:4+size/2])
		if err := f.Skip(background); size > 0 && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d, cut off: %v", size, err)
		}
	}
}

// TestSkipInterrupted: what a Recv, and then a Skip, has begun is gone on with.
func TestSkipInterrupted(t *testing.T) {
	x, y := socketPair(t)
	f := conn.NewFramed(x)
	defer f.Close()
	defer y.Close()
	msg := short(random(t, 100_000))
	write := func(b []byte) {
		t.Helper()
		if _, err := y.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	write(msg[:30_000])
	ctx, cancel := context.WithTimeout(background, 10*time.Millisecond)
	defer cancel()
	if _, err := f.Recv(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	write(msg[30_000:60_000])
	ctx, cancel = context.WithTimeout(background, 10*time.Millisecond)
	defer cancel()
	if err := f.Skip(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	write(append(msg[60_000:], short([]byte("next"))...))
	if err := f.Skip(background); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Recv(background); err != nil || string(got) != "next" {
		t.Errorf("%q, %v", got, err)
	}
}

// countingConn counts the calls that would be system calls.
type countingConn struct {
	net.Conn
	reads, writes int
}

func (c *countingConn) Read(b []byte) (int, error)  { c.reads++; return c.Conn.Read(b) }
func (c *countingConn) Write(b []byte) (int, error) { c.writes++; return c.Conn.Write(b) }

// TestSmallMessagesCostOneCall each way, and no allocation.
func TestSmallMessagesCostOneCall(t *testing.T) {
	x, y := socketPair(t)
	cx, cy := &countingConn{Conn: x}, &countingConn{Conn: y}
	a, b := conn.NewFramed(cx), conn.NewFramed(cy)
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	buf := make([]byte, 1020)
	once := func(size int) {
		if err := a.Send(ctx, buf[:size]); err != nil {
			t.Fatal(err)
		}
		if n, err := b.RecvInto(ctx, buf); err != nil || n != size {
			t.Fatal(n, err)
		}
	}
	for _, size := range []int{0, 1, 100, 1020} {
		once(size)
		once(size)
		cx.writes, cy.reads = 0, 0
		once(size)
		if cx.writes != 1 || cy.reads != 1 {
			t.Errorf("%d bytes: %d writes, %d reads", size, cx.writes, cy.reads)
		}
		if n := testing.AllocsPerRun(100, func() { once(size) }); n != 0 && !raceEnabled {
			t.Errorf("%d bytes: %v allocations", size, n)
		}
	}
}

// TestLargeMessagesAreNotCopied nor do they cost an allocation.
func TestLargeMessagesAreNotAllocated(t *testing.T) {
	a, b := pair(t)
	msg, buf := random(t, 100_000), make([]byte, 100_000)
	if n := testing.AllocsPerRun(20, func() {
		if err := a.Send(background, msg); err != nil {
			t.Fatal(err)
		}
		if n, err := b.RecvInto(background, buf); err != nil || n != len(msg) {
			t.Fatal(n, err)
		}
	}); n != 0 && !raceEnabled {
		t.Errorf("%v allocations", n)
	}
	if !bytes.Equal(msg, buf) {
		t.Error("the message was changed")
	}
}

// TestManySendersAndReceivers: a message is whole whoever else sends and receives.
func TestManySendersAndReceivers(t *testing.T) {
	const senders, each = 8, 50
	a, b := pair(t)
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			for j := range each {
				if err := a.Send(modetest.Patient(t), bytes.Repeat([]byte{byte(i)}, 1+j*701)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var mu sync.Mutex
	got := make(map[byte]int)
	for range 4 {
		all.Go(func() {
			for range senders * each / 4 {
				msg, err := b.Recv(modetest.Patient(t))
				if err != nil {
					t.Error(err)
					return
				}
				if bytes.Count(msg, msg[:1]) != len(msg) {
					t.Error("a mixed message")
				}
				mu.Lock()
				got[msg[0]]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for i := range senders {
		if got[byte(i)] != each {
			t.Errorf("%d messages of sender %d", got[byte(i)], i)
		}
	}
}

func TestDeathOfTheOtherEnd(t *testing.T) {
	t.Run("with nothing pending", func(t *testing.T) {
		a, b := pair(t)
		if err := errors.Join(b.Close(), b.Close()); err != nil {
			t.Error(err)
		}
		if _, err := a.Recv(background); err != io.EOF {
			t.Error(err)
		}
	})
	t.Run("with our message unread", func(t *testing.T) { // the system calls it a reset
		a, b := pair(t)
		if err := errors.Join(a.Send(background, []byte("unread")), b.Send(background, []byte("last"))); err != nil {
			t.Fatal(err)
		}
		b.Close()
		if msg, err := a.Recv(background); err != nil || string(msg) != "last" {
			t.Error(msg, err)
		}
		if _, err := a.Recv(background); err != io.EOF {
			t.Error(err)
		}
	})
	t.Run("sending", func(t *testing.T) {
		a, b := pair(t)
		b.Close()
		var err error
		for range 3 {
			err = a.Send(background, []byte("anybody?"))
		}
		if !isGone(err) {
			t.Error(err)
		}
	})
}

// TestUnread: who closes a socket with something in it that was not read says so.
func TestUnread(t *testing.T) {
	for _, read := range []bool{false, true} {
		x, y := socketPair(t)
		a, b := conn.NewFramed(x), conn.NewFramed(y)
		defer a.Close()
		if err := a.Send(context.Background(), []byte("message")); err != nil {
			t.Fatal(err)
		}
		if read {
			if _, err := b.Recv(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		b.Close()
		if _, err := a.Recv(context.Background()); err != io.EOF {
			t.Fatalf("Recv: %v", err)
		}
		if a.Unread() == read {
			t.Errorf("the message was read: %v, and Unread is %v", read, a.Unread())
		}
	}
}
