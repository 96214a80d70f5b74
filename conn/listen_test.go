package conn_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
)

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestListenAndDial(t *testing.T) {
	for _, address := range addresses(t) {
		for _, key := range keysToTry() {
			o := optionsOf(key)
			l := listen(t, address[0], address[1], o)
			for range 3 {
				f := dial(t, l, o)
				served := accept(t, l)
				go echo(served)
				for _, size := range []int{0, 1, 1021, 20_000, 1 << 20} {
					exchange(t, f, random(t, size))
				}
				if f.RemoteAddr().String() != l.Addr().String() || served.LocalAddr().String() != l.Addr().String() {
					t.Errorf("%v: addresses %v, %v", address, f.RemoteAddr(), served.LocalAddr())
				}
			}
			if err := errors.Join(l.Close(), l.Close()); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestDialWithOtherKey(t *testing.T) {
	l := listen(t, "unix", "", withKey(key))
	for _, other := range [][]byte{{}, []byte("another")} {
		_, err := conn.Dial(modetest.Patient(t), "unix", l.Addr().String(), withKey(other))
		if !errors.Is(err, conn.ErrAuthentication) {
			t.Errorf("key %q: %v", other, err)
		}
	}
}

// TestOptions: that there is no key must be said.
func TestOptions(t *testing.T) {
	for name, o := range map[string]conn.Options{
		"nothing said":    {},
		"both said":       {Authkey: key, NoAuthentication: true},
		"negative time":   {Authkey: key, HandshakeTimeout: -1},
		"negative number": {Authkey: key, MaxPending: -1},
		"negative size":   {Authkey: key, MaxMessage: -1},
		"mode":            {Authkey: key, SocketMode: os.ModeDir},
	} {
		l, listenErr := conn.Listen("unix", "", o)
		f, dialErr := conn.Dial(background, "unix", "/nowhere", o)
		if listenErr == nil || dialErr == nil || l != nil || f != nil || errors.Is(dialErr, os.ErrNotExist) {
			t.Errorf("%s: %v, %v", name, listenErr, dialErr)
		}
		if name == "nothing said" && (listenErr != conn.ErrNoKey || dialErr != conn.ErrNoKey) {
			t.Error(listenErr, dialErr)
		}
	}
	for _, network := range []string{"", "udp", "unixgram", "unixpacket"} {
		if _, err := conn.Listen(network, "", withKey(key)); !errors.Is(err, conn.ErrAddress) {
			t.Errorf("%q: %v", network, err)
		}
	}
}

// TestMaxMessage comes from the options, at both ends.
func TestMaxMessage(t *testing.T) {
	o := withKey(key)
	o.MaxMessage = 10
	l := listen(t, "unix", "", o)
	a, b := dial(t, l, o), accept(t, l)
	for _, ends := range [][2]*conn.Framed{{a, b}, {b, a}} {
		if err := ends[0].Send(background, make([]byte, 11)); err != nil {
			t.Fatal(err)
		}
		if _, err := ends[1].Recv(background); !errors.Is(err, conn.ErrTooLarge) {
			t.Error(err)
		}
	}
}

// pipeListener gives out one end of a net.Pipe for each dial, or an error.
type pipeListener struct {
	conns  chan any
	closed chan struct{}
	once   sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan any), closed: make(chan struct{})}
}

func (p *pipeListener) Accept() (net.Conn, error) {
	select {
	case x := <-p.conns:
		if err, ok := x.(error); ok {
			return nil, err
		}
		return x.(net.Conn), nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipeListener) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (p *pipeListener) dial(t *testing.T) net.Conn {
	x, y := net.Pipe()
	t.Cleanup(func() { x.Close() })
	p.conns <- y
	return x
}

// honest dials and authenticates.
func (p *pipeListener) honest(t *testing.T) *conn.Framed {
	t.Helper()
	f := conn.NewFramed(p.dial(t))
	if err := conn.Authenticate(background, f, conn.Handshake{Key: key, Role: conn.Dialing}); err != nil {
		t.Fatal(err)
	}
	return f
}

// inBubble runs a test of a listener on pipes, with time that passes only when all wait.
func inBubble(t *testing.T, o conn.Options, test func(t *testing.T, l *conn.Listener, p *pipeListener)) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipeListener()
		l, err := conn.ListenOn(p, o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}()
		test(t, l, p)
	})
}

