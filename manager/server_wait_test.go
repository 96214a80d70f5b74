package manager_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
	"github.com/multiproc-go/multiproc/manager/internal/state"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

// A gateState is a state whose calls wait: "wait" until somebody's "open", "late" until a Tick, and "echo" not
// at all.
type gateState struct {
	mu      sync.Mutex // the server has one of its own; this one is for the test
	seen    []string   // what has happened, in order
	waiting []state.Command
	due     time.Duration
	now     time.Duration
	news    chan string
}

func newGateState() *gateState { return &gateState{news: make(chan string, 1000)} }

func (g *gateState) Deadline() (time.Duration, bool) { return g.due, g.due != 0 }

func (g *gateState) note(text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen = append(g.seen, text)
	g.news <- text
}

func reply(c *state.Command, result any) state.Reply {
	data, err := pickle.Append(nil, wire.NewReply(wire.KindReturn, result), c.Protocol)
	if err != nil {
		panic(err)
	}
	return state.Reply{Client: c.Client, Request: c.Request, Data: data}
}

func (g *gateState) Apply(_ uint64, c *state.Command) (replies []state.Reply, freed []string) {
	if c.Now < g.now {
		g.note("time goes back")
	}
	g.now = c.Now
	switch c.Op {
	case state.Connect:
		g.note("connect")
	case state.Disconnect:
		kept := g.waiting[:0]
		for _, w := range g.waiting {
			if w.Client == c.Client {
				g.note("withdrawn")
			} else {
				kept = append(kept, w)
			}
		}
		g.waiting = kept
		g.note("disconnect")
	case state.Gone:
		g.note(fmt.Sprint("gone ", c.Holder))
	case state.Tick:
		if g.due != 0 && g.due <= c.Now {
			g.due = 0
			replies = g.release("late", "time")
			g.note("tick")
		}
	case state.Incref:
		g.note(fmt.Sprint("incref ", c.Holder))
		return []state.Reply{reply(c, nil)}, nil
	case state.Call:
		switch c.Method {
		case "wait", "late":
			g.waiting = append(g.waiting, *c)
			if c.Method == "late" {
				g.due = c.Now + 10*time.Millisecond
			}
			g.note("waits")
		case "open":
			replies = append(g.release("wait", c.Args.Items[0]), reply(c, nil))
		case "echo":
			return []state.Reply{reply(c, c.Args.Items[0])}, nil
		}
	}
	return replies, nil
}

func (g *gateState) release(method string, result any) (replies []state.Reply) {
	kept := g.waiting[:0]
	for _, w := range g.waiting {
		if w.Method == method {
			replies = append(replies, reply(&w, result))
		} else {
			kept = append(kept, w)
		}
	}
	g.waiting = kept
	return replies
}

func (g *gateState) want(t *testing.T, news ...string) {
	t.Helper()
	for _, text := range news {
		for got := ""; got != text; {
			got = modetest.Receive(t, g.news, text)
		}
	}
}

func serveGate(t *testing.T, o manager.Options) (*manager.Server, *gateState) {
	t.Helper()
	g := newGateState()
	s, err := manager.NewServerOf(o, g)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := modetest.Receive(t, served, "end of Serve"); err != nil {
			t.Error(err)
		}
		for _, text := range g.seen {
			if text == "time goes back" {
				t.Error(text)
			}
		}
	})
	return s, g
}

// inBothWays runs a test on connections with a thread of their own, and without.
func inBothWays(t *testing.T, test func(t *testing.T, s *manager.Server, g *gateState, open func() *conn.Framed)) {
	for name, threads := range map[string]int{"poller": -1, "thread": 100} {
		t.Run(name, func(t *testing.T) {
			s, g := serveGate(t, manager.Options{BusyThreads: threads})
			test(t, s, g, func() *conn.Framed {
				f := open(t, s)
				for range manager.Busy + 1 {
					want(t, f, "x", "1", "echo", "x")
				}
				return f
			})
		})
	}
}

func TestWaitingCalls(t *testing.T) {
	inBothWays(t, func(t *testing.T, s *manager.Server, g *gateState, open func() *conn.Framed) {
		a, b := open(), open()
		for round := range int64(20) {
			send(t, a, wire.NewRequest("1", "wait").Graph())
			for i := range int64(3) { // behind it, in order
				send(t, a, wire.NewRequest("1", "echo", i).Graph())
			}
			send(t, a, wire.NewRequest("1", "wait").Graph()) // another one in the backlog
			send(t, a, wire.NewRequest("1", "echo", "last").Graph())
			g.want(t, "waits")
			want(t, b, nil, "1", "open", round)
			if kind, result := receive(t, a); kind != wire.KindReturn || result != round {
				t.Fatalf("%s %v, not %d", kind, result, round)
			}
			for i := range int64(3) {
				if _, result := receive(t, a); result != i {
					t.Fatalf("%v, not %d", result, i)
				}
			}
			g.want(t, "waits")
			want(t, b, nil, "1", "open", "again")
			for _, want := range []any{"again", "last"} {
				if _, result := receive(t, a); result != want {
					t.Fatalf("%v, not %v", result, want)
				}
			}
			want(t, a, "x", "1", "echo", "x")
		}
	})
}

