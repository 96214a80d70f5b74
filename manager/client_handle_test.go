package manager_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
)

// handles is an argument with a handle of each kind.
type handles struct {
	Dict      *manager.Dict[string, int]
	Lists     []*manager.List[int]
	Namespace *manager.Namespace
	Value     *manager.Value[float64]
	Array     *manager.Array[int32]
	Proxy     *manager.Proxy
	Client    *manager.Client
	None      *manager.List[int]
}

func (h *handles) close() error {
	errs := []error{h.Dict.Close(), h.Namespace.Close(), h.Value.Close(), h.Array.Close(), h.Proxy.Close(), h.Client.Close()}
	for _, l := range h.Lists {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// useHandles uses all of them, and returns a proxy of its own making.
var useHandles = multiproc.Func("manager_test.useHandles", func(ctx context.Context, h handles) (*manager.List[string], error) {
	if h.None != nil {
		return nil, errors.New("a nil proxy has become one")
	}
	errs := []error{
		h.Dict.Set(ctx, "child", os.Getpid()),
		h.Lists[0].Append(ctx, 1),
		h.Lists[1].Append(ctx, 2),
		h.Namespace.Set(ctx, "x", "child"),
		h.Value.Set(ctx, 2.5),
		h.Array.SetAt(ctx, 1, 7),
	}
	_, err := h.Proxy.Call(ctx, "append", "child")
	errs = append(errs, err)
	made, err := manager.NewList(ctx, h.Client, "made by the child")
	errs = append(errs, err, h.close())
	return made, errors.Join(errs...)
})

func TestHandles(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		p := must(c.Create(ctx, "list"))(t)
		h := handles{
			Dict:      must(manager.NewDict[string, int](ctx, c))(t),
			Lists:     []*manager.List[int]{must(manager.NewList[int](ctx, c))(t), must(manager.NewList[int](ctx, c))(t)},
			Namespace: must(manager.NewNamespace(ctx, c))(t),
			Value:     must(manager.NewValue(ctx, c, 1.0))(t),
			Array:     must(manager.NewArray[int32](ctx, c, 1, 2))(t),
			Proxy:     p, Client: c,
		}
		call := must(useHandles.Start(ctx, h))(t)
		made := must(call.Result(ctx))(t)
		if pid := must(h.Dict.Get(ctx, "child"))(t); pid != call.Pid() {
			t.Errorf("the child was %d, not %d", pid, call.Pid())
		}
		if a, b := must(h.Lists[0].At(ctx, 0))(t), must(h.Lists[1].At(ctx, 0))(t); a != 1 || b != 2 {
			t.Errorf("the lists have %d and %d", a, b)
		}
		if x := must(h.Namespace.Get(ctx, "x"))(t); x != "child" {
			t.Errorf("x is %v", x)
		}
		if v, n := must(h.Value.Get(ctx))(t), must(h.Array.At(ctx, 1))(t); v != 2.5 || n != 7 {
			t.Errorf("the values are %v and %v", v, n)
		}
		if text := must(p.Repr(ctx))(t); text != "['child']" {
			t.Errorf("the list is %s", text)
		}
		// The child has ended; what it has made and returned is ours now.
		if text := must(made.At(ctx, 0))(t); text != "made by the child" {
			t.Errorf("the child's list has %q", text)
		}
		ok(t, made.Close())
	})
}

// TestHandleAlone closes the sender's proxy before the receiver can have counted itself, and looks whether the
// object goes when the receiver has closed its own.
func TestHandleAlone(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		warm := must(manager.NewList[int](ctx, c))(t)
		data := must(warm.MarshalBinary())(t) // makes what the session needs for it
		ok(t, new(manager.List[int]).UnmarshalBinary(data))
		before := must(c.Objects(ctx))(t)

		l := must(manager.NewList(ctx, c, 5))(t)
		data = must(l.MarshalBinary())(t)
		ok(t, l.Close())
		if n := must(c.Objects(ctx))(t); n < before || n > before+1 {
			t.Errorf("%d objects, of %d before", n, before)
		}
		var got manager.List[int]
		ok(t, got.UnmarshalBinary(data))
		if v := must(got.At(ctx, 0))(t); v != 5 {
			t.Errorf("in the list is %d", v)
		}
		ok(t, got.Close())
		if n := must(c.Objects(ctx))(t); n != before {
			t.Errorf("%d objects are left, %d were there before", n, before)
		}
		fails(t, new(manager.Dict[string, int]).UnmarshalBinary(must(warm.MarshalBinary())(t)), manager.ErrHandle)
		if _, err := got.MarshalBinary(); !errors.Is(err, manager.ErrClosed) {
			t.Errorf("MarshalBinary of a closed proxy: %v", err)
		}
		if _, err := c.MarshalText(); err == nil {
			t.Error("a Client was encoded as text, with its key")
		}
	})
}

