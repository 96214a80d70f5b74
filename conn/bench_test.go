//go:build unix

package conn_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
)

func init() { programs["echo"] = echoProgram }

// A way is one way to send a request and receive its answer.
type way struct {
	name string
	// open makes, of a connected socket, the two halves of a round trip. It runs on the
	// goroutine that will use them.
	open func(c net.Conn) (send func([]byte) error, recv func([]byte) (int, error), close func())
}

// ways to use one socket, from the bare system call upwards. The bare ones read and write
// as many bytes as a message has with its header.
var ways = []way{
	{"thread", func(c net.Conn) (func([]byte) error, func([]byte) (int, error), func()) {
		runtime.LockOSThread()
		f, _ := c.(*net.UnixConn).File()
		fd := int(f.Fd()) // blocks from now on
		fd, _ = syscall.Dup(fd)
		f.Close()
		c.Close()
		read := func(b []byte) (int, error) {
			n, err := syscall.Read(fd, b)
			if n == 0 && err == nil {
				err = io.EOF
			}
			return n, err
		}
		return writeAll(func(b []byte) (int, error) { return syscall.Write(fd, b) }), read, func() {
			syscall.Close(fd)
			runtime.UnlockOSThread()
		}
	}},
	{"net.Conn", func(c net.Conn) (func([]byte) error, func([]byte) (int, error), func()) {
		return writeAll(c.Write), c.Read, func() { c.Close() }
	}},
	{"Framed", func(c net.Conn) (func([]byte) error, func([]byte) (int, error), func()) {
		return framed(background, conn.NewFramed(c))
	}},
	{"Framed+ctx", func(c net.Conn) (func([]byte) error, func([]byte) (int, error), func()) {
		ctx, cancel := context.WithCancel(background)
		send, recv, close := framed(ctx, conn.NewFramed(c))
		return send, recv, func() { close(); cancel() }
	}},
	{"Framed+ctx-each", func(c net.Conn) (func([]byte) error, func([]byte) (int, error), func()) {
		f := conn.NewFramed(c)
		send := func(b []byte) error {
			ctx, cancel := context.WithCancel(background)
			defer cancel()
			return f.Send(ctx, b[4:])
		}
		recv := func(b []byte) (int, error) {
			ctx, cancel := context.WithCancel(background)
			defer cancel()
			n, err := f.RecvInto(ctx, b[4:])
			return n + 4, err
		}
		return send, recv, func() { f.Close() }
	}},
	{"Framed+Block", func(c net.Conn) (func([]byte) error, func([]byte) (int, error), func()) {
		f := conn.NewFramed(c)
		if err := f.Block(); err != nil {
			panic(err)
		}
		return framed(background, f)
	}},
	{"Framed+Block+ctx", func(c net.Conn) (func([]byte) error, func([]byte) (int, error), func()) {
		f := conn.NewFramed(c)
		if err := f.Block(); err != nil {
			panic(err)
		}
		ctx, cancel := context.WithCancel(background)
		send, recv, close := framed(ctx, f)
		return send, recv, func() { close(); cancel() }
	}},
}

func writeAll(write func([]byte) (int, error)) func([]byte) error {
	return func(b []byte) error {
		_, err := write(b)
		return err
	}
}

// framed leaves room for the header in its buffers, as the bare ways need it.
func framed(ctx context.Context, f *conn.Framed) (func([]byte) error, func([]byte) (int, error), func()) {
	return func(b []byte) error { return f.Send(ctx, b[4:]) },
		func(b []byte) (int, error) {
			n, err := f.RecvInto(ctx, b[4:])
			return n + 4, err
		}, func() { f.Close() }
}

func wayOf(name string) way {
	return ways[slices.IndexFunc(ways, func(w way) bool { return w.name == name })]
}

// echoProgram serves connections, each on a goroutine, in the way of its argument. A
// goroutine that waits for more connections is part of it: every server has one.
func echoProgram() error {
	w := wayOf(os.Getenv("CONN_WAY"))
	size, err := strconv.Atoi(os.Getenv("CONN_SIZE"))
	if err != nil {
		return err
	}
	path := os.Getenv("CONN_PATH")
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		l.Close()
	}()
	fmt.Println("ready")
	for {
		c, err := l.Accept()
		if err != nil {
			return nil
		}
		go func() {
			send, recv, end := w.open(c)
			defer end()
			buf := make([]byte, size)
			for {
				got := 0
				for got < size {
					n, err := recv(buf[got:])
					if err != nil {
						return
					}
					got += n
				}
				if send(buf) != nil {
					return
				}
			}
		}()
	}
}

// echoServer starts one in another process.
func echoServer(t testing.TB, w string, size int) (path string) {
	t.Helper()
	path = t.TempDir() + "/echo"
	line := start(t, modetest.Program(t, "echo", "CONN_WAY="+w, "CONN_SIZE="+strconv.Itoa(size), "CONN_PATH="+path))
	if said := line(); said != "ready" {
		t.Fatalf("the other process said %q", said)
	}
	return path
}