func wantHeld(t *testing.T, l *conn.Listener, pending, waiting int) {
	t.Helper()
	synctest.Wait()
	if p, w := conn.Held(l); p != pending || w != waiting {
		t.Errorf("%d in their handshake and %d waiting, not %d and %d", p, w, pending, waiting)
	}
}

// TestSilentConnections: a thousand of them keep nobody out, and are gone after the timeout.
func TestSilentConnections(t *testing.T) {
	inBubble(t, withKey(key), func(t *testing.T, l *conn.Listener, p *pipeListener) {
		start := time.Now()
		for range 1000 {
			p.dial(t)
		}
		wantHeld(t, l, 1000, 0)
		p.honest(t)
		if _, err := l.Accept(background); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("the honest one waited for %v", waited)
		}
		time.Sleep(conn.DefaultHandshakeTimeout - 1)
		wantHeld(t, l, 1000, 0)
		time.Sleep(time.Nanosecond)
		wantHeld(t, l, 0, 0)
	})
}

// TestOldestMakesWay when there are more than may be.
func TestOldestMakesWay(t *testing.T) {
	o := withKey(key)
	o.MaxPending = 10
	var logged logBuffer
	o.Logger = slog.New(slog.NewTextHandler(&logged, nil))
	inBubble(t, o, func(t *testing.T, l *conn.Listener, p *pipeListener) {
		silent := make([]net.Conn, 25)
		for i := range silent {
			silent[i] = p.dial(t)
			synctest.Wait()
		}
		wantHeld(t, l, 10, 0)
		for i, c := range silent {
			_, err := c.Read(make([]byte, 4)) // the challenge's header, or the end
			if dropped := i < 15; dropped != (err == io.EOF) {
				t.Errorf("connection %d: %v", i, err)
			}
		}
		p.honest(t)
		if _, err := l.Accept(background); err != nil {
			t.Error(err)
		}
		wantHeld(t, l, 9, 0)
	})
	if n := strings.Count(logged.String(), "there are too many"); n != 16 {
		t.Errorf("the log has %d:\n%s", n, logged.String())
	}
}

// TestSlowLoris: whoever sends a byte from time to time has no more time than others.
func TestSlowLoris(t *testing.T) {
	o := withKey(key)
	o.HandshakeTimeout = time.Minute
	inBubble(t, o, func(t *testing.T, l *conn.Listener, p *pipeListener) {
		start := time.Now()
		c := p.dial(t)
		go io.Copy(io.Discard, c)
		var err error
		for frame := short(make([]byte, 250)); err == nil; frame = frame[1:] {
			time.Sleep(9 * time.Second)
			_, err = c.Write(frame[:1])
		}
		wantHeld(t, l, 0, 0)
		if took := time.Since(start); took != 63*time.Second { // at 54 s it still was
			t.Errorf("it was held for %v", took)
		}
	})
}

// TestNothingIsRead: one who does not read what we send is bound by the timeout too.
func TestNothingIsRead(t *testing.T) {
	inBubble(t, withKey(key), func(t *testing.T, l *conn.Listener, p *pipeListener) {
		p.dial(t) // net.Pipe has no buffer: the challenge is not taken
		time.Sleep(conn.DefaultHandshakeTimeout)
		wantHeld(t, l, 0, 0)
	})
}

