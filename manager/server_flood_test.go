package manager_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/big"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/internal/race"
	"github.com/multiproc-go/multiproc/manager"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

// enter makes a connection one for calls.
func enter(t *testing.T, f *conn.Framed) {
	t.Helper()
	send(t, f, wire.NewRequest("", wire.FuncAccept, "a test").Graph())
	if kind, result := receive(t, f); kind != wire.KindReturn {
		t.Fatalf("%s %v", kind, result)
	}
}

// TestSlowReaders: clients that never take their replies, of any size, cost what the limits say, and others are served meanwhile.
func TestSlowReaders(t *testing.T) {
	const (
		slow  = 100
		large = 4 << 20
		bound = 512 // MiB; MaxUnread of the program is 64
	)
	if runtime.GOOS != "linux" || race.Enabled {
		t.Skip("NOT RUN: it is about the memory of a process on Linux, without the race detector's")
	}
	cmd := modetest.Program(t, "memory")
	address, stop := startProgram(t, cmd)
	defer stop()
	ctx := modetest.Patient(t)
	connect := func() *conn.Framed {
		f := must(conn.Dial(ctx, "unix", address, conn.Options{Authkey: []byte("key")}))(t)
		t.Cleanup(func() { f.Close() })
		enter(t, f)
		return f
	}
	honest := connect()
	send(t, honest, wire.NewRequest("0", wire.FuncCreate, "list").Graph())
	_, result := receive(t, honest)
	ident, _, err := wire.ParseCreated(result)
	ok(t, err)
	want(t, honest, nil, ident, "append", strings.Repeat("x", large))
	before := peakMemory(t, cmd.Process.Pid)
	var all []*conn.Framed
	for range slow {
		f := connect()
		send(t, f, wire.NewRequest(ident, "__getitem__", int64(0)).Graph())
		all = append(all, f)
		want(t, honest, int64(1), ident, "__len__")
	}
	for range slow { // and these ask for little, but very often
		f := connect()
		request, _ := wire.AppendCall(nil, ident, "__len__", nil)
		var frames []byte
		for range 1000 {
			frames = conn.AppendFrame(frames, request)
		}
		go func() {
			for {
				if _, err := f.SendFrames(context.Background(), frames); err != nil {
					return // closed, by the end of the test
				}
			}
		}()
		want(t, honest, int64(1), ident, "__len__")
	}
	peak := peakMemory(t, cmd.Process.Pid)
	served := 0
	for _, f := range all {
		if _, err := f.Recv(ctx); err == nil {
			served++
		}
	}
	t.Logf("%d MiB before, %d MiB with slow readers; %d of %d were not closed", before, peak, served, slow)
	if peak > bound {
		t.Errorf("%d MiB", peak)
	}
	if served == 0 || served > 64<<20/large {
		t.Errorf("%d large replies were kept", served)
	}
	want(t, honest, int64(1), ident, "__len__")
}

// TestHalfClosed: who sends no more gets the replies to what it has sent, and then the end. A call that waits is withdrawn.
func TestHalfClosed(t *testing.T) {
	const clients = 200
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			s := serve(t, manager.Options{Network: network})
			lock, keeper := create(t, s, "Lock"), open(t, s)
			want(t, keeper, true, lock, "acquire")
			list := create(t, s, "list")
			for i := range clients {
				f := open(t, s)
				send(t, f, wire.NewRequest(list, "append", int64(i)).Graph())
				waits := i%2 == 1
				if waits {
					send(t, f, wire.NewRequest(lock, "acquire").Graph())
				}
				half := f.NetConn().(interface{ CloseWrite() error })
				ok(t, half.CloseWrite())
				receive(t, f)
				if _, err := f.Recv(modetest.Patient(t)); err != io.EOF {
					t.Errorf("client %d: %v in place of the end", i, err)
				}
				f.Close()
			}
			for ctx := modetest.Patient(t); s.Connections() > 1; {
				ok(t, ctx.Err())
			}
			want(t, keeper, nil, lock, "release")
			want(t, keeper, int64(clients), list, "__len__")
			want(t, keeper, true, lock, "acquire", false)
		})
	}
}

