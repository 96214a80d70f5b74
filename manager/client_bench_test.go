package manager_test

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/manager"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
)

// echoJob is for a process that answers so many bytes with so many others, and does nothing else.
type echoJob struct {
	Socket        *multiproc.File
	Request, Size int
	Blocking      bool
}

var echo = multiproc.Proc("manager_test.echo", func(_ context.Context, j echoJob) error {
	if j.Blocking {
		f, err := j.Socket.File()
		if err != nil {
			return err
		}
		f.Fd() // blocks from now on
		return echoOn(f, j)
	}
	c, err := multiproc.Take(j.Socket, net.FileConn)
	if err != nil {
		return err
	}
	return echoOn(c, j)
})

func echoOn(c io.ReadWriteCloser, j echoJob) error {
	defer c.Close()
	in, out := make([]byte, j.Request), make([]byte, j.Size)
	for {
		if _, err := io.ReadFull(c, in); err != nil {
			return nil
		}
		if _, err := c.Write(out); err != nil {
			return nil
		}
	}
}

// BenchmarkSet is d.Set of a server in another process, one call at a time, and beside it what
// the sockets alone cost: as many bytes there and back between two processes, with Go's poller and
// with threads that block.
func BenchmarkSet(b *testing.B) {
	ctx := context.Background()
	request, _ := wire.AppendCall(nil, "123456789abc", "__setitem__", []any{"key", int64(1000)})
	const reply = 25 // ('#RETURN', None)
	b.Run("bare/poller", func(b *testing.B) { benchmarkBare(b, echoJob{Request: 4 + len(request), Size: 4 + reply}) })
	b.Run("bare/threads", func(b *testing.B) {
		benchmarkBare(b, echoJob{Request: 4 + len(request), Size: 4 + reply, Blocking: true})
	})
	c, err := manager.Start(ctx, manager.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	d := must(manager.NewDict[string, int](ctx, c))(b)
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			if err := d.Set(ctx, "key", 1000+i&0xff); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ours/ctx", func(b *testing.B) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		b.ReportAllocs()
		for i := range b.N {
			if err := d.Set(ctx, "key", 1000+i&0xff); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ours/get", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if _, err := d.Get(ctx, "key"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ours/update", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if _, err := d.Update(ctx, "key", func(n int, _ bool) (int, error) { return n + 1, nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ours/parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := d.Set(ctx, "key", 1); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

func benchmarkBare(b *testing.B, j echoJob) {
	l, err := net.Listen("unix", filepath.Join(b.TempDir(), "s"))
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer near.Close()
	far, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	j.Socket = multiproc.NewFile(far)
	call, err := echo.Start(context.Background(), j)
	far.Close()
	if err != nil {
		b.Fatal(err)
	}
	var c io.ReadWriter = near
	if j.Blocking {
		f, err := near.(*net.UnixConn).File()
		if err != nil {
			b.Fatal(err)
		}
		f.Fd() // blocks from now on
		c = f
	}
	out, in := make([]byte, j.Request), make([]byte, j.Size)
	for range b.N {
		if _, err := c.Write(out); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c, in); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	near.Close()
	c.(io.Closer).Close()
	if err := call.Wait(context.Background()); err != nil {
		b.Error(err)
	}
}

// BenchmarkClientCodec is what a call costs in the client without the socket.
func BenchmarkClientCodec(b *testing.B) {
	reply := []byte("\x80\x04\x95\x0e\x00\x00\x00\x00\x00\x00\x00\x8c\x07#RETURN\x94N\x86\x94.")
	args := []any{"key", int64(1000)}
	var out []byte
	b.ReportAllocs()
	for range b.N {
		out, _ = wire.AppendCall(out[:0], "123456789abc", "__setitem__", args)
		if _, ok := wire.ReplyScalar(reply); !ok {
			b.Fatal("not read")
		}
	}
}
