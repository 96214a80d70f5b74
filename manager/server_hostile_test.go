package manager_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/internal/race"
	"github.com/multiproc-go/multiproc/manager"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

// header is that of a message of n bytes.
func header(n uint64) []byte {
	if n <= math.MaxInt32 {
		return binary.BigEndian.AppendUint32(nil, uint32(n))
	}
	return binary.BigEndian.AppendUint64([]byte{0xff, 0xff, 0xff, 0xff}, n)
}

// strangers is what those send who do not have the key.
func strangers(seed uint64) map[string][]byte {
	random := rand.New(rand.NewPCG(seed, 0))
	junk := make([]byte, 10_000)
	for i := range junk {
		junk[i] = byte(random.Uint32())
	}
	framed := append(header(200), junk[:200]...)
	return map[string][]byte{
		"nothing":         nil,
		"half a header":   {0, 0},
		"half a message":  append(header(20), "short"...),
		"a long one":      append(header(257), junk[:257]...),
		"2 GiB":           append(header(math.MaxInt32), junk...),
		"8 EiB":           append(header(1<<63), junk...),
		"16 EiB":          append(header(math.MaxUint64), junk...),
		"negative":        append([]byte{0x80, 0, 0, 0}, junk...),
		"random":          junk,
		"framed random":   framed,
		"an empty answer": header(0),
		"a wrong answer":  append(header(16), junk[:16]...),
		"a new answer":    append(header(40), append([]byte("{sha256}"), junk[:32]...)...),
		"an odd digest":   append(header(40), append([]byte("{crc32}."), junk[:32]...)...),
		"HTTP":            []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		"welcomes":        append(append(header(9), "#WELCOME#"...), append(header(9), "#WELCOME#"...)...),
		"the request":     append(header(10), "\x80\x04(N\x8c\x05dummy)}t."...),
	}
}

func TestStrangers(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for _, network := range []string{"unix", "tcp"} {
		s := serve(t, manager.Options{Network: network, HandshakeTimeout: 50 * time.Millisecond})
		for name, data := range strangers(seed) {
			c, err := net.Dial(s.Addr().Network(), s.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			c.SetDeadline(time.Now().Add(modetest.Watchdog))
			c.Write(data) // it may be cut off
			told, err := io.ReadAll(c)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: not thrown out", name)
			}
			c.Close()
			if bytes.Contains(told, []byte("#WELCOME#")) || bytes.Contains(told, []byte("#RETURN")) || bytes.Contains(told, []byte("#TRACEBACK")) {
				t.Errorf("%s: is told %q", name, told)
			}
			wantWorking(t, s)
		}
	}
}

// TestWrongKeys: an error for the client, and no word from the server.
func TestWrongKeys(t *testing.T) {
	s := serve(t, manager.Options{Authkey: []byte("the key")})
	for _, key := range []string{"", "the kez", "the key "} {
		f, err := conn.Dial(modetest.Patient(t), s.Addr().Network(), s.Addr().String(), conn.Options{Authkey: []byte(key)})
		if !errors.Is(err, conn.ErrAuthentication) {
			t.Errorf("%q: %v, %v", key, f, err)
		}
	}
	wantWorking(t, s)
}

