package manager_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

func TestNetworks(t *testing.T) {
	for name, o := range map[string]manager.Options{
		"private":  {},
		"path":     {Address: filepath.Join(t.TempDir(), "socket")},
		"abstract": {Address: "@multiproc-" + filepath.Base(t.TempDir()) + t.Name()},
		"tcp":      {Network: "tcp"},
		"no key":   {EmptyAuthkey: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, o)
			wantWorking(t, s)
			if name == "private" {
				info, err := os.Stat(filepath.Dir(s.Addr().String()))
				if err != nil || info.Mode().Perm() != 0o700 {
					t.Errorf("the directory: %v, %v", info.Mode(), err)
				}
				info, err = os.Stat(s.Addr().String())
				if err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("the socket: %v, %v", info.Mode(), err)
				}
			}
		})
	}
}

// TestRandomKeys: two servers do not have the same.
func TestRandomKeys(t *testing.T) {
	a, b := serve(t, manager.Options{}), serve(t, manager.Options{})
	if len(a.Authkey()) != 32 || bytes.Equal(a.Authkey(), b.Authkey()) {
		t.Errorf("keys %x and %x", a.Authkey(), b.Authkey())
	}
	a.Authkey()[0]++
	wantWorking(t, a)
}

func TestFirstRequests(t *testing.T) {
	s := serve(t, manager.Options{})
	if kind, result := ask(t, s, "dummy"); kind != wire.KindReturn || result != nil {
		t.Errorf("dummy: %s %v", kind, result)
	}
	for _, test := range []struct {
		name string
		args []any
		text string
	}{
		{"frob", nil, "'frob' unrecognized"},
		{"__init__", nil, "unrecognized"},
		{"dummy", []any{int64(1)}, "TypeError"},
		{"incref", nil, "TypeError"},
		{"incref", []any{int64(1)}, "TypeError"},
		{"incref", []any{"1", "2"}, "TypeError"},
		{"decref", nil, "TypeError"},
		{"get_methods", nil, "TypeError"},
		{"get_methods", []any{"1"}, "TypeError"},
		{"create", nil, "TypeError"},
		{"create", []any{nil}, "TypeError"},
		{"accept_connection", nil, "TypeError"},
		{"accept_connection", []any{int64(1)}, "TypeError"},
		{"number_of_objects", []any{nil}, "TypeError"},
		{"debug_info", []any{nil}, "TypeError"},
	} {
		kind, result := ask(t, s, test.name, test.args...)
		text, _ := result.(string)
		if kind != wire.KindTraceback || !strings.Contains(text, test.text) {
			t.Errorf("%s%s: %s %q, want %s", test.name, pickle.Repr(pickle.NewTuple(test.args...)), kind, text, test.text)
		}
		if strings.Contains(text, ".go") || strings.Contains(text, string(os.PathSeparator)) {
			t.Errorf("%s: the text tells where the server has its code: %q", test.name, text)
		}
	}
	for name, graph := range map[string]any{"None": nil, "a str": "dummy", "three": pickle.NewTuple(nil, "dummy", pickle.NewTuple())} {
		f := dialRaw(t, s)
		send(t, f, graph)
		if kind, result := receive(t, f); kind != wire.KindTraceback || !strings.Contains(result.(string), "malformed") {
			t.Errorf("%s: %s %v", name, kind, result)
		}
		if _, err := f.Recv(modetest.Patient(t)); err != io.EOF {
			t.Errorf("%s: and then %v", name, err)
		}
	}
}

