package manager_test

import (
	"context"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
)

// held is a user type whose constructor waits.
type held struct{}

func (*held) Number(n int) int { return n }

// waitsFor is a constructor that waits for release, and says why it went on.
func waitsFor(entered chan<- struct{}, release <-chan struct{}) func(ctx context.Context, text string) (*held, error) {
	return func(ctx context.Context, text string) (*held, error) {
		entered <- struct{}{}
		select {
		case <-release:
			return &held{}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// TestConstructorOnBusyConnection: a connection that has a thread of its own by then goes on after it has made an object
// of a user type.
func TestConstructorOnBusyConnection(t *testing.T) {
	entered, release := make(chan struct{}, 1), make(chan struct{})
	s := serve(t, manager.Options{Types: []manager.UserType{manager.Type("Held", waitsFor(entered, release))}})
	f, other := open(t, s), open(t, s)
	for range 100 { // more than it takes to get a thread
		want(t, f, int64(0), wire.ServerIdent, wire.FuncCount)
	}
	send(t, f, wire.NewRequest(wire.ServerIdent, wire.FuncCreate, "Held", "x").Graph())
	modetest.Receive(t, entered, "constructor")
	for range 1000 { // the server has had time to look after the client
		call(t, other, wire.ServerIdent, wire.FuncCount)
	}
	close(release)
	if kind, result := receive(t, f); kind != wire.KindReturn {
		t.Errorf("create: %s %v", kind, result)
	}
	want(t, f, int64(1), wire.ServerIdent, wire.FuncCount)
}

// TestConstructorAndWhatFollows: what a client sends after it has asked for an object is not its end.
func TestConstructorAndWhatFollows(t *testing.T) {
	entered, release := make(chan struct{}, 1), make(chan struct{})
	s := serve(t, manager.Options{Types: []manager.UserType{manager.Type("Held", waitsFor(entered, release))}})
	f, other := open(t, s), open(t, s)
	send(t, f, wire.NewRequest(wire.ServerIdent, wire.FuncCreate, "Held", "x").Graph())
	modetest.Receive(t, entered, "constructor")
	send(t, f, wire.NewRequest(wire.ServerIdent, wire.FuncCount).Graph())
	for range 1000 { // the server has had time for it
		call(t, other, wire.ServerIdent, wire.FuncCount)
	}
	close(release)
	if kind, result := receive(t, f); kind != wire.KindReturn {
		t.Errorf("create: %s %v", kind, result)
	}
	if kind, _ := receive(t, f); kind != wire.KindReturn {
		t.Errorf("what followed: %s", kind)
	}
}

// TestConstructorsKeepNoPlaces: large requests of others are decoded while constructors with large arguments wait.
func TestConstructorsKeepNoPlaces(t *testing.T) {
	const many = 64 // more than processors
	entered, release := make(chan struct{}, many), make(chan struct{})
	s := serve(t, manager.Options{Types: []manager.UserType{manager.Type("Held", waitsFor(entered, release))}})
	defer close(release)
	large := strings.Repeat("x", 100_000)
	for range many {
		send(t, open(t, s), wire.NewRequest(wire.ServerIdent, wire.FuncCreate, "Held", large).Graph())
	}
	for range many {
		modetest.Receive(t, entered, "constructor")
	}
	d := create(t, s, "dict")
	want(t, open(t, s), nil, d, "setdefault", large)
}

// TestCloseDoesNotWaitForConstructors: also if one does not look at its context, and is that of a connection's first request, as
// Python's are.
func TestCloseDoesNotWaitForConstructors(t *testing.T) {
	entered, release, made := make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	u := manager.Type("Deaf", func() *deaf {
		entered <- struct{}{}
		<-release
		return &deaf{made}
	})
	s, err := manager.NewServer(manager.Options{Types: []manager.UserType{u}})
	if err != nil {
		t.Fatal(err)
	}
	served, closed := make(chan error, 1), make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	f := dialRaw(t, s)
	send(t, f, wire.NewRequest("", wire.FuncCreate, "Deaf").Graph())
	modetest.Receive(t, entered, "constructor")
	go func() { closed <- s.Close() }()
	if err := modetest.Receive(t, closed, "end of Close"); err != nil {
		t.Error(err)
	}
	if err := modetest.Receive(t, served, "end of Serve"); err != nil {
		t.Error(err)
	}
	if _, err := f.Recv(modetest.Patient(t)); err != io.EOF {
		t.Errorf("the client: %v", err)
	}
	close(release)
	modetest.Receive(t, made, "Close of what was made too late")
}

// deaf is a user type whose constructor does not listen.
type deaf struct{ closed chan struct{} }

func (*deaf) Number(n int) int { return n }
func (d *deaf) Close() error {
	close(d.closed)
	return nil
}

// TestExitOfConstructor: one that ends its goroutine ends its connection.
func TestExitOfConstructor(t *testing.T) {
	s := serve(t, manager.Options{Types: []manager.UserType{manager.Type("Exits", func() *held {
		runtime.Goexit()
		return nil
	})}})
	f := dialRaw(t, s)
	send(t, f, wire.NewRequest("", wire.FuncCreate, "Exits").Graph())
	if data, err := f.Recv(modetest.Patient(t)); err != io.EOF {
		t.Errorf("%q, %v", data, err)
	}
	wantWorking(t, s)
}