// floodProgram creates objects until it is refused, says how many, and stays.
func floodProgram() error {
	ctx := context.Background()
	c, err := manager.Dial(ctx, "unix", os.Getenv("MULTIPROC_TEST_ADDRESS"), manager.DialOptions{Authkey: []byte("key")})
	if err != nil {
		return err
	}
	var kept []*manager.Proxy
	for {
		p, err := c.Create(ctx, "dict")
		if err != nil {
			fmt.Println(len(kept), err)
			break
		}
		kept = append(kept, p)
	}
	io.Copy(io.Discard, os.Stdin)
	runtime.KeepAlive(kept)
	return nil
}

// TestFloodOfCreates: it ends at the limit, others go on with what they have, and the end of who made it frees all.
func TestFloodOfCreates(t *testing.T) {
	const limit = 5000
	s := serve(t, manager.Options{Authkey: []byte("key"), MaxObjects: limit, Grace: -1})
	if !canWatch(t, s) {
		t.Skip("NOT RUN: this system does not tell who is at the other end of a socket")
	}
	d, f := create(t, s, "dict"), open(t, s)
	flood := modetest.Program(t, "flood", "MULTIPROC_TEST_ADDRESS="+s.Addr().String())
	line, stop := startProgram(t, flood)
	if !strings.HasPrefix(line, fmt.Sprint(limit-1, " ")) || !strings.Contains(line, "MemoryError") {
		t.Errorf("the flood says %q", line)
	}
	want(t, f, nil, d, "__setitem__", "a", int64(1))
	if kind, result := ask(t, s, wire.FuncCreate, "list"); kind != wire.KindError {
		t.Errorf("one more: %s %v", kind, result)
	}
	stop()
	for ctx := modetest.Patient(t); ; {
		ok(t, ctx.Err())
		if _, n := ask(t, s, wire.FuncCount); n == int64(1) {
			break
		}
	}
	create(t, s, "list")
	want(t, f, int64(1), d, "__getitem__", "a")
}

// TestGiantInts: of 8 MiB. No method takes longer for them than for bytes of their size; Python refuses to write them out, and so do we.
func TestGiantInts(t *testing.T) {
	s := serve(t, manager.Options{})
	f := open(t, s)
	giant := new(big.Int).Lsh(big.NewInt(1), 64<<20)
	list, d, counter, value := create(t, s, "list"), create(t, s, "dict"), create(t, s, "Counter"), create(t, s, "Value", "i", giant)
	raises := func(ident, method string, args ...any) {
		t.Helper()
		send(t, f, wire.NewRequest(ident, method, args...).Graph())
		if kind, result := receive(t, f); kind != wire.KindError {
			t.Errorf("%s: %s %.100v", method, kind, result)
		}
	}
	want(t, f, nil, list, "append", giant)
	want(t, f, nil, list, "append", new(big.Int).Neg(giant))
	want(t, f, nil, list, "append", 1e308)
	want(t, f, nil, list, "sort")
	want(t, f, int64(1), list, "count", giant)
	want(t, f, int64(2), list, "index", giant)
	want(t, f, nil, d, "__setitem__", giant, giant)
	want(t, f, true, d, "__contains__", giant)
	want(t, f, false, d, "__contains__", 1e308)
	raises(counter, "add", giant)
	raises(list, "__getitem__", giant)
	raises(list, "pop", giant)
	raises(list, "__imul__", giant)
	send(t, f, wire.NewRequest(create(t, s, "Semaphore"), "release", giant).Graph())
	receive(t, f) // whatever it is
	for _, ident := range []string{list, d, value} {
		send(t, f, wire.NewRequest(ident, "__repr__").Graph())
		kind, result := receive(t, f)
		if text := pickle.Repr(result); kind != wire.KindTraceback && kind != wire.KindError || !strings.Contains(text, "4300 digits") {
			t.Errorf("repr: %s %.200s", kind, text)
		}
	}
	if kind, _ := ask(t, s, wire.FuncDebug); kind != wire.KindReturn {
		t.Errorf("debug_info: %s", kind)
	}
	wantWorking(t, s)
}

