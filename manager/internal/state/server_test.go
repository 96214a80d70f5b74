package state

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/pickle"
)

// cpython is a manager server of CPython, and a State that is told the same.
type cpython struct {
	t     *testing.T
	in    io.Writer
	out   *bufio.Reader
	rig   *rig
	calls int
}

func startCPython(t *testing.T) *cpython {
	command := exec.Command(needPython(t), filepath.Join("testdata", "server.py"))
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := command.Wait(); err != nil {
			t.Error(err)
		}
	})
	c := &cpython{t: t, in: in, out: bufio.NewReader(out)}
	c.rig = newRig(t, Options{Address: c.line()})
	return c
}

func (c *cpython) line() string {
	line, err := c.out.ReadString('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func (c *cpython) exchange(where string, message []byte) []byte {
	fmt.Fprintln(c.in, where, hex.EncodeToString(message))
	data, err := hex.DecodeString(c.line())
	if err != nil {
		c.t.Fatal(err)
	}
	return data
}

// create makes the same object in both, with one ident.
func (c *cpython) create(typeid string, args ...any) string {
	c.t.Helper()
	all := &pickle.Tuple{Items: append([]any{typeid}, args...)}
	reply := decode(c.t, c.exchange("A", encode(c.t, pickle.NewTuple(nil, "create", all, pickle.NewDict())))).(*pickle.Tuple)
	ident := reply.Items[1].(*pickle.Tuple).Items[0].(string)
	number, err := strconv.ParseUint(ident, 16, 64)
	if err != nil {
		c.t.Fatal(err)
	}
	c.rig.s.next = number
	if got := c.rig.create(typeid, args...); got != ident {
		c.t.Fatalf("ident %s, want %s", got, ident)
	}
	return ident
}

// call calls a method in both and compares the bytes of the replies.
func (c *cpython) call(ident, method string, args ...any) {
	c.t.Helper()
	c.calls++
	message := encode(c.t, pickle.NewTuple(ident, method, &pickle.Tuple{Items: args}, pickle.NewDict()))
	theirs := c.exchange("B", message)
	request := decode(c.t, message).(*pickle.Tuple).Items
	c.rig.index++
	replies, _ := c.rig.s.Apply(c.rig.index, &Command{
		Op: Call, Client: 1, Holder: 1, Protocol: 4, Ident: ident, Method: method,
		Args: request[2].(*pickle.Tuple), Kwargs: request[3].(*pickle.Dict),
	})
	if len(replies) != 1 {
		c.t.Fatalf("%s: %d replies", method, len(replies))
	}
	ours := replies[0].Data
	if bytes.Equal(address.ReplaceAll(ours, nil), address.ReplaceAll(theirs, nil)) {
		return
	}
	x, y := decode(c.t, ours).(*pickle.Tuple), decode(c.t, theirs).(*pickle.Tuple)
	if x.Items[0] == "#TRACEBACK" && y.Items[0] == "#TRACEBACK" {
		lines := strings.Split(strings.TrimSpace(x.Items[1].(string)), "\n")
		text, _, _ := strings.Cut(lines[len(lines)-1], " in exposed=") // theirs is a set, in any order
		if strings.Contains(y.Items[1].(string), text) {
			return
		}
	}
	c.t.Errorf("%s%s\n got %s  %q\nwant %s  %q", method, pickle.Repr(&pickle.Tuple{Items: args}), pickle.Repr(x), ours, pickle.Repr(y), theirs)
}

// TestRepliesOfCPythonServer compares the bytes of replies with those of CPython's own server, nested proxies included.
func TestRepliesOfCPythonServer(t *testing.T) {
	c := startCPython(t)
	l, d, n := c.create("list"), c.create("dict"), c.create("Namespace")
	v, a := c.create("Value", "i", int64(3)), c.create("Array", "i", pickle.NewList(int64(1), int64(2)))
	proxy := c.rig.proxy
	for _, x := range []any{nil, true, false, int64(1), int64(-1), int64(1 << 40), 1.5, "text", pickle.Bytes("b"), pickle.NewTuple(), pickle.NewList(int64(1), "xx")} {
		c.call(l, "append", x)
		c.call(l, "__getitem__", int64(-1))
		c.call(d, "__setitem__", "k", x)
		c.call(d, "get", "k")
		c.call(v, "set", x)
		c.call(v, "get")
		c.call(n, "__setattr__", "x", x)
		c.call(n, "__getattribute__", "x")
	}
	for _, ident := range []string{l, d, n, v, a} {
		c.call(ident, "#GETVALUE")
		c.call(ident, "__repr__")
		c.call(ident, "__str__")
		c.call(ident, "nothing")
	}
	c.call(l, "pop", int64(99))
	c.call(d, "pop", "zz")
	c.call(n, "__getattribute__", "zz")
	c.call("ffff", "append", int64(1))
	c.call(d, "popitem")
	c.call(d, "popitem")
	c.call(l, "__mul__", int64(2))
	c.call(l, "__imul__", int64(0))
	c.call(a, "__getitem__", &pickle.Slice{Stop: int64(1)})

	// Proxies in objects, in containers in objects, twice in one message, and in themselves.
	inner := proxy(d)
	c.call(l, "append", inner)
	c.call(l, "__getitem__", int64(0))
	c.call(l, "extend", pickle.NewTuple(inner, inner, pickle.NewList(proxy(v), proxy(n)), proxy(l)))
	for i := range int64(5) {
		c.call(l, "__getitem__", i)
	}
	c.call(l, "__getitem__", &pickle.Slice{})
	c.call(l, "#GETVALUE")
	c.call(l, "__repr__")
	c.call(l, "__contains__", proxy(d))
	c.call(l, "count", proxy(l))
	c.call(d, "__setitem__", proxy(a), proxy(a))
	c.call(d, "#GETVALUE")
	c.call(d, "clear")

	auto := func(exposed ...any) any {
		kwargs := must(pickle.NewDict())("exposed", &pickle.Tuple{Items: exposed})
		return &pickle.Object{
			Callable: &pickle.Global{Module: managers, Name: "RebuildProxy"},
			Args:     pickle.NewTuple(&pickle.Global{Module: managers, Name: "AutoProxy"}, token("list", c.rig.s.options.Address, l), "pickle", kwargs),
		}
	}
	c.call(d, "__setitem__", "auto", auto("append", "pop"))
	c.call(d, "__getitem__", "auto")
	c.call(d, "__repr__")
	c.call(d, "clear")

	// Proxies where a value is wanted.
	c.call(l, "__delitem__", &pickle.Slice{})
	c.call(d, "update", must(pickle.NewDict())("p", pickle.NewList(int64(1)), "q", int64(2)))
	c.call(l, "extend", pickle.NewList(int64(1), "aa", pickle.NewList("bb")))
	l2, d2 := c.create("list"), c.create("dict")
	c.call(l2, "extend", proxy(l))
	c.call(l2, "extend", proxy(l))
	c.call(l2, "#GETVALUE")
	c.call(l2, "extend", proxy(a))
	c.call(l2, "__setitem__", &pickle.Slice{Start: int64(1), Stop: int64(3)}, proxy(l))
	c.call(l2, "#GETVALUE")
	c.call(d2, "update", proxy(d))
	c.call(d2, "#GETVALUE")
	c.call(l2, "extend", proxy(v))
	c.call(l2, "__add__", proxy(l))
	c.call(l2, "index", proxy(l))
	c.call(l2, "sort")
	if c.calls < 150 {
		t.Errorf("%d calls", c.calls)
	}
}
