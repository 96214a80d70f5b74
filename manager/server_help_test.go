package manager_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

// serve runs a server until the end of the test.
func serve(t testing.TB, o manager.Options) *manager.Server {
	t.Helper()
	s, err := manager.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error("Close:", err)
		}
		if err := modetest.Receive(t, served, "end of Serve"); err != nil {
			t.Error("Serve:", err)
		}
		if path := s.Addr().String(); s.Addr().Network() == "unix" && path[0] != '@' {
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s after Close: %v", path, err)
			}
		}
	})
	return s
}

// dialRaw is a connection on which a test says what it likes.
func dialRaw(t testing.TB, s *manager.Server) *conn.Framed {
	t.Helper()
	f, err := conn.Dial(modetest.Patient(t), s.Addr().Network(), s.Addr().String(), conn.Options{Authkey: s.Authkey()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func send(t testing.TB, f *conn.Framed, graph any) {
	t.Helper()
	data, err := pickle.Append(nil, graph, pickle.DefaultProtocol)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Send(modetest.Patient(t), data); err != nil {
		t.Fatal(err)
	}
}

func receive(t testing.TB, f *conn.Framed) (kind string, result any) {
	t.Helper()
	data, err := f.Recv(modetest.Patient(t))
	if err != nil {
		t.Fatal(err)
	}
	graph, err := pickle.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	kind, result, err = wire.ParseReply(graph)
	if err != nil {
		t.Fatal(err)
	}
	return kind, result
}

// ask makes a request of the server itself, on a connection of its own.
func ask(t testing.TB, s *manager.Server, function string, args ...any) (kind string, result any) {
	t.Helper()
	f := dialRaw(t, s)
	send(t, f, wire.NewRequest("", function, args...).Graph())
	kind, result = receive(t, f)
	if data, err := f.Recv(modetest.Patient(t)); err != io.EOF {
		t.Errorf("after %s: %q, %v", function, data, err)
	}
	f.Close()
	return kind, result
}

// create makes an object, or fails the test.
func create(t testing.TB, s *manager.Server, typeid string, args ...any) (ident string) {
	t.Helper()
	kind, result := ask(t, s, wire.FuncCreate, append([]any{typeid}, args...)...)
	if kind != wire.KindReturn {
		t.Fatalf("create %s: %s %v", typeid, kind, pickle.Repr(result))
	}
	ident, _, err := wire.ParseCreated(result)
	if err != nil {
		t.Fatal(err)
	}
	return ident
}

// open is a connection for calls of methods.
func open(t testing.TB, s *manager.Server) *conn.Framed {
	t.Helper()
	f := dialRaw(t, s)
	send(t, f, wire.NewRequest("", wire.FuncAccept, "a test").Graph())
	if kind, result := receive(t, f); kind != wire.KindReturn || result != nil {
		t.Fatalf("accept_connection: %s %v", kind, pickle.Repr(result))
	}
	return f
}

func call(t testing.TB, f *conn.Framed, ident, method string, args ...any) (kind string, result any) {
	t.Helper()
	send(t, f, wire.NewRequest(ident, method, args...).Graph())
	return receive(t, f)
}

// want calls a method that returns something.
func want(t testing.TB, f *conn.Framed, value any, ident, method string, args ...any) {
	t.Helper()
	kind, result := call(t, f, ident, method, args...)
	if same, err := pickle.Equal(result, value); kind != wire.KindReturn || err != nil || !same {
		t.Errorf("%s%s: %s %s, want %s", method, pickle.Repr(pickle.NewTuple(args...)), kind, pickle.Repr(result), pickle.Repr(value))
	}
}

// wantText calls a method whose reply is of some kind and has some text in it.
func wantText(t testing.TB, f *conn.Framed, kind, text, ident, method string, args ...any) {
	t.Helper()
	gotKind, result := call(t, f, ident, method, args...)
	got, ok := result.(string)
	if !ok {
		got = pickle.Repr(result)
	}
	if gotKind != kind || !strings.Contains(got, text) {
		t.Errorf("%s%s: %s %s; want %s with %q", method, pickle.Repr(pickle.NewTuple(args...)), gotKind, got, kind, text)
	}
}

// wantWorking makes sure that the server works, for somebody new.
func wantWorking(t testing.TB, s *manager.Server) {
	t.Helper()
	d := create(t, s, "dict")
	f := open(t, s)
	want(t, f, nil, d, "__setitem__", "a", int64(1))
	want(t, f, int64(1), d, "__getitem__", "a")
	f.Close()
}

// A record is what was logged.
type record struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

func logTo(r *record) *slog.Logger {
	return slog.New(slog.NewTextHandler(r, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// dialFails waits until the server accepts nobody any more.
func dialFails(t testing.TB, s *manager.Server) bool {
	t.Helper()
	ctx := modetest.Patient(t)
	for ctx.Err() == nil {
		f, err := conn.Dial(ctx, s.Addr().Network(), s.Addr().String(), conn.Options{Authkey: s.Authkey()})
		if err != nil {
			return true
		}
		f.Close()
	}
	return false
}
