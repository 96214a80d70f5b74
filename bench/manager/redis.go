package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// A redis is a server and a connection to it, that says SET in Redis's protocol and no more.
type redis struct {
	cmd  *exec.Cmd
	dir  string
	path string
}

func startRedis(ctx context.Context) (*redis, error) {
	dir, err := os.MkdirTemp("", "multiproc-bench-")
	if err != nil {
		return nil, err
	}
	r := &redis{dir: dir, path: filepath.Join(dir, "socket")}
	r.cmd = exec.CommandContext(ctx, "redis-server", "--port", "0", "--unixsocket", r.path, "--save", "", "--appendonly", "no", "--dir", dir)
	if err := r.cmd.Start(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	for range 500 {
		if c, err := net.Dial("unix", r.path); err == nil {
			return r, c.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, errors.Join(errors.New("redis-server does not listen"), r.stop())
}

func (r *redis) stop() error {
	r.cmd.Process.Signal(os.Interrupt)
	r.cmd.Wait() // it says nothing of use of its end
	return os.RemoveAll(r.dir)
}

// setter returns a function that makes n calls of SET at once. Like our client's, the socket blocks a thread.
func (r *redis) setter(n int) (func() error, io.Closer, error) {
	c, err := net.Dial("unix", r.path)
	if err != nil {
		return nil, nil, err
	}
	rw, err := stream(c, true)
	if err != nil {
		return nil, nil, err
	}
	in := bufio.NewReader(rw)
	var out []byte
	i := 0
	return func() error {
		out = out[:0]
		for range n {
			i++
			out = append(out, "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$4\r\n"...)
			out = strconv.AppendInt(out, int64(1000+i&0xff), 10) // of four digits
			out = append(out, "\r\n"...)
		}
		if _, err := rw.Write(out); err != nil {
			return err
		}
		for range n {
			line, err := in.ReadSlice('\n')
			if err != nil {
				return err
			}
			if !bytes.Equal(line, []byte("+OK\r\n")) {
				return fmt.Errorf("the Redis says %q", line)
			}
		}
		return nil
	}, rw, nil
}

func redisOne(ctx context.Context, d time.Duration) (float64, error)  { return ofRedis(ctx, d, 1, 1) }
func redisFour(ctx context.Context, d time.Duration) (float64, error) { return ofRedis(ctx, d, 4, 1) }
func redisBatch(ctx context.Context, d time.Duration) (float64, error) {
	return ofRedis(ctx, d, 1, batch)
}

func ofRedis(ctx context.Context, d time.Duration, connections, n int) (ns float64, err error) {
	r, err := startRedis(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	var calls []func() error
	for range connections {
		set, c, err := r.setter(n)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		calls = append(calls, set)
	}
	return sideBySide(d, n, calls)
}