// TestWaitingTogether: many wait, one opens, all go on.
func TestWaitingTogether(t *testing.T) {
	inBothWays(t, func(t *testing.T, s *manager.Server, g *gateState, open func() *conn.Framed) {
		var all []*conn.Framed
		for range 20 {
			f := open()
			all = append(all, f)
			send(t, f, wire.NewRequest("1", "wait").Graph())
			g.want(t, "waits")
		}
		want(t, open(), nil, "1", "open", "now")
		for _, f := range all {
			if _, result := receive(t, f); result != "now" {
				t.Errorf("%v", result)
			}
		}
	})
}

// TestWaitingClientGoes: its call is withdrawn at once, whatever it has sent after it.
func TestWaitingClientGoes(t *testing.T) {
	inBothWays(t, func(t *testing.T, s *manager.Server, g *gateState, open func() *conn.Framed) {
		for _, more := range []int{0, 1, 100} {
			a := open()
			send(t, a, wire.NewRequest("1", "wait").Graph())
			g.want(t, "waits")
			for range more {
				send(t, a, wire.NewRequest("1", "echo", "x").Graph())
			}
			a.Close()
			g.want(t, "withdrawn", "disconnect")
		}
		want(t, open(), nil, "1", "open", "nobody")
	})
}

// TestWaitsEndByTime: the state gets its Tick.
func TestWaitsEndByTime(t *testing.T) {
	s, g := serveGate(t, manager.Options{})
	a, b := open(t, s), open(t, s)
	for range 3 {
		send(t, a, wire.NewRequest("1", "late").Graph())
		send(t, b, wire.NewRequest("1", "late").Graph())
		g.want(t, "tick")
		for _, f := range []*conn.Framed{a, b} {
			if _, result := receive(t, f); result != "time" {
				// It may have come after that tick, and has one of its own.
				t.Errorf("%v", result)
			}
		}
	}
}

// TestShutdownCutsWaits: what is up to other clients is not awaited.
func TestShutdownCutsWaits(t *testing.T) {
	inBothWays(t, func(t *testing.T, s *manager.Server, g *gateState, open func() *conn.Framed) {
		a := open()
		send(t, a, wire.NewRequest("1", "wait").Graph())
		g.want(t, "waits")
		if err := s.Shutdown(modetest.Patient(t)); err != nil {
			t.Error(err)
		}
		if _, err := a.Recv(modetest.Patient(t)); err != io.EOF {
			t.Errorf("%v", err)
		}
		g.want(t, "withdrawn", "disconnect")
	})
}

// TestBacklogIsLimited: a client that sends without end while its call waits is thrown out.
func TestBacklogIsLimited(t *testing.T) {
	var log record
	s, g := serveGate(t, manager.Options{Logger: logTo(&log)})
	f := open(t, s)
	send(t, f, wire.NewRequest("1", "wait").Graph())
	data, err := pickle.Append(nil, wire.NewRequest("1", "echo", strings.Repeat("x", 1<<20)).Graph(), 4)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 * manager.MaxBacklog >> 20 {
		if err = f.Send(modetest.Patient(t), data); err != nil {
			break
		}
	}
	if err == nil {
		t.Error("all was taken")
	}
	g.want(t, "withdrawn", "disconnect")
	if !strings.Contains(log.String(), "on and on") {
		t.Errorf("the log: %s", log.String())
	}
}

// holderProgram is a client that increments a count and then ends when it is told to.
func holderProgram() error {
	var network, address, key string
	if _, err := fmt.Scanln(&network, &address, &key); err != nil {
		return err
	}
	ctx := context.Background()
	f, err := conn.Dial(ctx, network, address, conn.Options{Authkey: []byte(key)})
	if err != nil {
		return err
	}
	data, err := pickle.Append(nil, wire.NewRequest("", "incref", "1").Graph(), 4)
	if err != nil {
		return err
	}
	if err := f.Send(ctx, data); err != nil {
		return err
	}
	if _, err := f.Recv(ctx); err != nil {
		return err
	}
	fmt.Println("counted")
	fmt.Scanln(&key)
	return nil
}

// TestProcessesAreTold apart: each is a holder, by whatever connection, and it is gone when it has ended, killed or not.
func TestProcessesAreToldApart(t *testing.T) {
	s, g := serveGate(t, manager.Options{Authkey: []byte("key")})
	if !canWatch(t, s) {
		t.Skip("NOT RUN: this system does not tell who is at the other end of a socket")
	}
	ask(t, s, "incref", "1")
	ask(t, s, "incref", "1")
	first := modetest.Receive(t, g.news, "incref")
	if second := modetest.Receive(t, g.news, "incref"); second != first || first == "incref 0" {
		t.Errorf("one process is %q and %q", first, second)
	}
	seen := map[string]bool{first: true}
	for _, kill := range []bool{false, true} {
		cmd := modetest.Program(t, "holder")
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(in, s.Addr().Network(), s.Addr().String(), "key")
		holder := modetest.Receive(t, g.news, "incref")
		for !strings.HasPrefix(holder, "incref") { // the end of the one before may be told twice
			holder = modetest.Receive(t, g.news, "incref")
		}
		if seen[holder] {
			t.Errorf("another process is %q too", holder)
		}
		seen[holder] = true
		if kill {
			cmd.Process.Kill()
		} else {
			in.Close()
		}
		cmd.Wait()
		g.want(t, strings.Replace(holder, "incref", "gone", 1))
	}
}

func canWatch(t *testing.T, s *manager.Server) bool {
	t.Helper()
	return s.Addr().Network() == "unix" && hasPidfd()
}
