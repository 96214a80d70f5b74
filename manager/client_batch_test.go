package manager_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
)

func TestBatch(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		d := must(manager.NewDict[string, int](ctx, c))(t)
		l := must(manager.NewList[any](ctx, c))(t)
		v := must(manager.NewValue(ctx, c, "before"))(t)
		b := c.NewBatch()
		for i := range 100 {
			d.In(b).Set(fmt.Sprint(i), i)
		}
		unset := d.In(b).Get("none")
		seven := d.In(b).Get("7")
		l.In(b).Append([]int{1, 2}) // no scalar
		l.In(b).Append(d)
		inner, length := manager.Later[*manager.Dict[string, int]](b, l, "__getitem__", 1), l.In(b).Len()
		v.In(b).Set("after")
		text := v.In(b).Get()
		if _, err := seven.Result(); !errors.Is(err, manager.ErrUnflushed) {
			t.Errorf("before Flush: %v", err)
		}
		if n := must(d.Len(ctx))(t); n != 0 || b.Len() != 108 {
			t.Errorf("before Flush there are %d items, and %d calls in the batch", n, b.Len())
		}
		fails(t, b.Flush(ctx), manager.ErrKey) // the first error of a call
		if _, err := unset.Result(); !errors.Is(err, manager.ErrKey) {
			t.Errorf("a missing key: %v", err)
		}
		if n := must(seven.Result())(t); n != 7 {
			t.Errorf("item 7 is %d", n)
		}
		if n := must(length.Result())(t); n != 2 {
			t.Errorf("%d in the list", n)
		}
		if s := must(text.Result())(t); s != "after" {
			t.Errorf("the value is %q", s)
		}
		again := must(inner.Result())(t)
		if n := must(again.Get(ctx, "99"))(t); n != 99 {
			t.Errorf("by the proxy that came: %d", n)
		}
		ok(t, again.Close())

		ok(t, c.Batch(ctx, func(b *manager.Batch) error { // and now without an error
			popped := d.In(b).Pop("7")
			if b.Len() != 1 {
				t.Error("the batch is not empty after Flush")
			}
			t.Cleanup(func() {
				if n := must(popped.Result())(t); n != 7 {
					t.Errorf("popped %d", n)
				}
			})
			return nil
		}))
		ok(t, b.Flush(ctx)) // of nothing
	})
}

// TestBatchOfMuch: what goes in either direction is more than all sockets hold.
func TestBatchOfMuch(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		const calls = 3000
		l := must(manager.NewList[string](ctx, c))(t)
		text := strings.Repeat("much ", 400)
		b := c.NewBatch()
		var back []*manager.Future[string]
		for i := range calls {
			l.In(b).Append(text)
			back = append(back, l.In(b).At(i))
		}
		ok(t, b.Flush(ctx))
		for i, f := range back {
			if got := must(f.Result())(t); got != text {
				t.Fatalf("item %d came back as %.20q…", i, got)
			}
		}
	})
}

func TestBatchOfWrongCalls(t *testing.T) {
	ctx, c := modetest.Patient(t), dialOurs(t, manager.Options{})
	other := dialOurs(t, manager.Options{})
	d := must(manager.NewDict[string, any](ctx, c))(t)
	closed := must(manager.NewList[int](ctx, c))(t)
	ok(t, closed.Close())
	elsewhere := must(manager.NewList[int](ctx, other))(t)
	b := c.NewBatch()
	first := d.In(b).Set("a", 1)
	wrong := d.In(b).Set("b", make(chan int))
	gone := closed.In(b).Len()
	foreign := elsewhere.In(b).Len()
	last := d.In(b).Len()
	if err := b.Flush(ctx); err == nil {
		t.Error("no error")
	}
	if _, err := first.Result(); err != nil {
		t.Error(err)
	}
	var call *manager.CallError
	if _, err := wrong.Result(); !errors.As(err, &call) || call.Sent {
		t.Errorf("what cannot be encoded: %v", err)
	}
	_, err := gone.Result()
	fails(t, err, manager.ErrClosed)
	_, err = foreign.Result()
	fails(t, err, manager.ErrHandle)
	if n := must(last.Result())(t); n != 1 {
		t.Errorf("%d items", n)
	}
	fails(t, c.Batch(ctx, func(*manager.Batch) error { return context.Canceled }), context.Canceled)
}