// TestMalformedCalls: they are refused, and the connection goes on.
func TestMalformedCalls(t *testing.T) {
	s := serve(t, manager.Options{})
	d, f := create(t, s, "dict"), open(t, s)
	for name, graph := range map[string]any{
		"None":  nil,
		"three": pickle.NewTuple(d, "get", pickle.NewTuple()),
		"ident": pickle.NewTuple(int64(1), "get", pickle.NewTuple(), pickle.NewDict()),
	} {
		send(t, f, graph)
		if kind, result := receive(t, f); kind != wire.KindTraceback || !strings.Contains(result.(string), "malformed") {
			t.Errorf("%s: %s %v", name, kind, result)
		}
	}
	for _, data := range []string{"", "no pickle", "\x80\x04(", "\x80\x04]\x94(K\x01K\x02e"} {
		if err := f.Send(modetest.Patient(t), []byte(data)); err != nil {
			t.Fatal(err)
		}
		if kind, result := receive(t, f); kind != wire.KindTraceback || !strings.Contains(result.(string), "pickle") {
			t.Errorf("%q: %s %v", data, kind, result)
		}
	}
	want(t, f, nil, d, "__setitem__", "a", "b")
	want(t, f, "b", d, "__getitem__", "a")
}

// TestReplyProtocol: a reply is in the protocol of its request.
func TestReplyProtocol(t *testing.T) {
	s := serve(t, manager.Options{})
	d, f := create(t, s, "dict"), open(t, s)
	for protocol, want := range map[int]byte{0: 2, 1: 2, 2: 2, 3: 3, 4: 4, 5: 5} {
		data, err := pickle.Append(nil, wire.NewRequest(d, "__setitem__", "a", int64(1)).Graph(), protocol)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Send(modetest.Patient(t), data); err != nil {
			t.Fatal(err)
		}
		reply, err := f.Recv(modetest.Patient(t))
		if err != nil || len(reply) < 2 || reply[0] != 0x80 || reply[1] != want {
			t.Errorf("protocol %d: %q, %v", protocol, reply, err)
		}
	}
}

