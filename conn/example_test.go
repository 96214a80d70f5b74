package conn_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/multiproc-go/multiproc/conn"
)

// A server that answers each message with a greeting, and a client of it.
func Example() {
	ctx := context.Background()
	options := conn.Options{Authkey: []byte("abracadabra")}

	l, err := conn.Listen("unix", "", options)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f, err := l.Accept(ctx)
		if err != nil {
			return
		}
		defer f.Close()
		for {
			name, err := f.Recv(ctx)
			if err != nil {
				return // io.EOF: the client is gone
			}
			f.Send(ctx, append([]byte("hello, "), name...))
		}
	}()

	f, err := conn.Dial(ctx, "unix", l.Addr().String(), options)
	if err != nil {
		fmt.Println(err)
		return
	}
	f.Send(ctx, []byte("world"))
	answer, err := f.Recv(ctx)
	fmt.Printf("%s %v\n", answer, err)
	f.Close()
	<-done
	// Output: hello, world <nil>
}

// A client with another key is told so; the server's Accept never sees it.
func ExampleDial() {
	l, err := conn.Listen("unix", "", conn.Options{Authkey: []byte("abracadabra")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	_, err = conn.Dial(context.Background(), "unix", l.Addr().String(), conn.Options{Authkey: []byte("sesame")})
	fmt.Println(errors.Is(err, conn.ErrAuthentication))
	_, err = conn.Dial(context.Background(), "unix", l.Addr().String(), conn.Options{})
	fmt.Println(err)
	// Output:
	// true
	// conn: no Authkey, and NoAuthentication is not set
}

// The limit is that of one receiver at one moment: the message is still there.
func ExampleFramed_RecvLimit() {
	x, y := net.Pipe()
	a, b := conn.NewFramed(x), conn.NewFramed(y)
	defer a.Close()
	go func() {
		a.Send(context.Background(), make([]byte, 1000))
		a.Close()
	}()
	_, err := b.RecvLimit(context.Background(), 100)
	fmt.Println(err)
	msg, err := b.Recv(context.Background())
	fmt.Println(len(msg), err)
	_, err = b.Recv(context.Background())
	fmt.Println(err == io.EOF)
	// Output:
	// conn: recv: message of 1000 bytes, limit 100: conn: message larger than the limit
	// 1000 <nil>
	// true
}

// Both ends authenticate over a stream that is neither listened on nor dialed.
func ExampleAuthenticate() {
	key := []byte("abracadabra")
	x, y := net.Pipe()
	a, b := conn.NewFramed(x), conn.NewFramed(y)
	defer a.Close()
	defer b.Close()
	done := make(chan error)
	go func() {
		done <- conn.Authenticate(context.Background(), a, conn.Handshake{Key: key, Role: conn.Listening})
	}()
	fmt.Println(conn.Authenticate(context.Background(), b, conn.Handshake{Key: key, Role: conn.Dialing}))
	fmt.Println(<-done)
	// Output:
	// <nil>
	// <nil>
}

// One buffer for all messages of a connection.
func ExampleFramed_RecvAppend() {
	x, y := net.Pipe()
	a, b := conn.NewFramed(x), conn.NewFramed(y)
	defer b.Close()
	go func() {
		for _, word := range []string{"one", "two", "three"} {
			a.Send(context.Background(), []byte(word))
		}
		a.Close()
	}()
	var buf []byte
	for {
		var err error
		if buf, err = b.RecvAppend(context.Background(), buf[:0]); err != nil {
			break
		}
		fmt.Fprintf(os.Stdout, "%s\n", buf)
	}
	// Output:
	// one
	// two
	// three
}