// TestWaitingForAccept: those who are through wait, in order, and are not dropped for others.
func TestWaitingForAccept(t *testing.T) {
	o := withKey(key)
	o.MaxPending = 3
	inBubble(t, o, func(t *testing.T, l *conn.Listener, p *pipeListener) {
		for i := range 3 {
			f := p.honest(t)
			go f.Send(background, fmt.Append(nil, i))
			synctest.Wait()
		}
		wantHeld(t, l, 0, 3)
		p.dial(t) // what was accepted before
		wantHeld(t, l, 1, 3)
		more := waitsIn(func() net.Conn { return p.dial(t) }) // stays in the queue of the system
		wantHeld(t, l, 1, 3)
		for i := range 3 {
			f, err := l.Accept(background)
			if err != nil {
				t.Fatal(err)
			}
			if msg, err := f.Recv(background); err != nil || string(msg) != fmt.Sprint(i) {
				t.Errorf("%q, %v", msg, err)
			}
			f.Close()
		}
		<-more
		wantHeld(t, l, 2, 0)
	})
}

func TestAcceptGivesUp(t *testing.T) {
	inBubble(t, withKey(key), func(t *testing.T, l *conn.Listener, p *pipeListener) {
		ctx, cancel := context.WithCancel(background)
		errs := waitsIn(func() error { _, err := l.Accept(ctx); return err })
		cancel()
		if err := <-errs; err != context.Canceled {
			t.Error(err)
		}
		p.honest(t)
		synctest.Wait()
		for range 50 { // one that waits makes no difference
			if _, err := l.Accept(ctx); err != context.Canceled {
				t.Fatal(err)
			}
		}
		if _, err := l.Accept(background); err != nil {
			t.Error(err)
		}
	})
}

// TestHandshakeTimeoutEnds with the handshake.
func TestHandshakeTimeoutEnds(t *testing.T) {
	inBubble(t, withKey(key), func(t *testing.T, l *conn.Listener, p *pipeListener) {
		theirs := p.honest(t)
		ours, err := l.Accept(background)
		if err != nil {
			t.Fatal(err)
		}
		errs := waitsIn(func() error { return echo(ours) })
		time.Sleep(time.Hour)
		exchange(t, theirs, []byte("late"))
		theirs.Close()
		if err := <-errs; err != nil {
			t.Error(err)
		}
	})
}

// TestCloseEndsAll but what was given out.
func TestCloseEndsAll(t *testing.T) {
	inBubble(t, withKey(key), func(t *testing.T, l *conn.Listener, p *pipeListener) {
		accepting := waitsIn(func() error {
			f, err := l.Accept(background)
			if err == nil {
				go echo(f)
				_, err = l.Accept(background)
			}
			return err
		})
		given := p.honest(t)
		defer given.Close()
		synctest.Wait()
		closing := make(chan error)
		for range 2 {
			go func() { closing <- l.Close() }()
		}
		if err := errors.Join(<-closing, <-closing); err != nil {
			t.Error(err)
		}
		if err := <-accepting; err != conn.ErrClosed {
			t.Error(err)
		}
		exchange(t, given, []byte("on"))
	})
	inBubble(t, withKey(key), func(t *testing.T, l *conn.Listener, p *pipeListener) {
		silent, waiting := p.dial(t), p.honest(t)
		wantHeld(t, l, 1, 1)
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		wantHeld(t, l, 0, 0)
		if _, err := l.Accept(background); err != conn.ErrClosed {
			t.Error(err)
		}
		for i, c := range []*conn.Framed{waiting, conn.NewFramed(silent)} {
			if _, err := c.Recv(background); err != io.EOF {
				t.Errorf("connection %d: %v", i, err)
			}
		}
	})
}

// TestShortage of descriptors is waited out, and frees what strangers have.
func TestShortage(t *testing.T) {
	var logged logBuffer
	o := withKey(key)
	o.Logger = slog.New(slog.NewTextHandler(&logged, nil))
	inBubble(t, o, func(t *testing.T, l *conn.Listener, p *pipeListener) {
		start := time.Now()
		p.dial(t)
		wantHeld(t, l, 1, 0)
		for range 4 {
			p.conns <- &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
		}
		p.conns <- &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.ECONNABORTED)}
		wantHeld(t, l, 0, 0)
		p.honest(t)
		if _, err := l.Accept(background); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != (5+10+20+40)*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		p.conns <- syscall.ENFILE
		synctest.Wait() // Close ends the pause
	})
	if n := strings.Count(logged.String(), "cannot accept"); n != 5 {
		t.Errorf("the log has %d:\n%s", n, logged.String())
	}
}

