package state

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/pickle"
)

// TestReplyBytes checks replies that were recorded from CPython.
func TestReplyBytes(t *testing.T) {
	r := newRig(t, Options{})
	d := r.create("dict", must(pickle.NewDict())("none", nil, "true", true, "one", int64(1)))
	raw := func(method string, args ...any) string {
		replies := r.apply(Command{Op: Call, Ident: d, Method: method, Args: &pickle.Tuple{Items: args}})
		return hex.EncodeToString(replies[0].Data)
	}
	for _, test := range []struct{ key, reply string }{
		{"none", "8004950e000000000000008c072352455455524e944e86942e"},
		{"true", "8004950e000000000000008c072352455455524e948886942e"},
		{"one", "8004950f000000000000008c072352455455524e944b0186942e"},
		{"zz", "8004952d000000000000008c06234552524f52948c086275696c74696e73948c084b65794572726f729493948c027a7a948594529486942e"},
	} {
		if got := raw("__getitem__", test.key); got != test.reply {
			t.Errorf("%s: %s, want %s", test.key, got, test.reply)
		}
	}
	for _, protocol := range []int{-1, 0, 1, 2, 3, 4, 5, 6} {
		r.protocol = protocol
		for _, key := range []string{"none", "true", "one"} {
			data := r.apply(Command{Op: Call, Ident: d, Method: "get", Args: pickle.NewTuple(key)})[0].Data
			if want := min(max(protocol, 2), 5); int(data[1]) != want {
				t.Errorf("protocol %d: %x", protocol, data)
			}
		}
	}
}

// TestReplyStays checks that a reply is not changed by another one of the same Apply, nor a constant one by anything.
func TestReplyStays(t *testing.T) {
	r, ident := gateRig(t, Options{})
	for i := range 100 {
		r.wait(ident, uint64(i))
	}
	replies := r.apply(Command{Op: Call, Request: 100, Ident: ident, Method: "open"})
	if len(replies) != 101 {
		t.Fatalf("%d replies", len(replies))
	}
	for i, reply := range replies[:100] {
		want(t, "reply", decode(t, reply.Data), pickle.NewTuple("#RETURN", int64(i)))
	}
}

func TestFailures(t *testing.T) {
	r := newRig(t, Options{Foreign: map[string][]string{"Thing": {"put"}}})
	l := r.create("list")
	check := func(what string, c Command, text string) {
		t.Helper()
		kind, result := r.one(c)
		if got, _ := result.(string); kind != "#TRACEBACK" || !strings.HasPrefix(got, "Traceback (most recent call last):\n"+text) || !strings.HasSuffix(got, "\n") {
			t.Errorf("%s: %s %s", what, kind, pickle.Repr(result))
		}
	}
	check("unknown ident", Command{Op: Call, Ident: "7f00", Method: "append"}, "KeyError: '7f00'\n")
	check("the server itself", Command{Op: Call, Ident: "0", Method: "append"}, "KeyError: '0'\n")
	check("unknown method", Command{Op: Call, Ident: l, Method: "nothing"}, "AttributeError: method 'nothing' of <class 'list'> object is not in exposed=(")
	check("no method", Command{Op: Call, Ident: l}, "AttributeError: method '' of <class 'list'> object is not in exposed=(")
	check("arguments of a fallback", Command{Op: Call, Ident: l, Method: "__repr__", Args: pickle.NewTuple(int64(1))}, "TypeError: Server.fallback_repr() takes 4 positional arguments but 5 were given\n")
	check("unknown type", Command{Op: Create, Type: "Nothing"}, "KeyError: 'Nothing'\n")
	check("a wrong constructor", Command{Op: Create, Type: "list", Args: pickle.NewTuple(int64(5))}, "TypeError: 'int' object is not iterable\n")
	check("a wrong key", Command{Op: Create, Type: "dict", Args: pickle.NewTuple(pickle.NewList(pickle.NewList(pickle.NewList(), "x")))}, "TypeError: unhashable type: 'list'\n")
	check("unknown command", Command{Op: 200}, "AssertionError: Op 200 unrecognized\n")
	it := r.create("Iterator", iterOver([]any{int64(1)}))
	check("exposed, and not there", Command{Op: Call, Ident: it, Method: "send"}, "AttributeError: 'dict_keyiterator' object has no attribute 'send'\n")
}