// TestManyRequestsAtOnce: who sends without waiting gets all replies, in order. It is enough of
// them for the connection to get a thread of its own.
func TestManyRequestsAtOnce(t *testing.T) {
	const n = 1000
	for name, threads := range map[string]int{"with a thread": 0, "without": -1} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, manager.Options{BusyThreads: threads})
			d, f := create(t, s, "dict"), open(t, s)
			failed := make(chan error, 1)
			go func() {
				var err error
				for i := 0; i < n && err == nil; i++ {
					var data []byte
					if data, err = pickle.Append(nil, wire.NewRequest(d, "__setitem__", "k", int64(i)).Graph(), 4); err == nil {
						err = f.Send(context.Background(), data)
					}
					if err == nil {
						data, err = pickle.Append(nil, wire.NewRequest(d, "__getitem__", "k").Graph(), 4)
					}
					if err == nil {
						err = f.Send(context.Background(), data)
					}
				}
				failed <- err
			}()
			for i := range int64(n) {
				if kind, result := receive(t, f); kind != wire.KindReturn || result != nil {
					t.Fatalf("set %d: %s %v", i, kind, result)
				}
				if kind, result := receive(t, f); kind != wire.KindReturn || result != i {
					t.Fatalf("get %d: %s %v", i, kind, result)
				}
			}
			if err := <-failed; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestShutdownOfClients(t *testing.T) {
	s, err := manager.NewServer(manager.Options{})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	idle := open(t, s)
	f := dialRaw(t, s)
	send(t, f, wire.NewRequest("", wire.FuncShutdown).Graph())
	for range 2 {
		if kind, result := receive(t, f); kind != wire.KindReturn || result != nil {
			t.Errorf("%s %v", kind, result)
		}
		if !s.Stopping() {
			t.Error("it tells that it stops before it does")
		}
	}
	if err := modetest.Receive(t, served, "end of Serve"); err != nil {
		t.Error(err)
	}
	for _, f := range []*conn.Framed{f, idle} {
		if _, err := f.Recv(modetest.Patient(t)); err != io.EOF {
			t.Errorf("a connection: %v", err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error("Close after it:", err)
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	s, err := manager.NewServer(manager.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	f := open(t, s)
	cancel()
	if err := modetest.Receive(t, served, "end of Serve"); err != context.Canceled {
		t.Errorf("Serve: %v", err)
	}
	if _, err := f.Recv(modetest.Patient(t)); err != io.EOF {
		t.Errorf("the client: %v", err)
	}
	if err := s.Serve(context.Background()); err != nil {
		t.Errorf("Serve after the end: %v", err)
	}
}

// TestNeverServed: a server that was made and not run leaves nothing.
func TestNeverServed(t *testing.T) {
	s, err := manager.NewServer(manager.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial(s.Addr().Network(), s.Addr().String()); err == nil {
		t.Error("it still listens")
	}
}

func TestTooManyConnections(t *testing.T) {
	var log record
	s := serve(t, manager.Options{MaxConnections: 2, Logger: logTo(&log)})
	a, b := open(t, s), open(t, s)
	refused := dialRaw(t, s)
	if _, err := refused.Recv(modetest.Patient(t)); err == nil {
		t.Error("a third connection")
	}
	if !strings.Contains(log.String(), "too many connections") {
		t.Errorf("the log: %s", log.String())
	}
	a.Close()
	for { // until the server has noticed
		f := dialRaw(t, s)
		send(t, f, wire.NewRequest("", "dummy").Graph())
		_, err := f.Recv(modetest.Patient(t))
		f.Close()
		if err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	b.Close()
}

// TestConnectionsAreForgotten: the server keeps nothing of those that have ended.
func TestConnectionsAreForgotten(t *testing.T) {
	s := serve(t, manager.Options{})
	var all []*conn.Framed
	for range 50 {
		all = append(all, open(t, s))
	}
	if n := s.Connections(); n < len(all) { // those of first requests may still be ending
		t.Errorf("%d connections of %d", n, len(all))
	}
	for _, f := range all {
		f.Close()
	}
	for ctx := modetest.Patient(t); s.Connections() > 0; time.Sleep(time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatalf("%d connections are left", s.Connections())
		}
	}
}

// TestLargeMessages: what is over the limit is refused with words, also while its sender still writes, and the connection goes on; what is
// under it gets through.
func TestLargeMessages(t *testing.T) {
	s := serve(t, manager.Options{MaxMessage: 1 << 20})
	d, f := create(t, s, "dict"), open(t, s)
	text := strings.Repeat("x", 1<<20-1000)
	want(t, f, nil, d, "__setitem__", "a", text)
	want(t, f, text, d, "__getitem__", "a")
	for range manager.Busy + 1 { // in the end on a connection with a thread of its own
		wantText(t, f, wire.KindTraceback, "larger than the limit", d, "__setitem__", "a", strings.Repeat("x", 2<<20))
		want(t, f, text, d, "__getitem__", "a")
	}
	wantText(t, f, wire.KindTraceback, "larger than the limit", d, "__setitem__", "a", strings.Repeat("x", 16<<20))
	want(t, f, text, d, "__getitem__", "a")

	lock, waits := create(t, s, "Lock"), open(t, s)
	want(t, f, true, lock, "acquire")
	send(t, waits, wire.NewRequest(lock, "acquire").Graph())
	for ctx := modetest.Patient(t); s.Waiting() == 0; {
		ok(t, ctx.Err())
	}
	waits.Send(modetest.Patient(t), make([]byte, 2<<20)) // it may be cut off
	if reply, err := waits.Recv(modetest.Patient(t)); err != io.EOF {
		t.Errorf("behind a call that waits: %q, %v", reply, err)
	}
}

func TestForbidMD5(t *testing.T) {
	s := serve(t, manager.Options{ForbidMD5: true})
	wantWorking(t, s)
	c, err := net.Dial(s.Addr().Network(), s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	f := conn.NewFramed(c)
	defer f.Close()
	// A client that answers by MD5 alone fails as one with the wrong key.
	if _, err := f.Recv(modetest.Patient(t)); err != nil {
		t.Fatal(err)
	}
	if err := f.Send(modetest.Patient(t), make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	if data, err := f.Recv(modetest.Patient(t)); err == nil && string(data) != "#FAILURE#" || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%q, %v", data, err)
	}
}