// TestManyStrangers: ten thousand at once; who has the key gets in among them.
func TestManyStrangers(t *testing.T) {
	const strangers = 10_000
	s := serve(t, manager.Options{HandshakeTimeout: modetest.Watchdog})
	d, f := create(t, s, "dict"), open(t, s)
	var all []net.Conn
	defer func() {
		for _, c := range all {
			c.Close()
		}
	}()
	for i := range strangers {
		c, err := net.Dial(s.Addr().Network(), s.Addr().String())
		if err != nil {
			if i < 2000 {
				t.Fatal(err)
			}
			t.Logf("no more than %d strangers: %v", i, err) // of descriptors there are fewer elsewhere
			break
		}
		if all = append(all, c); i%1000 == 0 {
			want(t, f, nil, d, "__setitem__", "stranger", int64(i))
			wantWorking(t, s)
		}
	}
	wantWorking(t, s)
}

// TestKeyFloods: keys whose bits are alike are not all in one place of a dict, which would take hours, and keys of different types that are equal are
// one.
func TestKeyFloods(t *testing.T) {
	s := serve(t, manager.Options{})
	f := open(t, s)
	for name, key := range map[string]func(i int) any{
		"ints":         func(i int) any { return int64(i) },
		"high bits":    func(i int) any { return int64(i) << 32 },
		"highest bits": func(i int) any { return int64(i) << 46 },
		"negative":     func(i int) any { return -int64(i) << 20 },
		"big ints":     func(i int) any { return pickle.Int(new(big.Int).Lsh(big.NewInt(int64(i)), 61)) },
		"floats":       func(i int) any { return math.Ldexp(float64(i), 40) },
		"tuples":       func(i int) any { return pickle.NewTuple(int64(i), int64(-i)) },
		"texts":        func(i int) any { return fmt.Sprintf("%040d", i) },
		"bytes":        func(i int) any { return pickle.Bytes(fmt.Sprintf("%d%040d", i, 0)) },
	} {
		keys := 20_000
		if strings.Contains(name, "bits") || name == "floats" {
			keys = 100_000
		}
		d := create(t, s, "dict")
		items := &pickle.List{}
		for i := range keys {
			items.Items = append(items.Items, pickle.NewTuple(key(i), nil))
		}
		want(t, f, nil, d, "update", items)
		want(t, f, int64(keys), d, "__len__")
		want(t, f, true, d, "__contains__", key(keys-1))
		if t.Failed() {
			t.Fatal(name)
		}
		ask(t, s, wire.FuncDecref, d)
	}
	d := create(t, s, "dict")
	for _, same := range [][]any{
		{int64(1), 1.0, true, complex(1, 0)}, {int64(0), 0.0, false, math.Copysign(0, -1)},
		{int64(1) << 60, float64(1 << 60)}, {pickle.Int(new(big.Int).Lsh(big.NewInt(1), 100)), math.Ldexp(1, 100)},
		{pickle.NewTuple(int64(1), "a"), pickle.NewTuple(1.0, "a"), pickle.NewTuple(true, "a")},
	} {
		for _, key := range same {
			want(t, f, nil, d, "__setitem__", key, "same")
		}
		for _, key := range same {
			want(t, f, "same", d, "pop", same[0])
			want(t, f, nil, d, "__setitem__", key, "same")
		}
		want(t, f, nil, d, "clear")
		want(t, f, nil, d, "__setitem__", same[0], "same")
		want(t, f, int64(1), d, "__len__")
		want(t, f, nil, d, "clear")
	}
	for _, other := range []any{"1", pickle.Bytes("1"), pickle.NewTuple(int64(1)), int64(1), nil} {
		want(t, f, nil, d, "__setitem__", other, nil)
	}
	want(t, f, int64(5), d, "__len__")
}
