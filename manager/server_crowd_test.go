package manager_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/internal/race"
	"github.com/multiproc-go/multiproc/manager"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

const waitersEach = 10 // connections of a process

// waitersProgram waits on a lock with as many connections as it is given numbers on its standard input, one after the other. Each that gets it appends its
// number to a list and releases the lock.
func waitersProgram() error {
	what := strings.Fields(os.Getenv("MULTIPROC_TEST_WAITERS"))
	address, lock, list, take, release := what[0], what[1], what[2], what[3], what[4]
	ctx := context.Background()
	ask := func(f *conn.Framed, ident, method string, args ...any) error {
		request, _ := wire.AppendCall(nil, ident, method, args)
		if err := f.Send(ctx, request); err != nil {
			return err
		}
		_, err := f.Recv(ctx)
		return err
	}
	var links []*conn.Framed
	for range waitersEach {
		f, err := conn.Dial(ctx, "unix", address, conn.Options{Authkey: []byte("key")})
		if err != nil {
			return err
		}
		first, err := pickle.Append(nil, wire.NewRequest("", wire.FuncAccept, "waiter").Graph(), 4)
		if err != nil {
			return err
		}
		if err := f.Send(ctx, first); err != nil {
			return err
		}
		if _, err := f.Recv(ctx); err != nil {
			return err
		}
		links = append(links, f)
	}
	fmt.Println("ready")
	var all sync.WaitGroup
	errs := make(chan error, waitersEach)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		number, err := strconv.Atoi(in.Text())
		if err != nil {
			return err
		}
		f := links[0]
		links = links[1:]
		all.Go(func() {
			errs <- errors.Join(ask(f, lock, take), ask(f, list, "append", int64(number)), ask(f, lock, release))
		})
	}
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A crowd is processes that wait on one lock.
type crowd struct {
	cmds []*exec.Cmd
	in   []io.WriteCloser
}

func newCrowd(t *testing.T, processes int, what ...string) *crowd {
	c := &crowd{}
	var out []io.Reader
	for range processes {
		cmd := modetest.Program(t, "waiters", "MULTIPROC_TEST_WAITERS="+strings.Join(what, " "), "GOMAXPROCS=1")
		cmd.Stderr = os.Stderr
		c.in = append(c.in, must(cmd.StdinPipe())(t))
		out = append(out, must(cmd.StdoutPipe())(t))
		ok(t, cmd.Start())
		c.cmds = append(c.cmds, cmd)
	}
	for _, r := range out {
		if line, err := bufio.NewReader(r).ReadString('\n'); line != "ready\n" {
			t.Fatalf("a process says %q, %v", line, err)
		}
	}
	return c
}

// TestCrowd: a thousand connections of many processes wait on one lock, of which one in ten is killed. All others are served in the order in which they
// came, and nobody twice.
func TestCrowd(t *testing.T) {
	modetest.NeedProcess(t, "kills some")
	processes := 100
	if race.Enabled || testing.Short() {
		processes = 20
	}
	for name, test := range map[string]struct {
		take, release string
		first         bool // they are dead before anybody is served
	}{
		"as Python": {"acquire", "release", true},
		"as Go":     {"#lock", "#unlock", false},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := modetest.Patient(t)
			s := serveOurs(t, manager.Options{Authkey: []byte("key")})
			c := dial(t, s.Addr().Network(), s.Addr().String(), s.Authkey())
			m, list := must(manager.NewMutex(ctx, c))(t), must(manager.NewList[int](ctx, c))(t)
			g := must(m.Lock(ctx))(t)
			crowd := newCrowd(t, processes, s.Addr().String(), m.Ident(), list.Ident(), test.take, test.release)
			n := 0
			for range waitersEach {
				for i := range processes {
					if _, err := fmt.Fprintln(crowd.in[i], n); err != nil {
						t.Fatal(err)
					}
					for n++; s.Waiting() < n; { // so that they come in this order
						ok(t, ctx.Err())
					}
				}
			}
			killed := func(i int) bool { return i%10 == 3 }
			kill := func() {
				for i, cmd := range crowd.cmds {
					if killed(i) {
						ok(t, cmd.Process.Kill())
					}
				}
			}
			if test.first {
				kill()
				for s.Waiting() > n-n/10 {
					ok(t, ctx.Err())
				}
				g.Unlock()
			} else {
				g.Unlock()
				for must(list.Len(ctx))(t) < n/5 { // one may hold it then, and another be about to get it
				}
				kill()
			}
			for i, cmd := range crowd.cmds {
				crowd.in[i].Close()
				if err := cmd.Wait(); err != nil != killed(i) {
					t.Errorf("process %d: %v", i, err)
				}
			}
			last := must(m.Lock(ctx))(t) // what a dead one held is free
			last.Unlock()
			served := must(list.Values(ctx))(t)
			if !slices.IsSorted(served) {
				t.Error("not in the order in which they came")
			}
			if twice := len(served) - len(slices.Compact(slices.Sorted(slices.Values(served)))); twice > 0 {
				t.Errorf("%d were served twice", twice)
			}
			alive := 0
			for _, number := range served {
				if !killed(number % processes) {
					alive++
				} else if test.first {
					t.Errorf("%d was served after its death", number)
				}
			}
			if alive != n-n/10 {
				t.Errorf("%d of %d were served", alive, n-n/10)
			}
			t.Logf("%d waited, %d were killed, %d were served", n, n/10, len(served))
		})
	}
}