// TestBatchOfAStaleConnection: nothing has reached anybody, so it is sent again, to the server that is there now.
func TestBatchOfAStaleConnection(t *testing.T) {
	for _, calls := range []int{1, 5000} {
		ctx := modetest.Patient(t)
		address, key := filepath.Join(t.TempDir(), "s"), []byte("key")
		s := must(manager.NewServer(manager.Options{Address: address, Authkey: key}))(t)
		served := make(chan error, 1)
		go func() { served <- s.Serve(context.Background()) }()
		c := dial(t, "unix", address, key)
		d := must(manager.NewDict[string, int](ctx, c))(t)
		ok(t, s.Close())
		ok(t, modetest.Receive(t, served, "end of Serve"))
		other := serveOurs(t, manager.Options{Address: address, Authkey: key})
		b := c.NewBatch()
		for range calls {
			d.In(b).Len()
		}
		fails(t, b.Flush(ctx), manager.ErrNoObject) // says the new server
		ok(t, other.Close())
		last := d.In(b).Len()
		fails(t, b.Flush(ctx), manager.ErrGone)
		_, err := last.Result()
		fails(t, err, manager.ErrGone)
	}
}

// TestBatchThatWaits: the context ends it, also while it is being sent.
func TestBatchThatWaits(t *testing.T) {
	everyServer(t, func(t *testing.T, ctx context.Context, c *manager.Client) {
		q := must(manager.NewQueue[int](ctx, c, 1))(t)
		for _, calls := range []int{3, 50_000} {
			for must(q.Len(ctx))(t) > 0 {
				must(q.Get(ctx))(t)
			}
			b := c.NewBatch()
			first := q.In(b).Put(1)
			var last *manager.Future[struct{}]
			for range calls {
				last = q.In(b).Put(2)
			}
			ending, cancel := context.WithCancel(ctx)
			go func() {
				for {
					if n, err := q.Len(ctx); n > 0 || err != nil {
						cancel()
						return
					}
				}
			}()
			err := b.Flush(ending)
			fails(t, err, context.Canceled)
			var call *manager.CallError
			if _, err := last.Result(); !errors.As(err, &call) || !call.Sent {
				t.Errorf("of %d calls, the last: %v", calls, err)
			}
			_ = first // its reply may have come, or not
		}
	})
}

// TestBatchIsGivenBack: what a queue has given to a batch whose client goes before it has read all replies.
func TestBatchIsGivenBack(t *testing.T) {
	s := serveOurs(t, manager.Options{})
	c := dial(t, s.Addr().Network(), s.Addr().String(), s.Authkey())
	ctx := modetest.Patient(t)
	q := must(manager.NewQueue[int](ctx, c, 0))(t)
	empty := func() {
		t.Helper()
		for must(q.Len(ctx))(t) > 0 {
		}
	}
	put := func(items ...int) {
		t.Helper()
		for _, item := range items {
			ok(t, q.Put(ctx, item))
		}
	}
	request := func(ident, method string, args ...any) []byte {
		out, _ := wire.AppendCall(nil, ident, method, args)
		return conn.AppendFrame(nil, out)
	}
	get := func(n int) []byte { return slices.Concat(slices.Repeat(request(q.Ident(), "get"), n)) }
	for name, test := range map[string]struct {
		frames []byte
		read   int // replies, before the end
		back   int // items that come back, of five
	}{
		"in a batch":                 {slices.Concat(request("0", wire.FuncBatch, int64(5)), get(5)), 0, 5},
		"after a part of it":         {slices.Concat(request("0", wire.FuncBatch, int64(5)), get(5)), 4, 5},
		"after all of it":            {slices.Concat(request("0", wire.FuncBatch, int64(5)), get(5)), 6, 0},
		"not in a batch":             {get(5), 0, 1},
		"behind a batch":             {slices.Concat(request("0", wire.FuncBatch, int64(4)), get(5)), 0, 1},
		"in a batch behind another":  {slices.Concat(get(2), request("0", wire.FuncBatch, int64(3)), get(3)), 0, 3},
		"in a batch that is shorter": {slices.Concat(request("0", wire.FuncBatch, int64(1000)), get(5)), 0, 5},
	} {
		put(0, 1, 2, 3, 4)
		f := open(t, s)
		if _, err := f.SendFrames(ctx, test.frames); err != nil {
			t.Fatal(err)
		}
		empty()
		for range test.read { // and no byte more
			in := make([]byte, 4)
			must(io.ReadFull(f.NetConn(), in))(t)
			must(io.ReadFull(f.NetConn(), make([]byte, binary.BigEndian.Uint32(in))))(t)
		}
		f.Close()
		for s.Connections() > 1 {
			time.Sleep(time.Millisecond)
		}
		for i := 5 - test.back; i < 5; i++ {
			item, found, err := q.TryGet(ctx)
			if err != nil || !found || item != i {
				t.Errorf("%s: %d, %v, %v in place of %d", name, item, found, err, i)
			}
		}
		if item, found, err := q.TryGet(ctx); found || err != nil {
			t.Errorf("%s: %d is too much, %v", name, item, err)
		}
	}
}