func TestMethodsAndDebug(t *testing.T) {
	r := newRig(t, Options{Foreign: map[string][]string{"Thing": {"put"}}})
	v, q := r.create("Value", "i", int64(5)), ""
	q = r.apply(Command{Op: Create, Type: "Thing"})[0].Ident
	want(t, "Methods", r.do(Methods, v), pickle.NewTuple("get", "set"))
	want(t, "Methods of a foreign object", r.do(Methods, q), pickle.NewTuple("put"))
	r.do(Incref, v)
	for range 10 {
		r.create("list", pickle.NewList(strings.Repeat("é", 100)))
	}
	text := r.do(Debug, "").(string)
	lines := strings.Split(text, "\n")
	long := "    ['" + strings.Repeat("é", 73)
	for i, want := range []string{"  1:       refcount=2", "    Value('i', 5)", "  2:       refcount=1", "    <Thing object at 0x2>", "  3:       refcount=1", long} {
		if lines[i] != want {
			t.Errorf("line %d of debug_info: %q, want %q", i, lines[i], want)
		}
	}
	if len(lines) != 24 || lines[22] != "  c:       refcount=1" {
		t.Errorf("debug_info: %q", text)
	}
	nested := r.create("list", pickle.NewList(r.proxy(v)))
	want(t, "repr of a proxy", r.get(nested, "__repr__"), "[<ValueProxy object, typeid 'Value' at 0x1>]")
}

func TestKeywordsMustBeStrings(t *testing.T) {
	r := newRig(t, Options{})
	d := r.create("dict")
	kind, result := r.one(Command{Op: Call, Ident: d, Method: "update", Kwargs: must(pickle.NewDict())(int64(1), int64(2))})
	want(t, kind, result, pickle.NewException("builtins", "TypeError", "keywords must be strings"))
}

func TestBeyondPython(t *testing.T) {
	r := newRig(t, Options{})
	d := r.create("dict")
	want(t, "#add", r.get(d, "#add", "k", int64(1)), true)
	want(t, "#add again", r.get(d, "#add", "k", int64(2)), false)
	want(t, "#cas", r.get(d, "#cas", "k", 1.0, int64(3)), true)
	want(t, "#cas with another value", r.get(d, "#cas", "k", int64(1), int64(4)), false)
	want(t, "#cas without the key", r.get(d, "#cas", "none", nil, int64(4)), false)
	want(t, "#remove with another value", r.get(d, "#remove", "k", int64(1)), false)
	want(t, "the value", r.get(d, "__getitem__", "k"), int64(3))
	want(t, "#remove", r.get(d, "#remove", "k", int64(3)), true)
	want(t, "the length", r.get(d, "__len__"), int64(0))
	l := r.create("list", pickle.NewList(int64(1), int64(2)))
	want(t, "#cas of a list", r.get(l, "#cas", int64(-1), int64(2), "x"), true)
	want(t, "#cas of a list with another value", r.get(l, "#cas", int64(-1), int64(2), "y"), false)
	r.wantRaised("IndexError", "list assignment index out of range", l, "#cas", int64(2), int64(2), "y")
	want(t, "the list", r.get(l, "#GETVALUE"), pickle.NewList(int64(1), "x"))
	v := r.create("Value", "i", int64(1))
	want(t, "#cas of a Value", r.get(v, "#cas", int64(1), int64(2)), true)
	want(t, "#cas of a Value with another value", r.get(v, "#cas", int64(1), int64(3)), false)
	a := r.create("Array", "h", pickle.NewList(int64(1)))
	want(t, "#cas of an Array", r.get(a, "#cas", int64(0), int64(1), int64(2)), true)
	want(t, "#cas of an Array with another value", r.get(a, "#cas", int64(0), int64(1), int64(3)), false)
	r.wantRaised("OverflowError", "signed short integer is greater than maximum", a, "#cas", int64(0), int64(2), int64(1<<20))
	n := r.create("Namespace")
	r.get(n, "__setattr__", "x", "old")
	want(t, "#cas of a Namespace", r.get(n, "#cas", "x", "old", "new"), true)
	want(t, "#cas of a Namespace with another value", r.get(n, "#cas", "x", "old", "newer"), false)
	nested := func() any { // each has proxies of its own
		o := &pickle.Object{Callable: &pickle.Global{Module: "m", Name: "C"}, Args: pickle.NewTuple(r.proxy(l))}
		return pickle.NewList(r.proxy(l), pickle.NewTuple(r.proxy(v), r.proxy(v)), must(pickle.NewDict())("k", r.proxy(d)), o)
	}
	r.get(d, "__setitem__", "nested", nested())
	want(t, "#cas of proxies in a value", r.get(d, "#cas", "nested", nested(), nested()), true)
	other := nested().(*pickle.List)
	other.Items[2] = must(pickle.NewDict())("k", r.proxy(v))
	want(t, "#cas of other proxies in a value", r.get(d, "#cas", "nested", other, nil), false)
	itself := pickle.NewList(r.proxy(l))
	itself.Items = append(itself.Items, itself)
	r.call(d, "#cas", "nested", itself, nil) // and it ends
	want(t, "#remove of proxies in a value", r.get(d, "#remove", "nested", nested()), true)
	for _, ident := range []string{d, l, v, a, n} {
		for _, name := range r.do(Methods, ident).(*pickle.Tuple).Items {
			if strings.HasPrefix(name.(string), "#") {
				t.Errorf("%s is exposed: CPython would make a function of that name", name)
			}
		}
	}
}

