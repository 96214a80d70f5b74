package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/multiproc-go/multiproc"
)

// What a Set of "key" and an int of two bytes is on the wire, with its header, and its reply, (`#RETURN`, None).
const (
	requestSize = 4 + 57
	replySize   = 4 + 25
)

func bareThreads(ctx context.Context, d time.Duration) (float64, error) { return bare(ctx, d, true) }
func barePoller(ctx context.Context, d time.Duration) (float64, error)  { return bare(ctx, d, false) }

type echoing struct {
	Socket *multiproc.File
	Block  bool
}

// echo answers requests of requestSize with replySize bytes, and does nothing else.
var echo = multiproc.Proc("echo", func(_ context.Context, e echoing) error {
	c, err := multiproc.Take(e.Socket, net.FileConn)
	if err != nil {
		return err
	}
	rw, err := stream(c, e.Block)
	if err != nil {
		return err
	}
	defer rw.Close()
	in, out := make([]byte, 2*requestSize), make([]byte, replySize)
	for {
		if n, err := rw.Read(in); n != requestSize {
			return ignoreEOF(err)
		}
		if _, err := rw.Write(out); err != nil {
			return err
		}
	}
})

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// stream is the socket as Go has it, or one whose reads and writes block their thread.
func stream(c net.Conn, block bool) (io.ReadWriteCloser, error) {
	if !block {
		return c, nil
	}
	defer c.Close()
	f, err := c.(*net.UnixConn).File()
	if err != nil {
		return nil, err
	}
	f.Fd() // blocks from now on
	return f, nil
}

// bare is a round trip with echo, over a Unix socket like a server's.
func bare(ctx context.Context, d time.Duration, block bool) (ns float64, err error) {
	dir, err := os.MkdirTemp("", "multiproc-bench-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	l, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		return 0, err
	}
	defer l.Close()
	near, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		return 0, err
	}
	defer near.Close()
	far, err := l.Accept()
	if err != nil {
		return 0, err
	}
	defer far.Close()
	other, err := echo.Start(ctx, echoing{multiproc.NewFile(far), block})
	if err != nil {
		return 0, err
	}
	far.Close()
	rw, err := stream(near, block)
	if err != nil {
		return 0, err
	}
	out, in := make([]byte, requestSize), make([]byte, 2*replySize)
	ns, err = perOp(d, func() error {
		if _, err := rw.Write(out); err != nil {
			return err
		}
		n, err := rw.Read(in)
		if err == nil && n != replySize {
			err = io.ErrUnexpectedEOF
		}
		return err
	})
	return ns, errors.Join(err, rw.Close(), other.Wait(ctx))
}
