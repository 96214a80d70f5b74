package manager_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

// A counter is a user type, of the tests with Python too.
type counter struct {
	mu    sync.Mutex
	n     int
	names []string

	events chan string // what a test wants to know
}

func newCounter(start ...int) (*counter, error) {
	c := &counter{events: make(chan string, 10)}
	for _, n := range start {
		if n < 0 {
			return nil, manager.NewException("ValueError", "negative", int64(n))
		}
		c.n += n
	}
	return c, nil
}

func (c *counter) Add(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += n
	return c.n
}

func (c *counter) AddName(name string, more ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.names = append(append(c.names, name), more...)
}

func (c *counter) Names() ([]string, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.names...), len(c.names)
}

func (c *counter) Echo(v any) any         { return v }
func (c *counter) Fail(text string) error { return errors.New(text) }
func (c *counter) Raise(name string, v any) error {
	return fmt.Errorf("in the server: %w", manager.NewException(name, v))
}
func (c *counter) Panic()         { panic("a secret of /the/server") }
func (c *counter) Exit()          { runtime.Goexit() }
func (c *counter) Channel() any   { return make(chan int) }
func (c *counter) String() string { return fmt.Sprintf("Counter of %d", c.Add(0)) }
func (c *counter) Wait(ctx context.Context) error {
	c.events <- "waits"
	<-ctx.Done()
	c.events <- "ended"
	return ctx.Err()
}

func (c *counter) Close() error {
	if c.events != nil {
		c.events <- "closed"
	}
	return nil
}

func counterType() manager.UserType { return manager.Type("Counter", newCounter) }

func TestUserType(t *testing.T) {
	var log record
	s := serve(t, manager.Options{Types: []manager.UserType{counterType()}, Logger: logTo(&log)})
	c, f := create(t, s, "Counter", int64(40), int64(1)), open(t, s)
	want(t, f, int64(42), c, "Add", int64(1))
	want(t, f, int64(44), c, "add", int64(2))
	want(t, f, nil, c, "add_name", "a")
	want(t, f, nil, c, "AddName", "b", "c", "d")
	want(t, f, pickle.NewTuple(pickle.NewList("a", "b", "c", "d"), int64(4)), c, "names")
	set := pickle.NewSet(false)
	set.Add("x")
	for _, v := range []any{nil, true, "text", pickle.Bytes("bytes"), 2.5, pickle.NewTuple(int64(1), pickle.NewList("a")), set} {
		want(t, f, v, c, "echo", v)
	}
	want(t, f, "Counter of 44", c, "__str__")
	want(t, f, "Counter of 44", c, "__repr__")

	wantText(t, f, wire.KindError, "RuntimeError('it does not work')", c, "fail", "it does not work")
	wantText(t, f, wire.KindError, "KeyError('k')", c, "raise_", "KeyError", "k")
	wantText(t, f, wire.KindError, "TypeError('Counter.Add() takes 1 argument but 0 were given')", c, "add")
	wantText(t, f, wire.KindError, "TypeError('Counter.Add() takes 1 argument but 2 were given')", c, "add", int64(1), int64(2))
	wantText(t, f, wire.KindError, "takes at least 1 argument but 0 were given", c, "add_name")
	wantText(t, f, wire.KindError, "Counter.Add() argument 1", c, "add", "one")
	wantText(t, f, wire.KindError, "Counter.AddName() argument 3", c, "add_name", "a", "b", int64(1))
	wantText(t, f, wire.KindUnserializable, "Counter.Channel", c, "channel")
	for _, method := range []string{"frob", "close", "Close", "mu", "n", "__class__", "raise"} {
		if kind, result := call(t, f, c, method); kind == wire.KindReturn {
			t.Errorf("%s returns %v", method, result)
		}
	}
	kwargs := pickle.NewDict()
	kwargs.Set("n", int64(1))
	send(t, f, (&wire.Request{Ident: c, Method: "add", Kwargs: kwargs}).Graph())
	if kind, result := receive(t, f); kind != wire.KindError || !strings.Contains(pickle.Repr(result), "takes no keyword arguments") {
		t.Errorf("a keyword argument: %s %v", kind, pickle.Repr(result))
	}

	kind, result := call(t, f, c, "panic")
	text, _ := result.(string)
	if kind != wire.KindTraceback || !strings.Contains(text, "panic in Counter.Panic") || strings.Contains(text, ".go") {
		t.Errorf("a panic: %s %q", kind, text)
	}
	if !strings.Contains(log.String(), "usertype_test.go") {
		t.Errorf("the log has no stack: %s", log.String())
	}
	want(t, f, int64(44), c, "add", int64(0))
	gone := open(t, s)
	send(t, gone, wire.NewRequest(c, "exit").Graph())
	if data, err := gone.Recv(modetest.Patient(t)); err != io.EOF {
		t.Errorf("after the end of the method's goroutine: %q, %v", data, err)
	}
	want(t, f, int64(44), c, "add", int64(0))

	for _, args := range [][]any{{"Counter", "x"}, {"Counter", int64(-1)}, {"Nothing"}} {
		if kind, result := ask(t, s, wire.FuncCreate, args...); kind == wire.KindReturn {
			t.Errorf("create%s: %v", pickle.Repr(pickle.NewTuple(args...)), pickle.Repr(result))
		}
	}
	wantWorking(t, s)
}