// TestArgumentsStay checks that objects do not share what may change: neither with each other, nor with a reply.
func TestArgumentsStay(t *testing.T) {
	r := newRig(t, Options{})
	a, b := r.create("list", pickle.NewList(int64(1), pickle.NewList("x"))), r.create("list")
	r.get(b, "extend", r.proxy(a))
	r.get(b, "extend", r.proxy(b))
	r.get(a, "append", int64(2))
	r.get(b, "__setitem__", &pickle.Slice{Start: int64(1), Stop: int64(2)}, r.proxy(b))
	want(t, "a", r.get(a, "#GETVALUE"), pickle.NewList(int64(1), pickle.NewList("x"), int64(2)))
	x := pickle.NewList("x")
	want(t, "b", r.get(b, "#GETVALUE"), pickle.NewList(int64(1), int64(1), x, int64(1), x, int64(1), x))
	d, e := r.create("dict", must(pickle.NewDict())("k", int64(1))), r.create("dict")
	r.get(e, "update", r.proxy(d))
	r.get(d, "update", r.proxy(d))
	r.get(d, "clear")
	want(t, "e", r.get(e, "#GETVALUE"), must(pickle.NewDict())("k", int64(1)))
	c := r.create("list", r.proxy(e))
	want(t, "list of a dict", r.get(c, "#GETVALUE"), pickle.NewList("k"))
	same := pickle.NewList()
	r.get(c, "extend", pickle.NewTuple(same, same))
	two := r.get(c, "__getitem__", &pickle.Slice{Start: int64(1)}).(*pickle.List).Items
	if two[0] != two[1] {
		t.Error("two references to one list are two lists now")
	}
}

// TestDeadProxy uses proxies of objects that are gone, or of another server.
func TestDeadProxy(t *testing.T) {
	r := newRig(t, Options{})
	l, gone := r.create("list"), r.create("list")
	proxy := r.proxy(gone)
	r.do(Decref, gone)
	kind, result := r.call(l, "extend", proxy)
	o, ok := result.(*pickle.Object)
	if module, name, _ := o.Class(); kind != "#ERROR" || !ok || module != managers || name != "RemoteError" || !strings.Contains(o.Args.Items[0].(string), "KeyError: '2'") {
		t.Errorf("%s %s", kind, pickle.Repr(result))
	}
	r.get(l, "append", proxy)
	want(t, "it stays what it was", pickle.Repr(r.get(l, "__getitem__", int64(0)).(*Proxy)), "<ListProxy object, typeid 'list' at 0x2>")
	r.get(l, "pop")
	// An ident alone is not enough: the type has to fit.
	other := r.proxy(l).(*pickle.Object)
	other.Args.Items[1] = token("dict", "/elsewhere", l)
	r.get(l, "append", other)
	r.do(Decref, l)
	r.event(Disconnect)
	r.wantGone("it only seemed to hold itself", l)
}