// TestSlowHandshake: bytes that keep coming do not keep a stranger in.
func TestSlowHandshake(t *testing.T) {
	s := serve(t, manager.Options{HandshakeTimeout: 50 * time.Millisecond})
	c, err := net.Dial(s.Addr().Network(), s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx := modetest.Patient(t)
	for _, b := range bytes.Repeat(append(header(200), make([]byte, 200)...), 1000) {
		if _, err := c.Write([]byte{b}); err != nil {
			wantWorking(t, s)
			return
		}
		time.Sleep(time.Millisecond)
		if ctx.Err() != nil {
			break
		}
	}
	t.Error("still in its handshake")
}

// touch is the pickle of os.system("touch path"), in a request.
func touch(path string) *pickle.Object {
	return &pickle.Object{Callable: &pickle.Global{Module: "os", Name: "system"}, Args: pickle.NewTuple("touch " + path)}
}

// TestNothingIsRun: what names a function stays what it is.
func TestNothingIsRun(t *testing.T) {
	s := serve(t, manager.Options{Types: []manager.UserType{counterType()}})
	path := filepath.Join(t.TempDir(), "touched")
	d, c, f := create(t, s, "dict"), create(t, s, "Counter"), open(t, s)
	want(t, f, nil, d, "__setitem__", "a", touch(path))
	want(t, f, touch(path), d, "__getitem__", "a")
	want(t, f, touch(path), c, "echo", touch(path))
	ask(t, s, "create", "dict", touch(path))
	send(t, f, touch(path))
	if kind, result := receive(t, f); kind != wire.KindTraceback {
		t.Errorf("in place of a request: %s %v", kind, result)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("os.system was called")
	}
}

// bombs are small pickles that become large, or take long.
func bombs() map[string][]byte {
	proto := []byte("\x80\x04")
	nested := func(open, shut string, n int) []byte {
		return append(append(append(proto, strings.Repeat(open, n)...), strings.Repeat(shut, n)...), '.')
	}
	doubled := []byte("\x80\x04]\x94") // each list has the one before a hundred times
	for i := range 40 {
		doubled = append(doubled, '(')
		for range 100 {
			doubled = append(doubled, 'h', byte(i))
		}
		doubled = append(doubled, 'l', 0x94)
	}
	return map[string][]byte{
		"deep lists":    nested("]", "a", 100_000),
		"deep tuples":   nested("", "\x85", 100_000),
		"shared lists":  append(doubled, '.'),
		"lists":         append(bytes.Repeat([]byte{']'}, 1_000_000), '.'),
		"dicts":         append(bytes.Repeat([]byte{'}'}, 1_000_000), '.'),
		"a long str":    append(proto, "\x8d\xff\xff\xff\xff\xff\xff\xff\x7f"...),
		"a long int":    append(proto, "\x8b\xff\xff\xff\x7f"...),
		"long bytes":    append(proto, "\x8e\xff\xff\xff\xff\xff\xff\xff\xff"...),
		"a frame":       append(proto, "\x95\xff\xff\xff\xff\xff\xff\xff\xff"...),
		"a far memo":    append(proto, "Nr\xff\xff\xff\x7f."...),
		"decimal":       append([]byte("I"), append(bytes.Repeat([]byte{'9'}, 1_000_000), "\n."...)...),
		"decimal long":  append([]byte("L"), append(bytes.Repeat([]byte{'9'}, 1_000_000), "L\n."...)...),
		"marks":         append(bytes.Repeat([]byte{'('}, 1_000_000), '.'),
		"no end":        bytes.Repeat([]byte{'N'}, 1_000_000),
		"underflow":     []byte("\x80\x04R."),
		"itself":        []byte("\x80\x04]\x94h\x00a\x94."),
		"itself, a key": []byte("\x80\x04}\x94(]\x94h\x01\x85\x94Ku."),
	}
}

// TestBombs: of somebody with the key. Each is refused with words, or is a value, and the connection goes on.
func TestBombs(t *testing.T) {
	s := serve(t, manager.Options{})
	for name, bomb := range bombs() {
		f := open(t, s)
		if err := f.Send(modetest.Patient(t), bomb); err != nil {
			t.Fatal(err)
		}
		if kind, result := receive(t, f); kind != wire.KindTraceback {
			t.Errorf("%s: %s %.100s", name, kind, pickle.Repr(result))
		}
		send(t, f, wire.NewRequest("none", "get").Graph())
		if kind, result := receive(t, f); kind != wire.KindTraceback {
			t.Errorf("%s, and then: %s %.100s", name, kind, pickle.Repr(result))
		}
		f.Close()
		first := dialRaw(t, s)
		first.Send(modetest.Patient(t), bomb)
		if kind, result := receive(t, first); kind != wire.KindTraceback {
			t.Errorf("%s, first: %s %.100s", name, kind, pickle.Repr(result))
		}
	}
	wantWorking(t, s)
}

// TestBrokenFrames: of somebody with the key.
func TestBrokenFrames(t *testing.T) {
	s := serve(t, manager.Options{})
	for name, test := range map[string]struct {
		data  []byte
		words bool // it is told why
	}{
		"half a header":  {[]byte{0, 0}, false},
		"half a message": {append(header(100), "half"...), false},
		"half of much":   {append(header(10<<20), make([]byte, 1<<20)...), false},
		"2 GiB":          {append(header(math.MaxInt32), "begins"...), true},
		"8 EiB":          {append(header(1<<63), "begins"...), true},
		"16 EiB":         {append(header(math.MaxUint64), "begins"...), true},
		"negative":       {[]byte{0x80, 0, 0, 0}, false},
	} {
		f := open(t, s)
		socket := f.NetConn().(*net.UnixConn)
		if _, err := socket.Write(test.data); err != nil {
			t.Fatal(err)
		}
		socket.CloseWrite()
		reply, err := f.Recv(modetest.Patient(t))
		if told := err == nil && bytes.Contains(reply, []byte("larger than the limit")); told != test.words {
			t.Errorf("%s: %q, %v", name, reply, err)
		}
		if err == nil {
			_, err = f.Recv(modetest.Patient(t))
		}
		if err != io.EOF {
			t.Errorf("%s: the connection: %v", name, err)
		}
		f.Close()
	}
	wantWorking(t, s)
}

// TestRandomRequests: of somebody with the key.
func TestRandomRequests(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	s := serve(t, manager.Options{})
	d, f := create(t, s, "dict"), open(t, s)
	good, err := pickle.Append(nil, wire.NewRequest(d, "update", pickle.NewList(pickle.NewTuple("a", 1.5), pickle.NewTuple("b", nil))).Graph(), 4)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5000 {
		data := bytes.Clone(good)
		for range 1 + random.IntN(4) {
			data[random.IntN(len(data))] = byte(random.Uint32())
		}
		if random.IntN(2) == 0 {
			data = data[:random.IntN(len(data))]
		}
		if err := f.Send(modetest.Patient(t), data); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		if _, err := f.Recv(modetest.Patient(t)); err != nil {
			t.Fatalf("request %d, %q: %v", i, data, err)
		}
	}
	f.Close()
	wantWorking(t, s)
}

// memoryProgram is a server in a process of its own, whose memory a test measures.
func memoryProgram() error {
	s, err := manager.NewServer(manager.Options{Authkey: []byte("key"), HandshakeTimeout: time.Hour, MaxUnread: 64 << 20})
	if err != nil {
		return err
	}
	fmt.Println(s.Addr())
	go func() {
		io.Copy(io.Discard, os.Stdin) // until the test ends
		s.Close()
	}()
	return s.Serve(context.Background())
}

// peakMemory is the most that a process ever had resident, in MiB.
func peakMemory(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(status), "VmHWM:")
	if !ok {
		t.Fatalf("no VmHWM: %s", status)
	}
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib >> 10
}

