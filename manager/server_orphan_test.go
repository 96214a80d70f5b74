package manager_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
)

// orphan is a user type that says when it is closed.
type orphan struct{ closed chan<- struct{} }

func (o *orphan) Number(n int) int { return n }
func (o *orphan) Close() error     { o.closed <- struct{}{}; return nil }

// TestObjectFreedWhileItIsMade: an object whose last reference goes while its constructor runs, as by the death of its
// client, is closed, and not kept until the server stops.
func TestObjectFreedWhileItIsMade(t *testing.T) {
	entered, release, closed := make(chan struct{}, 1), make(chan struct{}), make(chan struct{}, 1)
	u := manager.Type("Orphan", func(context.Context) *orphan {
		entered <- struct{}{}
		<-release
		return &orphan{closed}
	})
	s := serve(t, manager.Options{Types: []manager.UserType{u}, Grace: -1})
	before, err := strconv.ParseUint(create(t, s, "dict"), 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	f := dialRaw(t, s)
	send(t, f, wire.NewRequest("", wire.FuncCreate, "Orphan").Graph())
	modetest.Receive(t, entered, "constructor")
	if kind, result := ask(t, s, wire.FuncDecref, strconv.FormatUint(before+1, 16)); kind != wire.KindReturn {
		t.Fatalf("decref: %s %v", kind, result)
	}
	close(release)
	receive(t, f)
	modetest.Receive(t, closed, "Close")
}
