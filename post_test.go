package multiproc_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A post is where children of any depth and in any mode tell a test that they
// have got somewhere, and by the end of the connection that they are dead.
type post struct {
	Addr     string
	listener *net.UnixListener
}

// A visit is one child's connection.
type visit struct {
	text string
	conn net.Conn
	in   *bufio.Reader
}

func newPost(t testing.TB) *post {
	t.Helper()
	dir, err := os.MkdirTemp("", "mp") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	addr := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: addr, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.Close()
		os.RemoveAll(dir)
	})
	return &post{Addr: addr, listener: l}
}

// next waits for the next child that visits.
func (p *post) next(t testing.TB) *visit {
	t.Helper()
	p.listener.SetDeadline(time.Now().Add(watchdog))
	conn, err := p.listener.Accept()
	if err != nil {
		t.Fatalf("nobody came: %v", err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(watchdog))
	v := &visit{conn: conn, in: bufio.NewReader(conn)}
	v.text = v.line(t)
	return v
}

// line is the next line that the child writes.
func (v *visit) line(t testing.TB) string {
	t.Helper()
	line, err := v.in.ReadString('\n')
	if err != nil {
		t.Fatalf("after %q: %v", line, err)
	}
	return strings.TrimSuffix(line, "\n")
}

// say lets the child go on.
func (v *visit) say(t testing.TB, text string) {
	t.Helper()
	if _, err := fmt.Fprintln(v.conn, text); err != nil {
		t.Fatal(err)
	}
}

// rest is what the child still writes until it closes, or dies.
func (v *visit) rest(t testing.TB) string {
	t.Helper()
	b, err := io.ReadAll(v.in)
	if err != nil && !strings.Contains(err.Error(), "reset") {
		t.Fatalf("still open: %v", err)
	}
	return strings.TrimSuffix(string(b), "\n")
}

// call visits a post, on the side of a child.
func call(addr, format string, args ...any) (*visit, error) {
	conn, err := net.Dial("unix", addr)
	if err != nil {
		return nil, err
	}
	v := &visit{conn: conn, in: bufio.NewReader(conn)}
	return v, v.tell(format, args...)
}

func (v *visit) tell(format string, args ...any) error {
	_, err := fmt.Fprintf(v.conn, format+"\n", args...)
	return err
}

// hear waits for a line from the test.
func (v *visit) hear() (string, error) {
	line, err := v.in.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

// untilCancelled calls addr, waits for the end of ctx, and tells its cause.
func untilCancelled(ctx context.Context, addr, name string) error {
	v, err := call(addr, "%s", name)
	if err != nil {
		return err
	}
	defer v.conn.Close()
	<-ctx.Done()
	cause := context.Cause(ctx)
	v.tell("%v", cause)
	return cause
}