// failRemote fails with an exception of Python.
var failRemote = multiproc.Proc("manager_test.failRemote", func(ctx context.Context, l *manager.List[int]) error {
	defer l.Close()
	_, err := l.At(ctx, 99)
	return err
})

// TestErrorsTravel: errors.Is finds exceptions in the error of an entry.
func TestErrorsTravel(t *testing.T) {
	ctx := modetest.Patient(t)
	c := dialOurs(t, manager.Options{})
	call := must(failRemote.Start(ctx, must(manager.NewList[int](ctx, c))(t)))(t)
	_, err := call.Result(ctx)
	var child *multiproc.ChildError
	if !errors.As(err, &child) || !errors.Is(err, manager.ErrIndex) || errors.Is(err, manager.ErrKey) {
		t.Errorf("the error is %v", err)
	}
}

// TestForwarding: a process that passes proxies on which it was passed, again and again, leaves one object for that in the server.
func TestForwarding(t *testing.T) {
	ctx := modetest.Patient(t)
	c := dialOurs(t, manager.Options{Grace: -1})
	l := must(manager.NewList[int](ctx, c))(t)
	pass := func(from *manager.List[int]) *manager.List[int] {
		to := new(manager.List[int])
		ok(t, to.UnmarshalBinary(must(from.MarshalBinary())(t)))
		return to
	}
	ok(t, pass(l).Close()) // the dict of c
	before := must(c.Objects(ctx))(t)
	for range 10 {
		arrived := pass(l)
		further := pass(arrived)
		ok(t, further.Append(ctx, 1))
		ok(t, further.Close())
		ok(t, arrived.Close()) // the last of its server
	}
	if n := must(c.Objects(ctx))(t); n > before+1 {
		t.Errorf("%d objects, and %d before", n, before)
	}
	if n := must(l.Len(ctx))(t); n != 10 {
		t.Errorf("Len: %d", n)
	}
}

// TestServerComesBack: a Client outlives its server, if another one takes the address. Objects that are made then can be passed on, too.
func TestServerComesBack(t *testing.T) {
	ctx := modetest.Patient(t)
	o := manager.Options{Address: filepath.Join(t.TempDir(), "s"), Authkey: []byte("key")}
	first := must(manager.NewServer(o))(t)
	go first.Serve(ctx)
	c := dial(t, "unix", o.Address, o.Authkey)
	old := must(manager.NewList[int](ctx, c))(t)
	must(old.MarshalBinary())(t)
	ok(t, first.Close())
	serveOurs(t, o)
	_, err := old.Len(ctx)
	fails(t, err, manager.ErrNoObject)
	l := must(manager.NewList(ctx, c, 1))(t)
	arrived := new(manager.List[int])
	ok(t, arrived.UnmarshalBinary(must(l.MarshalBinary())(t)))
	if n := must(arrived.Len(ctx))(t); n != 1 {
		t.Errorf("Len: %d", n)
	}
	ok(t, arrived.Close())
}

// TestNoJSON: what would be lost there is an error.
func TestNoJSON(t *testing.T) {
	ctx := modetest.Patient(t)
	c := dialOurs(t, manager.Options{})
	l := must(manager.NewList[int](ctx, c))(t)
	for what, v := range map[string]any{"a proxy": l, "one in a struct": struct{ L *manager.List[int] }{l}, "a Client": c} {
		if data, err := json.Marshal(v); err == nil {
			t.Errorf("%s became %s", what, data)
		}
	}
	var to struct{ L *manager.List[int] }
	if err := json.Unmarshal([]byte(`{"L": {}}`), &to); err == nil {
		t.Errorf("{} became %v", to.L)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("made", "list", l)
	if !strings.Contains(log.String(), l.Ident()) {
		t.Errorf("in a log it is %s", log.String())
	}
}