// TestMemory: strangers cost the server no more than PROTOCOL.md says, and bombs neither.
func TestMemory(t *testing.T) {
	const (
		connections = 2000 // of which 1024 may be in their handshake
		bound       = 128  // MiB, for the strangers
		bombBound   = 512  // MiB, for one processor's bombs and what is collected later, and broken frames
	)
	if runtime.GOOS != "linux" {
		t.Skip("NOT RUN: there is no /proc to tell a process's memory")
	}
	if race.Enabled {
		t.Skip("NOT RUN under the race detector, which takes memory of its own")
	}
	cmd := modetest.Program(t, "memory")
	address, stop := startProgram(t, cmd)
	defer stop()
	before := peakMemory(t, cmd.Process.Pid)
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for i := range connections {
		c, err := net.Dial("unix", address)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
		c.SetWriteDeadline(time.Now().Add(modetest.Watchdog))
		switch i % 4 {
		case 0: // says nothing
		case 1:
			c.Write([]byte{0})
		case 2:
			c.Write(append(header(200), make([]byte, 100)...))
		case 3:
			c.Write(header(math.MaxInt32))
		}
	}
	f, err := conn.Dial(modetest.Patient(t), "unix", address, conn.Options{Authkey: []byte("key")})
	if err != nil {
		t.Fatalf("with the key, among %d strangers: %v", connections, err)
	}
	send(t, f, wire.NewRequest("", wire.FuncAccept, "a test").Graph())
	receive(t, f)
	peak := peakMemory(t, cmd.Process.Pid)
	t.Logf("%d MiB before, %d MiB with %d strangers", before, peak, connections)
	if peak > bound {
		t.Errorf("strangers cost %d MiB, more than %d", peak, bound)
	}
	for name, bomb := range bombs() {
		for range 10 {
			if err := f.Send(modetest.Patient(t), bomb); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			receive(t, f)
		}
	}
	peak = peakMemory(t, cmd.Process.Pid)
	t.Logf("%d MiB with bombs", peak)
	if peak > bombBound {
		t.Errorf("bombs cost %d MiB, more than %d", peak, bombBound)
	}
	junk := make([]byte, 100<<10)
	for i := range junk {
		junk[i] = byte(rand.Uint32())
	}
	for range 100 { // each with the key, and all at once
		for _, size := range []uint64{200, 60 << 20, math.MaxInt32, 1 << 63} {
			c, err := conn.Dial(modetest.Patient(t), "unix", address, conn.Options{Authkey: []byte("key")})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.NetConn().SetWriteDeadline(time.Now().Add(modetest.Watchdog))
			c.NetConn().Write(append(header(size), junk...)) // it may be cut off
		}
	}
	send(t, f, wire.NewRequest("none", "get").Graph())
	receive(t, f)
	peak = peakMemory(t, cmd.Process.Pid)
	t.Logf("%d MiB with broken frames", peak)
	if peak > bombBound {
		t.Errorf("broken frames cost %d MiB, more than %d", peak, bombBound)
	}
	f.Close()
}

// startProgram starts a program that prints one line, and ends when its standard input does.
func startProgram(t testing.TB, cmd *exec.Cmd) (line string, stop func()) {
	t.Helper()
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 0, 4096)
	for !bytes.Contains(buffer, []byte("\n")) && len(buffer) < cap(buffer) {
		n, err := out.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		if err != nil {
			t.Errorf("%v in place of a line: %q", err, buffer)
			break
		}
	}
	return strings.TrimSpace(string(buffer)), func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}