// TestBatchOfLocks: who has released what it took in a batch has nothing to give back.
func TestBatchOfLocks(t *testing.T) {
	s := serveOurs(t, manager.Options{})
	c := dial(t, s.Addr().Network(), s.Addr().String(), s.Authkey())
	ctx := modetest.Patient(t)
	m := must(manager.NewSemaphore(ctx, c, 1))(t)
	f := open(t, s)
	var frames []byte
	for _, call := range []struct {
		ident, method string
		args          []any
	}{
		{"0", wire.FuncBatch, []any{int64(3)}}, {m.Ident(), "acquire", nil}, {m.Ident(), "release", nil}, {m.Ident(), "release", nil},
	} {
		out, _ := wire.AppendCall(nil, call.ident, call.method, call.args)
		frames = conn.AppendFrame(frames, out)
	}
	_, err := f.SendFrames(ctx, frames)
	ok(t, err)
	for must(m.Value(ctx))(t) != 2 {
	}
	f.Close()
	for s.Connections() > 1 {
		time.Sleep(time.Millisecond)
	}
	if n := must(m.Value(ctx))(t); n != 2 {
		t.Errorf("%d permits", n)
	}
}

// patient is a user type whose method returns when it may.
type patient struct{ entered, leave chan struct{} }

func (p *patient) Wait() {
	p.entered <- struct{}{}
	<-p.leave
}

// TestBatchIsGivenBackDuringACall: also when a user type has the last request of the client that is gone; and what came behind that is not executed.
func TestBatchIsGivenBackDuringACall(t *testing.T) {
	p := &patient{make(chan struct{}), make(chan struct{})}
	s := serveOurs(t, manager.Options{Types: []manager.UserType{manager.Type("Patient", func() *patient { return p })}})
	c := dial(t, s.Addr().Network(), s.Addr().String(), s.Authkey())
	ctx := modetest.Patient(t)
	q, waits := must(manager.NewQueue[int](ctx, c, 0))(t), must(c.Create(ctx, "Patient"))(t)
	ok(t, q.Put(ctx, 1))
	ok(t, q.Put(ctx, 2))
	f := open(t, s)
	var frames []byte
	for _, call := range []struct {
		ident, method string
		args          []any
	}{{"0", wire.FuncBatch, []any{int64(10)}}, {q.Ident(), "get", nil}, {q.Ident(), "get", nil}, {waits.Ident(), "Wait", nil}, {q.Ident(), "get", nil}} {
		out, _ := wire.AppendCall(nil, call.ident, call.method, call.args)
		frames = conn.AppendFrame(frames, out)
	}
	_, err := f.SendFrames(ctx, frames)
	ok(t, err)
	modetest.Receive(t, p.entered, "the call")
	f.Close()
	for s.Connections() > 1 {
		time.Sleep(time.Millisecond)
	}
	close(p.leave)
	for i := 1; i <= 2; i++ {
		if item, found, err := q.TryGet(ctx); item != i || !found || err != nil {
			t.Errorf("%d, %v, %v in place of %d", item, found, err, i)
		}
	}
	ok(t, waits.Close())
}

// BenchmarkBatch is a hundred calls of a server in another process.
func BenchmarkBatch(b *testing.B) {
	ctx := context.Background()
	c, err := manager.Start(ctx, manager.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	d := must(manager.NewDict[string, int](ctx, c))(b)
	batch := c.NewBatch()
	b.ReportAllocs()
	for b.Loop() {
		for i := range 100 {
			d.In(batch).Set("key", 1000+i)
		}
		if err := batch.Flush(ctx); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/call")
}
