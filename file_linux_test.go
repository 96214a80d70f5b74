package multiproc_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
)

// luggage has one of each kind.
type luggage struct {
	Read, Write *multiproc.File
	Listeners   []*multiproc.File // TCP, Unix
	Conns       map[string]*multiproc.File
	Packets     [2]*multiproc.File // UDP, Unix
	Nil         *multiproc.File
}

// unpack takes everything out and uses it.
var unpack = multiproc.Func("unpack", func(_ context.Context, l luggage) (names []string, err error) {
	if l.Nil != nil {
		return nil, errors.New("a nil File is not nil")
	}
	in, err := l.Read.File()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	out, err := l.Write.File()
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		return nil, err
	}
	names = append(names, in.Name(), out.Name())
	for _, f := range l.Listeners {
		ln, err := multiproc.Take(f, net.FileListener)
		if err != nil {
			return nil, err
		}
		defer ln.Close()
		names = append(names, fmt.Sprintf("%T %s", ln, f.Name()))
		conn, err := ln.Accept()
		if err != nil {
			return nil, err
		}
		fmt.Fprint(conn, "accepted")
		conn.Close()
	}
	for _, name := range []string{"tcp", "unix"} {
		conn, err := multiproc.Take(l.Conns[name], net.FileConn)
		if err != nil {
			return nil, err
		}
		fmt.Fprint(conn, "sent by ", name)
		conn.Close() // and with it the stream ends, although this entry goes on
		names = append(names, fmt.Sprintf("%T", conn))
	}
	for _, f := range l.Packets {
		conn, err := multiproc.Take(f, net.FilePacketConn)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		b := make([]byte, 100)
		n, from, err := conn.ReadFrom(b)
		if err != nil {
			return nil, err
		}
		if _, err := conn.WriteTo(append([]byte("re: "), b[:n]...), from); err != nil {
			return nil, err
		}
	}
	return names, nil
})