// TestUserTypesAreConcurrent: a call that takes its time does not keep others waiting, of
// the same object too, and what a connection sends meanwhile is executed in order after it.
func TestUserTypesAreConcurrent(t *testing.T) {
	release, entered := make(chan struct{}), make(chan struct{}, 10)
	s := serve(t, manager.Options{Types: []manager.UserType{manager.Type("Gate", func() *gate { return &gate{release: release, entered: entered} })}})
	g, a, b := create(t, s, "Gate"), open(t, s), open(t, s)
	send(t, a, wire.NewRequest(g, "pass_").Graph())
	modetest.Receive(t, entered, "call of pass")
	for i := range 5 { // they pile up behind it
		send(t, a, wire.NewRequest(g, "number", int64(i)).Graph())
	}
	want(t, b, int64(7), g, "number", int64(7))
	close(release)
	if kind, result := receive(t, a); kind != wire.KindReturn || result != "passed" {
		t.Errorf("%s %v", kind, result)
	}
	for i := range int64(5) {
		if kind, result := receive(t, a); kind != wire.KindReturn || result != i {
			t.Errorf("reply %d: %s %v", i, kind, result)
		}
	}
	want(t, a, int64(9), g, "number", int64(9))
}

type gate struct {
	release, entered chan struct{}
}

func (g *gate) Pass() string {
	g.entered <- struct{}{}
	<-g.release
	return "passed"
}

func (g *gate) Number(n int) int { return n }

// TestConstructorOnAConnectionForCalls: while it runs, what else comes waits its turn, and the client's end is noticed.
func TestConstructorOnAConnectionForCalls(t *testing.T) {
	entered, release, ended := make(chan struct{}, 1), make(chan struct{}), make(chan struct{}, 1)
	u := manager.Type("Gate", func(ctx context.Context) (*gate, error) {
		entered <- struct{}{}
		select {
		case <-release:
			return new(gate), nil
		case <-ctx.Done():
			ended <- struct{}{}
			return nil, ctx.Err()
		}
	})
	s := serve(t, manager.Options{Types: []manager.UserType{u}})
	f := open(t, s)
	begin := func() {
		send(t, f, wire.NewRequest(wire.ServerIdent, wire.FuncCreate, "Gate").Graph())
		modetest.Receive(t, entered, "constructor")
	}
	begin()
	send(t, f, wire.NewRequest(wire.ServerIdent, wire.FuncCount).Graph())
	wantWorking(t, s)
	release <- struct{}{}
	kind, result := receive(t, f)
	ident, _, err := wire.ParseCreated(result)
	if kind != wire.KindReturn || err != nil {
		t.Fatalf("create: %s %v", kind, pickle.Repr(result))
	}
	if kind, n := receive(t, f); kind != wire.KindReturn || n != int64(2) { // wantWorking's dict is the other
		t.Errorf("the count after it: %s %v", kind, n)
	}
	want(t, f, int64(3), ident, "number", int64(3))

	begin()
	f.Close()
	modetest.Receive(t, ended, "end of the constructor's context")
	for ctx := modetest.Patient(t); ; {
		if _, n := ask(t, s, wire.FuncCount); n == int64(2) {
			break
		} else if ctx.Err() != nil {
			t.Fatalf("%v objects, with one that was not made", n)
		}
	}
}