// BenchmarkRoundTrip is one request of one client to another process, and its answer, as
// large: the bytes of a header and 60 more, or 64 KiB.
func BenchmarkRoundTrip(b *testing.B) {
	for _, size := range []int{64, 64 << 10} {
		for _, server := range []string{"thread", "net.Conn", "Framed", "Framed+ctx", "Framed+Block"} {
			for _, client := range ways {
				if client.name != server && server != "Framed" {
					continue
				}
				b.Run(fmt.Sprintf("%d/%s,%s", size, client.name, server), func(b *testing.B) { roundTrip(b, client, server, size) })
			}
		}
	}
}

func roundTrip(b *testing.B, client way, server string, size int) {
	c, err := net.Dial("unix", echoServer(b, server, size))
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- trips(b, client, c, size) }()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}

func trips(b *testing.B, w way, c net.Conn, size int) error {
	send, recv, end := w.open(c)
	defer end()
	request, answer := make([]byte, size), make([]byte, size)
	copy(request, []byte{0, byte((size - 4) >> 16), byte((size - 4) >> 8), byte(size - 4)})
	times := make([]time.Duration, 0, 1<<16)
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		if err := send(request); err != nil {
			return err
		}
		for got := 0; got < size; {
			n, err := recv(answer[got:])
			if err != nil {
				return err
			}
			got += n
		}
		if len(times) < cap(times) {
			times = append(times, time.Since(start))
		}
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(times[len(times)*99/100].Nanoseconds()), "p99-ns")
	return nil
}

// BenchmarkClients is the requests of several clients at once.
func BenchmarkClients(b *testing.B) {
	const size = 64
	for _, name := range []string{"net.Conn", "Framed", "Framed+Block"} {
		for _, clients := range []int{2, 8, 64} {
			b.Run(fmt.Sprintf("%d/%s", clients, name), func(b *testing.B) {
				path := echoServer(b, name, size)
				each := b.N/clients + 1
				errs := make(chan error, clients)
				b.ResetTimer()
				for range clients {
					go func() { errs <- some(wayOf(name), path, size, each) }()
				}
				for range clients {
					if err := <-errs; err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func some(w way, path string, size, n int) error {
	c, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	send, recv, end := w.open(c)
	defer end()
	request, answer := make([]byte, size), make([]byte, size)
	request[3] = byte(size - 4)
	for range n {
		if err := send(request); err != nil {
			return err
		}
		if _, err := recv(answer); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkHandshake is Dial with a key, both ends in this process.
func BenchmarkHandshake(b *testing.B) {
	l := listen(b, "unix", "", withKey(key))
	for b.Loop() {
		f, err := conn.Dial(background, "unix", l.Addr().String(), withKey(key))
		if err != nil {
			b.Fatal(err)
		}
		served, err := l.Accept(background)
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
		served.Close()
	}
}

// BenchmarkIdle tells what a connection weighs that waits in Recv after it has served a
// request: with its goroutine and its socket, as Go knows it.
func BenchmarkIdle(b *testing.B) {
	const n = 1000
	for b.Loop() {
		a, z := make([]*conn.Framed, n), make([]*conn.Framed, n)
		sockets := make([][2]net.Conn, n)
		empty := weight()
		for i := range sockets {
			sockets[i][0], sockets[i][1] = socketPair(b)
		}
		before := weight()
		socket := (before - empty) / 2
		ended := make(chan error)
		for i := range a {
			a[i], z[i] = conn.NewFramed(sockets[i][0]), conn.NewFramed(sockets[i][1])
			go func() {
				var err error
				for buf := []byte(nil); err == nil; {
					if buf, err = a[i].RecvAppend(background, buf[:0]); err == nil {
						err = a[i].Send(background, buf)
					}
				}
				ended <- err
			}()
		}
		for i := range z {
			if err := z[i].Send(background, bytes.Repeat([]byte{1}, 100)); err != nil {
				b.Fatal(err)
			}
			if _, err := z[i].NetConn().Read(make([]byte, 200)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(weight()-before+socket)/n, "B/idle")
		for i := range a {
			z[i].Close()
			<-ended
			a[i].Close()
		}
	}
}

func weight() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// BenchmarkPythonClient is a round trip of 60 bytes from a client in Python to servers in
// Python and in Go, on another process each.
func BenchmarkPythonClient(b *testing.B) {
	const n = 20000
	for _, p := range eachPython(b) {
		for _, server := range []string{"Python", "Framed", "Framed+Block"} {
			b.Run(p.String()+"/"+server, func(b *testing.B) {
				var at string
				if server == "Python" {
					at, _ = p.serve(b, "unix", "", nil)
				} else {
					at = echoServer(b, server, 64)
				}
				for b.Loop() {
					out, err := p.command(b, "time", "unix", at, nil, strconv.Itoa(n)).Output()
					if err != nil {
						b.Fatal(err)
					}
					var mean, median, slow float64
					if _, err := fmt.Sscan(string(out), &mean, &median, &slow); err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(mean, "mean-ns")
					b.ReportMetric(median, "p50-ns")
					b.ReportMetric(slow, "p99-ns")
				}
			})
		}
	}
}