func listen(t *testing.T, network, addr string) net.Listener {
	t.Helper()
	ln, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

// connected returns two ends of a connection.
func connected(t *testing.T, network, addr string) (net.Conn, net.Conn) {
	t.Helper()
	ln := listen(t, network, addr)
	a, err := net.Dial(network, ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	b.SetDeadline(time.Now().Add(watchdog))
	return a, b
}

// dial says nothing and hears to the end.
func dial(t *testing.T, a net.Addr) string {
	t.Helper()
	conn, err := net.Dial(a.Network(), a.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return rest(t, conn)
}

func rest(t *testing.T, conn net.Conn) string {
	t.Helper()
	conn.SetDeadline(time.Now().Add(watchdog))
	b, err := io.ReadAll(conn)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

func packets(t *testing.T, network, addr string) net.PacketConn {
	t.Helper()
	c, err := net.ListenPacket(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(watchdog))
	return c
}

func TestFiles(t *testing.T) {
	dir, err := os.MkdirTemp("", "mp") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "in")
	if err := os.WriteFile(path, []byte("of the parent"), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	tcp, unix := listen(t, "tcp", "127.0.0.1:0"), listen(t, "unix", filepath.Join(dir, "l"))
	tcpOurs, tcpPeer := connected(t, "tcp", "127.0.0.1:0")
	unixOurs, unixPeer := connected(t, "unix", filepath.Join(dir, "c"))
	udp, udpPeer := packets(t, "udp", "127.0.0.1:0"), packets(t, "udp", "127.0.0.1:0")
	gram, gramPeer := packets(t, "unixgram", filepath.Join(dir, "g")), packets(t, "unixgram", filepath.Join(dir, "p"))

	call, err := unpack.Start(t.Context(), luggage{
		Read: multiproc.NewFile(in), Write: multiproc.NewFile(w),
		Listeners: []*multiproc.File{multiproc.NewFile(tcp), multiproc.NewFile(unix)},
		Conns:     map[string]*multiproc.File{"tcp": multiproc.NewFile(tcpOurs), "unix": multiproc.NewFile(unixOurs)},
		Packets:   [2]*multiproc.File{multiproc.NewFile(udp), multiproc.NewFile(gram)},
	})
	if err != nil {
		t.Fatal(err)
	}
	// What was sent does not depend on ours.
	for _, c := range []io.Closer{in, w, tcpOurs, unixOurs, udp} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if b, err := io.ReadAll(r); string(b) != "of the parent" || err != nil {
		t.Errorf("through the pipe: %q, %v", b, err)
	}
	for _, ln := range []net.Listener{tcp, unix} {
		if text := dial(t, ln.Addr()); text != "accepted" {
			t.Errorf("%v says %q", ln.Addr(), text)
		}
	}
	if text := rest(t, tcpPeer); text != "sent by tcp" {
		t.Errorf("TCP connection: %q", text)
	}
	if text := rest(t, unixPeer); text != "sent by unix" {
		t.Errorf("Unix connection: %q", text)
	}
	for _, c := range []struct {
		from net.PacketConn
		to   net.Addr
	}{{udpPeer, udp.LocalAddr()}, {gramPeer, gram.LocalAddr()}} {
		if _, err := c.from.WriteTo([]byte("hello"), c.to); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 100)
		if n, _, err := c.from.ReadFrom(b); string(b[:n]) != "re: hello" || err != nil {
			t.Errorf("%v: %q, %v", c.to, b[:n], err)
		}
	}
	names, err := call.Result(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{path, "|1",
		"*net.TCPListener tcp " + tcp.Addr().String(), "*net.UnixListener unix " + unix.Addr().String(), "*net.TCPConn", "*net.UnixConn"}
	if fmt.Sprint(names) != fmt.Sprint(want) {
		t.Errorf("names %q, want %q", names, want)
	}
	// The child has closed the Unix listener, and its path is still there.
	go func() {
		if conn, err := unix.Accept(); err == nil {
			conn.Close()
		}
	}()
	if text := dial(t, unix.Addr()); text != "" {
		t.Errorf("%q", text)
	}
}

// manyFiles are more than one message takes.
const manyFiles = 600

var readAll = multiproc.Func("read all", func(_ context.Context, in [][]*multiproc.File) (out []*multiproc.File, err error) {
	for i, list := range in {
		for j, f := range list {
			file, err := f.File()
			if err != nil {
				return nil, err
			}
			var a, b int
			if _, err := fmt.Fscan(file, &a, &b); err != nil || a != i || b != j {
				return nil, fmt.Errorf("file %d, %d contains %d, %d: %v", i, j, a, b, err)
			}
			if _, err := file.Seek(0, io.SeekStart); err != nil {
				return nil, err
			}
			out = append(out, multiproc.NewFile(file))
		}
	}
	return out, nil
})

func TestManyFiles(t *testing.T) {
	before := descriptors(t)
	in := make([][]*multiproc.File, 3)
	var open []*os.File
	for i := range in {
		for j := range manyFiles / len(in) {
			f := tempFile(t)
			fmt.Fprint(f, i, j)
			f.Seek(0, io.SeekStart)
			in[i] = append(in[i], multiproc.NewFile(f))
			open = append(open, f)
		}
	}
	call, err := readAll.Start(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range open {
		f.Close()
	}
	out, err := call.Result(patient(t))
	if err != nil || len(out) != manyFiles {
		t.Fatal(len(out), err)
	}
	for i, f := range out {
		var a, b int
		file, err := f.File()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fscan(file, &a, &b); err != nil || a*manyFiles/len(in)+b != i {
			t.Errorf("file %d contains %d, %d: %v", i, a, b, err)
		}
		file.Close()
	}
	wantDescriptors(t, before)
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// wantDescriptors waits for what is closed by others: a descriptor that no test has
// closed yet and a collector will is none of theirs.
func wantDescriptors(t *testing.T, want int) {
	t.Helper()
	deadline := time.Now().Add(watchdog / 4)
	for descriptors(t) > want {
		if time.Now().After(deadline) {
			t.Errorf("%d descriptors, and %d before", descriptors(t), want)
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// sendBack returns what it has got, in other places.
var sendBack = multiproc.Func("send back", func(_ context.Context, in []*multiproc.File) (map[string]*multiproc.File, error) {
	return map[string]*multiproc.File{"first": in[0], "again": in[0], "second": in[1], "none": nil}, nil
})

// relay passes on what it has got, to a process of its own.
var relay = multiproc.Func("relay", func(ctx context.Context, in []*multiproc.File) (map[string]*multiproc.File, error) {
	call, err := sendBack.Start(ctx, in)
	if err != nil {
		return nil, err
	}
	return call.Result(ctx)
})

func TestFilesInResult(t *testing.T) {
	before := descriptors(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range []*multiproc.Entry[[]*multiproc.File, map[string]*multiproc.File]{sendBack, relay} {
		in := []*multiproc.File{multiproc.NewFile(r), multiproc.NewFile(w)}
		call, err := entry.Start(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		out, err := call.Result(patient(t))
		if err != nil {
			t.Fatal(err)
		}
		if again, err := call.Result(patient(t)); err != nil || again["first"] != out["first"] {
			t.Errorf("asked a second time: %v, %v", again, err)
		}
		if f, ok := out["none"]; f != nil || !ok || len(out) != 4 {
			t.Errorf("got %v", out)
		}
		write, err := out["second"].File()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(write, "hello", entry.Name())
		read, err := out["again"].File()
		if err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(read).ReadString('\n'); line != "hello "+entry.Name()+"\n" || err != nil {
			t.Errorf("%q, %v", line, err)
		}
		write.Close()
		read.Close()
		if err := errors.Join(out["first"].Close(), out["first"].Close(), out["second"].Close()); err != nil {
			t.Error(err)
		}
		if _, err := out["first"].File(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		if _, err := entry.Start(t.Context(), []*multiproc.File{out["first"], in[0]}); !errors.Is(err, os.ErrClosed) {
			t.Errorf("closed, and sent: %v", err)
		}
	}
	r.Close()
	w.Close()
	wantDescriptors(t, before)
}

// A result that nobody can ask for is closed when the process has ended.
func TestFilesInUnaskedResult(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	task := sendBack.With([]*multiproc.File{multiproc.NewFile(w), multiproc.NewFile(w)})
	p, err := multiproc.Start(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	group, _ := multiproc.NewGroup(t.Context())
	group.Start(task)
	w.Close()
	if err := errors.Join(p.Wait(patient(t)), group.Wait()); err != nil {
		t.Error(err)
	}
	if b, err := io.ReadAll(r); len(b) > 0 || err != nil {
		t.Errorf("%q, %v", b, err)
	}
}

type leaveArg struct {
	Addr  string
	Files []*multiproc.File
	How   string
}

// leaveOpen takes out the first and ignores the others.
var leaveOpen = multiproc.Proc("leave open", func(ctx context.Context, a leaveArg) error {
	v, err := call(a.Addr, "entry")
	if err != nil {
		return err
	}
	file, err := a.Files[0].File()
	if err != nil {
		return err
	}
	multiproc.AtExit(ctx, func() {
		// The entry has returned, and the process lives on.
		for _, f := range a.Files[1:] {
			_, err := f.File()
			v.tell("%v", err)
		}
		fmt.Fprint(file, "still open")
		file.Close()
		v.hear()
		v.conn.Close()
	})
	switch a.How {
	case "error":
		return errOwn
	case "panic":
		panic("boom")
	}
	return nil
})

func TestFilesNotTakenOut(t *testing.T) {
	for _, how := range []string{"", "error", "panic"} {
		post := newPost(t)
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		conn, peer := connected(t, "tcp", "127.0.0.1:0")
		p, err := multiproc.Start(t.Context(), leaveOpen.With(leaveArg{post.Addr,
			[]*multiproc.File{multiproc.NewFile(w), multiproc.NewFile(conn), multiproc.NewFile(conn)}, how}))
		if err != nil {
			t.Fatal(err)
		}
		w.Close()
		conn.Close()
		v := post.next(t)
		for range 2 {
			if line := v.line(t); !strings.HasSuffix(line, os.ErrClosed.Error()) {
				t.Errorf("%q: a File after the end of its entry: %s", how, line)
			}
		}
		if b, err := io.ReadAll(r); string(b) != "still open" || err != nil {
			t.Errorf("%q: %q, %v", how, b, err)
		}
		// The process still lives, and the connection has ended.
		if text := rest(t, peer); text != "" {
			t.Errorf("%q", text)
		}
		v.say(t, "go")
		if err := p.Wait(patient(t)); (err == nil) != (how == "") {
			t.Error(err)
		}
	}
}

var ignoreFiles = multiproc.Proc("ignore files", func(context.Context, map[string][]*multiproc.File) error { return nil })

// A start that fails, at whatever step, leaves nothing open.
func TestFailedStartLeavesNothingOpen(t *testing.T) {
	file := tempFile(t)
	closed := tempFile(t)
	closed.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	good := map[string][]*multiproc.File{"a": {multiproc.NewFile(file), multiproc.NewFile(file)}}
	bad := map[string][]*multiproc.File{"a": {multiproc.NewFile(file), multiproc.NewFile(closed)}}
	before := descriptors(t)
	for name, tt := range map[string]struct {
		ctx  context.Context
		arg  map[string][]*multiproc.File
		o    multiproc.Options
		want error
		path string
	}{
		"closed":         {t.Context(), bad, multiproc.Options{}, os.ErrClosed, `["a"][1] (*multiproc.File)`},
		"context":        {ended, good, multiproc.Options{}, context.Canceled, ""},
		"no such folder": {t.Context(), good, multiproc.Options{Dir: "/nowhere/at/all"}, nil, ""},
	} {
		_, err := ignoreFiles.StartWith(tt.ctx, tt.arg, tt.o)
		var startErr *multiproc.StartError
		if !errors.As(err, &startErr) || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.path) {
			t.Errorf("%s: %v", name, err)
		}
		wantDescriptors(t, before)
	}
	call, err := ignoreFiles.Start(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	if err := call.Wait(patient(t)); err != nil {
		t.Error(err)
	}
	wantDescriptors(t, before)
}

// The child dies, or is told to end, before it has read its argument.
func TestKilledBeforeFiles(t *testing.T) {
	needProcess(t)
	file := tempFile(t)
	arg := map[string][]*multiproc.File{"": make([]*multiproc.File, manyFiles)}
	for i := range arg[""] {
		arg[""][i] = multiproc.NewFile(file)
	}
	before := descriptors(t)
	for _, cancelled := range []bool{false, true} {
		post := newPost(t)
		ctx, cancel := context.WithCancel(t.Context())
		c, err := ignoreFiles.StartWith(ctx, arg, multiproc.Options{
			Env:   append(os.Environ(), initEnv+"=stuck", addrEnv+"="+post.Addr),
			Grace: time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		v := post.next(t)
		if cancelled {
			cancel()
		} else {
			c.Kill()
		}
		wantSignal(t, c.Process, syscall.SIGKILL)
		cancel()
		v.conn.Close()
		post.listener.Close()
	}
	wantDescriptors(t, before)
}

// A child that may not have as many descriptors says so; it does not just die.
func TestTooManyFilesForChild(t *testing.T) {
	needProcess(t)
	file := tempFile(t)
	arg := map[string][]*multiproc.File{"": make([]*multiproc.File, 200)}
	for i := range arg[""] {
		arg[""][i] = multiproc.NewFile(file)
	}
	before := descriptors(t)
	c, err := ignoreFiles.StartWith(t.Context(), arg, multiproc.Options{
		Env: append(os.Environ(), initEnv+"=few files"),
	})
	if err != nil {
		t.Fatal(err)
	}
	var startErr *multiproc.StartError
	if err := c.Wait(patient(t)); !errors.As(err, &startErr) || !strings.Contains(err.Error(), "descriptors were lost") {
		t.Error(err)
	}
	wantDescriptors(t, before)
}

// So does a parent, whom its child may give more than it may have.
var openMany = multiproc.Func("open many", func(_ context.Context, n int) (files []*multiproc.File, err error) {
	for range n {
		f, err := os.Open("/dev/null")
		if err != nil {
			return nil, err
		}
		files = append(files, multiproc.NewFile(f))
	}
	return files, nil
})

func TestTooManyFilesForParent(t *testing.T) {
	needProcess(t)
	before := descriptors(t)
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	c, err := openMany.Start(t.Context(), 300)
	if err != nil {
		t.Fatal(err)
	}
	low := old
	low.Cur = uint64(before + 40)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	files, err := c.Result(patient(t))
	if err2 := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old); err2 != nil {
		t.Fatal(err2)
	}
	if files != nil || err == nil || !strings.Contains(err.Error(), "the result of open many") || !strings.Contains(err.Error(), "descriptors were lost") {
		t.Errorf("%d files, %v", len(files), err)
	}
	if err := c.Wait(patient(t)); err != nil {
		t.Errorf("the entry has done its part: %v", err)
	}
	wantDescriptors(t, before)
}

func TestFileAlone(t *testing.T) {
	ln := listen(t, "tcp", "127.0.0.1:0")
	f := multiproc.NewFile(ln)
	if _, err := json.Marshal(f); err == nil || !strings.Contains(err.Error(), "argument or the result of an entry") {
		t.Errorf("json: %v", err)
	}
	before := descriptors(t)
	// In its own process it gives duplicates.
	for range 2 {
		own, err := multiproc.Take(f, net.FileListener)
		if err != nil {
			t.Fatal(err)
		}
		if own.Addr().String() != ln.Addr().String() || own == ln {
			t.Errorf("listens on %v", own.Addr())
		}
		own.Close()
		file, err := f.File()
		if err != nil {
			t.Fatal(err)
		}
		file.Close()
	}
	// What is not a socket is no listener, and remains what it is.
	g := multiproc.NewFile(tempFile(t))
	var pathErr *os.PathError
	if ln, err := multiproc.Take(g, net.FileListener); ln != nil || !errors.As(err, &pathErr) {
		t.Errorf("%v, %v", ln, err)
	}
	if c, err := multiproc.Take(g, net.FileConn); c != nil || !errors.As(err, &pathErr) {
		t.Errorf("%v, %v", c, err)
	}
	if c, err := multiproc.Take(g, net.FilePacketConn); c != nil || !errors.As(err, &pathErr) {
		t.Errorf("%v, %v", c, err)
	}
	if file, err := g.File(); err != nil {
		t.Error(err)
	} else {
		file.Close()
	}
	if err := errors.Join(f.Close(), f.Close()); err != nil {
		t.Error(err)
	}
	if _, err := multiproc.Take(f, net.FileListener); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	wantDescriptors(t, before+1) // g's
}

func init() {
	if os.Getenv(initEnv) == "few files" {
		var limit syscall.Rlimit
		syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
		limit.Cur = 40
		syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
}
