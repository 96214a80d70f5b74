package manager_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
)

// gone fails the test if a path is there.
func gone(t testing.TB, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", path, err)
	}
}

func TestStart(t *testing.T) {
	ctx := modetest.Patient(t)
	c := must(manager.Start(ctx, manager.Options{}))(t)
	defer c.Close()
	network, address := c.Address()
	info := must(os.Stat(address))(t)
	dir := must(os.Stat(filepath.Dir(address)))(t)
	if network != "unix" || info.Mode().Perm() != 0o600 || dir.Mode().Perm() != 0o700 {
		t.Errorf("%s %s has the modes %v and %v", network, address, info.Mode(), dir.Mode())
	}
	if len(c.Authkey()) < 16 {
		t.Errorf("a key of %d bytes", len(c.Authkey()))
	}
	d := must(manager.NewDict[string, int](ctx, c))(t)
	ok(t, d.Set(ctx, "a", 1))

	other := dial(t, network, address, c.Authkey())
	if n := must(must(manager.AsDict[string, int](viewOf(t, ctx, other, d)))(t).Get(ctx, "a"))(t); n != 1 {
		t.Errorf("a is %d", n)
	}
	p := c.Process()
	if p == nil || !p.Daemon() || !p.Alive() {
		t.Errorf("the process is %v", p)
	}
	ok(t, c.Close())
	ok(t, c.Close())
	if p.Alive() {
		t.Error("the server lives after Close")
	}
	gone(t, address)
	gone(t, filepath.Dir(address))
	_, err := d.Get(ctx, "a")
	fails(t, err, manager.ErrClosed)
	_, err = manager.NewList[int](ctx, c)
	fails(t, err, manager.ErrClosed)
}

func TestStartOptions(t *testing.T) {
	ctx := modetest.Patient(t)
	path := filepath.Join(t.TempDir(), "socket")
	c := must(manager.Start(ctx, manager.Options{Address: path, Authkey: []byte("known")}))(t)
	must(manager.NewList[int](ctx, dial(t, "unix", path, []byte("known"))))(t)
	_, err := manager.Start(ctx, manager.Options{Address: path})
	var child *multiproc.ChildError
	if !errors.As(err, &child) {
		t.Errorf("a second server on the same socket: %v", err)
	}
	_, err = manager.Dial(ctx, "unix", path, manager.DialOptions{Authkey: []byte("wrong")})
	fails(t, err, manager.ErrAuthentication)
	_, err = manager.Dial(ctx, "unix", path, manager.DialOptions{})
	fails(t, err, manager.ErrEmptyKey)
	ok(t, c.Close())
	gone(t, path)
	_, err = manager.Dial(ctx, "unix", path, manager.DialOptions{Authkey: []byte("known")})
	fails(t, err, manager.ErrGone)

	if _, err := manager.Start(ctx, manager.Options{Types: []manager.UserType{manager.Type("Sum", newSum)}}); err == nil {
		t.Error("types have travelled to another process")
	}
	_, err = manager.Start(modetest.Ended(), manager.Options{})
	fails(t, err, context.Canceled)
}

// TestStartContext ends the context of Start: the server ends too.
func TestStartContext(t *testing.T) {
	ctx := modetest.Patient(t)
	life, end := context.WithCancel(ctx)
	defer end()
	c := must(manager.Start(life, manager.Options{}))(t)
	l := must(manager.NewList[int](ctx, c))(t)
	_, address := c.Address()
	end()
	ok(t, c.Process().Wait(ctx))
	_, err := l.Len(ctx)
	fails(t, err, manager.ErrGone)
	ok(t, c.Close())
	gone(t, address)
}

// sum is a user type.
type sum struct {
	n       int
	waiting atomic.Int32 // calls of Wait that have begun
}

func newSum(n int) *sum { return &sum{n: n} }

func (s *sum) Add(n int) int {
	s.n += n
	return s.n
}

// Wait lasts as long as the client or the server.
func (s *sum) Wait(ctx context.Context) {
	s.waiting.Add(1)
	<-ctx.Done()
}

func (s *sum) Waiting() int { return int(s.waiting.Load()) }

var summing = manager.Declare("manager_test.summing", func(context.Context) (manager.Options, error) {
	return manager.Options{Types: []manager.UserType{manager.Type("Sum", newSum)}}, nil
})

func TestDeclare(t *testing.T) {
	ctx := modetest.Patient(t)
	c := must(summing.Start(ctx))(t)
	p := must(c.Create(ctx, "Sum", 5))(t)
	if n := must(p.Call(ctx, "Add", 3))(t); n != int64(8) {
		t.Errorf("the sum is %v", n)
	}
	ok(t, c.Close())
}

// TestServerDeath kills the server, under a call that waits and under none.
func TestServerDeath(t *testing.T) {
	modetest.NeedProcess(t, "a goroutine cannot be killed")
	ctx := modetest.Patient(t)
	c := must(summing.Start(ctx))(t)
	_, address := c.Address()
	l := must(manager.NewList[int](ctx, c))(t)
	ok(t, l.Append(ctx, 1))
	p := must(c.Create(ctx, "Sum", 0))(t)
	waiting := make(chan error, 1)
	go func() {
		_, err := p.Call(ctx, "Wait")
		waiting <- err
	}()
	for must(p.Call(ctx, "Waiting"))(t) == int64(0) {
		runtime.Gosched()
	}
	killed := time.Now()
	ok(t, c.Process().Kill())
	fails(t, modetest.Receive(t, waiting, "the end of a call that waits"), manager.ErrGone)
	_, err := l.Len(ctx)
	fails(t, err, manager.ErrGone)
	wantSoon(t, killed)
	for range 3 {
		_, err := l.Len(ctx)
		fails(t, err, manager.ErrGone)
		var e *manager.CallError
		if !errors.As(err, &e) || e.Method != "__len__" {
			t.Errorf("the error is %#v", err)
		}
	}
	_, err = manager.NewList[int](ctx, c)
	fails(t, err, manager.ErrGone)
	var signal *multiproc.SignalError
	if err := c.Close(); !errors.As(err, &signal) {
		t.Errorf("Close of a server that was killed: %v", err)
	}
	gone(t, address)
	gone(t, filepath.Dir(address))
}

// TestSentOptions: each option travels, or Start refuses it.
func TestSentOptions(t *testing.T) {
	var o manager.Options
	fill(reflect.ValueOf(&o).Elem())
	o.Types, o.Logger = nil, nil
	if got := manager.SendOptions(t, o); !reflect.DeepEqual(got, o) {
		t.Errorf("sent %+v, got %+v", o, got)
	}
}

// fill sets all fields to something that is not zero.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint32:
		v.SetUint(0o640)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte("key"))
		}
	}
}
