package conn_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/conn"
)

// TestRequestBehindHandshake: a client that has Nagle's algorithm, as Python's, need not wait for a delayed acknowledgement
// (40 ms or more) until its first request is on its way. It fails if each of many such clients is that much slower than one
// without it just before.
func TestRequestBehindHandshake(t *testing.T) {
	key := []byte("key")
	l, err := conn.Listen("tcp", "127.0.0.1:0", conn.Options{Authkey: key})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx := context.Background()
	once := func(nagle bool) time.Duration {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.(*net.TCPConn).SetNoDelay(!nagle)
		f := conn.NewFramed(c)
		begin := time.Now()
		if err := conn.Authenticate(ctx, f, conn.Handshake{Key: key, Role: conn.Dialing}); err != nil {
			t.Fatal(err)
		}
		if err := f.Send(ctx, []byte("request")); err != nil {
			t.Fatal(err)
		}
		served, err := l.Accept(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer served.Close()
		if _, err := served.Recv(ctx); err != nil {
			t.Fatal(err)
		}
		return time.Since(begin)
	}
	for range 20 {
		if without := once(false); once(true) < without+30*time.Millisecond {
			return
		}
	}
	t.Error("the first request of a client with Nagle's algorithm always waits for an acknowledgement")
}