// TestContextOfUserTypes: it ends with the client, and with the server.
func TestContextOfUserTypes(t *testing.T) {
	made := make(chan *counter, 10)
	u := manager.Type("Counter", func() *counter {
		c, _ := newCounter()
		made <- c
		return c
	})
	s := serve(t, manager.Options{Types: []manager.UserType{u}})
	ident := create(t, s, "Counter")
	c := modetest.Receive(t, made, "counter")
	wantEvent := func(event string) {
		t.Helper()
		if got := modetest.Receive(t, c.events, event); got != event {
			t.Errorf("%q, not %q", got, event)
		}
	}
	f := open(t, s)
	send(t, f, wire.NewRequest(ident, "wait").Graph())
	wantEvent("waits")
	f.Close()
	wantEvent("ended")

	f = open(t, s)
	send(t, f, wire.NewRequest(ident, "wait").Graph())
	wantEvent("waits")
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(ctx) }()
	select {
	case err := <-stopped:
		t.Fatalf("Shutdown has not waited for the call: %v", err)
	case e := <-c.events:
		t.Fatalf("%q before its time", e)
	default:
	}
	cancel()
	if err := modetest.Receive(t, stopped, "end of Shutdown"); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
	for range 2 { // in any order: the server does not wait for calls that go on
		if e := modetest.Receive(t, c.events, "end"); e != "ended" && e != "closed" {
			t.Errorf("%q", e)
		}
	}
	if _, err := f.Recv(modetest.Patient(t)); err != io.EOF {
		t.Errorf("the client: %v", err)
	}
}

// TestShutdownWaitsForCalls: a call that is running when the server is asked to stop is answered.
func TestShutdownWaitsForCalls(t *testing.T) {
	release, entered := make(chan struct{}), make(chan struct{}, 10)
	s := serve(t, manager.Options{Types: []manager.UserType{manager.Type("Gate", func() *gate { return &gate{release: release, entered: entered} })}})
	g, f := create(t, s, "Gate"), open(t, s)
	send(t, f, wire.NewRequest(g, "pass_").Graph())
	modetest.Receive(t, entered, "call of pass")
	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(modetest.Patient(t)) }()
	idle := dialFails(t, s)
	close(release)
	if kind, result := receive(t, f); kind != wire.KindReturn || result != "passed" {
		t.Errorf("%s %v", kind, result)
	}
	if err := modetest.Receive(t, stopped, "end of Shutdown"); err != nil {
		t.Error(err)
	}
	if _, err := f.Recv(modetest.Patient(t)); err != io.EOF {
		t.Errorf("the client: %v", err)
	}
	if !idle {
		t.Error("it accepts while it stops")
	}
}

// TestUserTypesAreClosed: once, when nobody refers to them any more, or when the server stops.
func TestUserTypesAreClosed(t *testing.T) {
	made := make(chan *counter, 10)
	u := manager.Type("Counter", func() *counter {
		c, _ := newCounter()
		made <- c
		return c
	})
	s := serve(t, manager.Options{Types: []manager.UserType{u}, Grace: -1})
	first, _ := create(t, s, "Counter"), create(t, s, "Counter")
	a, b := modetest.Receive(t, made, "counter"), modetest.Receive(t, made, "counter")
	f := open(t, s)
	want(t, f, int64(1), first, "add", int64(1))
	ask(t, s, wire.FuncDecref, first)
	f.Close()
	modetest.Receive(t, a.events, "closed")
	f = open(t, s)
	wantText(t, f, wire.KindTraceback, "KeyError", first, "add", int64(1))
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	modetest.Receive(t, b.events, "closed")
	for _, c := range []*counter{a, b} {
		select {
		case e := <-c.events:
			t.Errorf("%s again", e)
		default:
		}
	}
}
