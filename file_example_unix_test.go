//go:build unix

package multiproc_test

import (
	"context"
	"fmt"
	"io"
	"net"

	"github.com/multiproc-go/multiproc"
)

type desk struct {
	Visitors *multiproc.File
	Greeting string
}

// receptionist greets the next visitor.
var receptionist = multiproc.Proc("receptionist", func(_ context.Context, d desk) error {
	ln, err := multiproc.Take(d.Visitors, net.FileListener)
	if err != nil {
		return err
	}
	defer ln.Close()
	conn, err := ln.Accept()
	if err != nil {
		return err
	}
	fmt.Fprintln(conn, d.Greeting)
	return conn.Close()
})

func ExampleFile() {
	ctx := context.Background() // in a program, the one that Main gives
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	// Two processes accept from one queue.
	group, ctx := multiproc.NewGroup(ctx)
	for range 2 {
		group.Start(receptionist.With(desk{multiproc.NewFile(ln), "Good morning."}))
	}
	ln.Close() // theirs stay open
	for range 2 {
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			fmt.Println(err)
			return
		}
		text, _ := io.ReadAll(conn)
		fmt.Print(string(text))
		conn.Close()
	}
	fmt.Println(group.Wait())
	// Output:
	// Good morning.
	// Good morning.
	// <nil>
}
