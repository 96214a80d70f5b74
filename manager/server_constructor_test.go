package manager_test

import (
	"context"
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