// TestListenerFails: what cannot get better is returned by Accept.
func TestListenerFails(t *testing.T) {
	inBubble(t, withKey(key), func(t *testing.T, l *conn.Listener, p *pipeListener) {
		c := p.dial(t)
		synctest.Wait()
		p.conns <- syscall.EINVAL
		for range 2 {
			if _, err := l.Accept(background); err != syscall.EINVAL {
				t.Error(err)
			}
		}
		if _, err := c.Read(make([]byte, 100)); err != io.EOF {
			t.Error(err)
		}
	})
}

// TestHostileClients try what there is to try, beside an honest one.
func TestHostileClients(t *testing.T) {
	l := listen(t, "unix", "", withKey(key))
	answers := map[string][]byte{
		"nothing":           nil,
		"half a header":     {0, 0},
		"negative length":   {0x80, 0, 0, 0},
		"2 GiB":             {0x7f, 0xff, 0xff, 0xff, 1, 2, 3},
		"8 EiB":             long(nil)[:4],
		"zero length":       short(nil),
		"257 bytes":         short(make([]byte, 257)),
		"half a frame":      short(make([]byte, 40))[:20],
		"noise":             random(t, 5000),
		"welcome":           short([]byte("#WELCOME#")),
		"a challenge":       short(append([]byte("#CHALLENGE#{sha256}"), random(t, 40)...)),
		"an HTTP request":   []byte("GET / HTTP/1.1\r\n\r\n"),
		"a pickled request": short([]byte("\x80\x04\x95\x11\x00\x00\x00\x00\x00\x00\x00(N\x8c\x05dummy\x94)}\x94t\x94.")),
	}
	answers["8 EiB"] = append(answers["8 EiB"], 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	for name, answer := range answers {
		c, err := net.Dial("unix", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(answer); err != nil {
			t.Fatal(err)
		}
		if err := c.(*net.UnixConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		c.SetReadDeadline(time.Now().Add(modetest.Watchdog))
		got, err := io.ReadAll(c)
		c.Close()
		// A challenge, perhaps a refusal, and the end. A reset is an end.
		if err != nil && !isGone(err) {
			t.Errorf("%s: %v", name, err)
		}
		if len(got) > 63+13 || !bytes.HasPrefix(got, []byte("\x00\x00\x00\x3b#CHALLENGE#{sha256}")) {
			t.Errorf("%s: it was answered with %q", name, got)
		}
	}
	f := dial(t, l, withKey(key))
	served := accept(t, l)
	go echo(served)
	exchange(t, f, []byte("honest"))
}

// TestCrowd is silent connections and honest ones, over real sockets, at once.
func TestCrowd(t *testing.T) {
	o := withKey(key)
	o.MaxPending = 100
	l := listen(t, "unix", "", o)
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			for range 60 {
				c, err := net.Dial("unix", l.Addr().String())
				if err != nil {
					t.Error(err)
					continue
				}
				t.Cleanup(func() { c.Close() })
			}
		})
	}
	all.Wait()
	const honest = 50
	for i := range honest {
		all.Go(func() {
			f, err := conn.Dial(modetest.Patient(t), "unix", l.Addr().String(), o)
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			exchange(t, f, fmt.Append(nil, i))
		})
	}
	for range honest {
		f := accept(t, l)
		all.Go(func() {
			if err := echo(f); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestDialGivesUp on a server that accepts and says nothing.
func TestDialGivesUp(t *testing.T) {
	mute, err := net.Listen("unix", t.TempDir()+"/mute")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	o := withKey(key)
	o.HandshakeTimeout = time.Millisecond
	if _, err := conn.Dial(background, "unix", mute.Addr().String(), o); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	o.HandshakeTimeout = time.Hour
	ctx, cancel := context.WithTimeout(background, time.Millisecond)
	defer cancel()
	if _, err := conn.Dial(ctx, "unix", mute.Addr().String(), o); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if _, err := conn.Dial(ctx, "unix", mute.Addr().String(), o); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if _, err := conn.Dial(background, "unix", t.TempDir()+"/none", o); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
