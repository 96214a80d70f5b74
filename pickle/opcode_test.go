package pickle_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/pickle"
)

// opcodes has pickles by hand for each opcode, also those that no Python 3 writes, with the repr of the value.
var opcodes = []struct{ op, data, repr string }{
	{"MARK", "(t.", "()"},
	{"EMPTY_TUPLE", ").", "()"},
	{"STOP", "N.", "None"},
	{"POP", "K\x01K\x020.", "1"},
	{"POP", "K\x01(0.", "1"}, // a mark
	{"POP_MARK", "K\x01(K\x02K\x031.", "1"},
	{"DUP", "]2\x86.", "([], [])"},
	{"BINBYTES", "B\x02\x00\x00\x00ab.", "b'ab'"},
	{"SHORT_BINBYTES", "C\x02ab.", "b'ab'"},
	{"BINBYTES8", "\x8e\x02\x00\x00\x00\x00\x00\x00\x00ab.", "b'ab'"},
	{"BYTEARRAY8", "\x96\x02\x00\x00\x00\x00\x00\x00\x00ab.", "bytearray(b'ab')"},
	{"FLOAT", "F-1.5e3\n.", "-1500.0"},
	{"FLOAT", "Finf\n.", "inf"},
	{"FLOAT", "F-nan\n.", "nan"},
	{"BINFLOAT", "G\x3f\xf8\x00\x00\x00\x00\x00\x00.", "1.5"},
	{"INT", "I01\n.", "True"},
	{"INT", "I00\n.", "False"},
	{"INT", "I-12\n.", "-12"},
	{"INT", "I123456789012345678901234567890\n.", "123456789012345678901234567890"},
	{"INT", "I0x1f\n.", "31"},
	{"LONG", "L12L\n.", "12"},
	{"LONG", "L-99999999999999999999\n.", "-99999999999999999999"},
	{"LONG1", "\x8a\x00.", "0"},
	{"LONG1", "\x8a\x02\x00\xff.", "-256"},
	{"LONG1", "\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00.", "9223372036854775808"},
	{"LONG1", "\x8a\x09\xff\xff\xff\xff\xff\xff\xff\x7f\xff.", "-9223372036854775809"},
	{"LONG1", "\x8a\x0a\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00.", "5"},
	{"LONG4", "\x8b\x01\x00\x00\x00\xff.", "-1"},
	{"BININT", "J\xff\xff\xff\xff.", "-1"},
	{"BININT1", "K\xff.", "255"},
	{"BININT2", "M\xff\xff.", "65535"},
	{"NONE", "N.", "None"},
	{"NEWTRUE", "\x88.", "True"},
	{"NEWFALSE", "\x89.", "False"},
	{"STRING", "S'a\\n\\'\\x41\\101\\\\'\n.", `"a\n'AA\\"`},
	{"STRING", "S\"it's\"\n.", `"it's"`},
	{"STRING", "S'\\060\\77\\1777\\08\\12'\n.", `'0?\x7f7\x008\n'`},
	{"BINSTRING", "T\x02\x00\x00\x00ab.", "'ab'"},
	{"SHORT_BINSTRING", "U\x02ab.", "'ab'"},
	{"UNICODE", "Va\\u00e9\xe9\\U0001f600\\\\x\\ud800\n.", `'aéé😀\\\\x\ud800'`},
	{"BINUNICODE", "X\x02\x00\x00\x00\xc3\xa9.", "'é'"},
	{"SHORT_BINUNICODE", "\x8c\x03\xed\xa0\x80.", `'\ud800'`},
	{"BINUNICODE8", "\x8d\x01\x00\x00\x00\x00\x00\x00\x00a.", "'a'"},
	{"EMPTY_LIST", "].", "[]"},
	{"LIST", "(K\x01K\x02l.", "[1, 2]"},
	{"APPEND", "]K\x01a.", "[1]"},
	{"APPENDS", "](K\x01K\x02e.", "[1, 2]"},
	{"APPENDS", "N(e.", "None"}, // nothing to append
	{"EMPTY_DICT", "}.", "{}"},
	{"DICT", "(K\x01K\x02K\x03K\x04d.", "{1: 2, 3: 4}"},
	{"SETITEM", "}K\x01K\x02s.", "{1: 2}"},
	{"SETITEMS", "}(K\x01K\x02K\x01K\x03u.", "{1: 3}"},
	{"SETITEMS", "}(K\x01NI01\nK\x05u.", "{1: 5}"},
	{"EMPTY_SET", "\x8f.", "set()"},
	{"ADDITEMS", "\x8f(K\x01K\x02K\x01\x90.", "{1, 2}"},
	{"FROZENSET", "(K\x01\x91.", "frozenset({1})"},
	{"TUPLE", "(K\x01K\x02K\x03K\x04t.", "(1, 2, 3, 4)"},
	{"TUPLE1", "K\x01\x85.", "(1,)"},
	{"TUPLE2", "K\x01K\x02\x86.", "(1, 2)"},
	{"TUPLE3", "K\x01K\x02K\x03\x87.", "(1, 2, 3)"},
	{"PUT", "Va\np7\n0g7\n.", "'a'"},
	{"GET", "]p100\ng100\n\x86.", "([], [])"},
	{"BINPUT", "]q\xffh\xff\x86.", "([], [])"},
	{"BINGET", "Nq\x00h\x00\x86.", "(None, None)"},
	{"LONG_BINPUT", "]r\xff\xff\xff\xffj\xff\xff\xff\xff\x86.", "([], [])"},
	{"LONG_BINGET", "]r\x05\x00\x00\x00j\x05\x00\x00\x00a.", "[[...]]"},
	{"MEMOIZE", "]\x94K\x01\x94h\x01h\x00\x87.", "(1, 1, [])"},
	{"GLOBAL", "cbuiltins\nlen\n.", "<built-in function len>"},
	{"GLOBAL", "c__builtin__\nxrange\n(K\x01K\x05K\x02tR.", "range(1, 5, 2)"}, // of Python 2
	{"STACK_GLOBAL", "\x80\x04\x8c\x08builtins\x8c\x03int\x93.", "<class 'int'>"},
	{"REDUCE", "cbuiltins\nKeyError\nK\x01\x85R.", "KeyError(1)"},
	{"REDUCE", "c__builtin__\nset\n](K\x01K\x02e\x85R.", "{1, 2}"},
	{"REDUCE", "c__builtin__\nbytearray\nVa\xe9\nVlatin-1\n\x86R.", `bytearray(b'a\xe9')`},
	{"REDUCE", "c_codecs\nencode\nVa\xe9\nVlatin1\n\x86R.", `b'a\xe9'`},
	{"REDUCE", "c_codecs\nencode\nV\nVlatin1\n\x86R.", "b''"},
	{"NEWOBJ", "cmod\nClass\n)\x81.", "<mod.Class object>"},
	{"NEWOBJ_EX", "cmod\nClass\n)}\x92.", "<mod.Class object>"},
	{"BUILD", "cmod\nClass\n)\x81}b.", "<mod.Class object>"},
	{"OBJ", "(cmod\nClass\nK\x01o.", "<mod.Class object>"},
	{"INST", "(K\x01imod\nClass\n.", "<mod.Class object>"},
	{"EXT1", "\x82\x01.", "<object>"},
	{"EXT2", "\x83\x01\x01.", "<object>"},
	{"EXT4", "\x84\x01\x00\x01\x00.", "<object>"},
	{"PERSID", "Pid\n.", "<object>"},
	{"BINPERSID", "K\x01Q.", "<object>"},
	{"PROTO", "\x80\x05N.", "None"},
	{"FRAME", "\x95\x02\x00\x00\x00\x00\x00\x00\x00N.", "None"},
}

type text string

func (t text) String() string { return string(t) }

func TestEveryOpcode(t *testing.T) {
	seen := map[string]bool{"NEXT_BUFFER": true, "READONLY_BUFFER": true} // refused; see TestRefused
	for _, c := range opcodes {
		what := text(fmt.Sprintf("%s %q", c.op, c.data))
		if strings.IndexByte(c.data, opcodeNamed(c.op)) < 0 {
			t.Errorf("%v has no such opcode", what)
		}
		seen[c.op] = true
		v := decode(t, what, []byte(c.data))
		if got := pickle.Repr(v); got != c.repr {
			t.Errorf("%v: %s, want %s", what, got, c.repr)
		}
		// The same from a reader that gives one byte at a time.
		d := pickle.NewDecoder(oneByte{strings.NewReader(c.data + "rest")})
		v, err := d.DecodeValue()
		if got := pickle.Repr(v); err != nil || got != c.repr {
			t.Errorf("%v from a reader: %s, %v, want %s", what, got, err, c.repr)
		}
		if rest, _ := io.ReadAll(d.Buffered()); !strings.HasPrefix("rest", string(rest)) {
			t.Errorf("%v: %q is buffered", what, rest)
		}
		// And again after each protocol that has room for it.
		for protocol := range 6 {
			data, err := pickle.Append(nil, v, protocol)
			if err != nil {
				if protocol < 2 && strings.HasPrefix(c.op, "EXT") || protocol == 0 && c.op == "BINPERSID" {
					continue
				}
				t.Errorf("%v in protocol %d: %v", what, protocol, err)
				continue
			}
			if got := pickle.Repr(decode(t, what, data)); got != c.repr {
				t.Errorf("%v in protocol %d: %s, want %s", what, protocol, got, c.repr)
			}
		}
	}
	for op := range 256 {
		if name := pickle.OpName(byte(op)); !strings.HasPrefix(name, "opcode ") && !seen[name] {
			t.Errorf("%s is not tested", name)
		}
	}
}

func opcodeNamed(name string) byte {
	for op := range 256 {
		if pickle.OpName(byte(op)) == name {
			return byte(op)
		}
	}
	return 0
}

type oneByte struct{ r io.Reader }

func (r oneByte) Read(p []byte) (int, error) { return r.r.Read(p[:min(1, len(p))]) }

// TestRefused has pickles that are wrong, with the kind of error and a word of its text.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		data string
		kind error
		text string
	}{
		{"", io.ErrUnexpectedEOF, ""},
		{"\x80", io.ErrUnexpectedEOF, "PROTO"},
		{"\x80\x06N.", pickle.ErrSyntax, "newer"},
		{"N", io.ErrUnexpectedEOF, ""},
		{".", pickle.ErrSyntax, "too few"},
		{"\xff.", pickle.ErrSyntax, "opcode 0xff at byte 0"},
		{"N\x97.", pickle.ErrUnsupported, "NEXT_BUFFER"},
		{"N\x98.", pickle.ErrUnsupported, "READONLY_BUFFER"},
		{"\x95\xff\xff\xff\xff\xff\xff\xff\xffN.", pickle.ErrSyntax, "FRAME"},
		{"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f", io.ErrUnexpectedEOF, "BINBYTES8"},
		{"\x8d\x00\x00\x00\x00\x01\x00\x00\x00", io.ErrUnexpectedEOF, "BINUNICODE8"},
		{"\x96\x00\x00\x00\x00\x01\x00\x00\x00", io.ErrUnexpectedEOF, "BYTEARRAY8"},
		{"\x8b\xff\xff\xff\x7f", io.ErrUnexpectedEOF, "LONG4"},
		{"X\xff\xff\xff\xff", io.ErrUnexpectedEOF, "BINUNICODE"},
		{"\x8c\x01\xff.", pickle.ErrSyntax, "UTF-8"},
		{"\x8c\x02\xed\xa0.", pickle.ErrSyntax, "UTF-8"},
		{"\x8c\x03\xed\x20\x80.", pickle.ErrSyntax, "UTF-8"},
		{"U\x01\xff.", pickle.ErrSyntax, "ASCII"},
		{"S'a\n.", pickle.ErrSyntax, "quotes"},
		{"S'\\x4'\n.", pickle.ErrSyntax, "escape"},
		{"Va\\u12\n.", pickle.ErrSyntax, "escape"},
		{"V\\U00110000\n.", pickle.ErrSyntax, "escape"},
		{"V", io.ErrUnexpectedEOF, "UNICODE"},
		{"I1x\n.", pickle.ErrSyntax, "INT"},
		{"I010\n.", pickle.ErrSyntax, "INT"},
		{"L\n.", pickle.ErrSyntax, "LONG"},
		{"F1x\n.", pickle.ErrSyntax, "FLOAT"},
		{"F0x10\n.", pickle.ErrSyntax, "FLOAT"},
		{"F1e999\n.", pickle.ErrSyntax, "large"},
		{"Na.", pickle.ErrSyntax, "too few"},
		{"NNa.", pickle.ErrSyntax, "APPEND to a NoneType"},
		{"N(Ne.", pickle.ErrSyntax, "APPENDS"},
		{"(e.", pickle.ErrSyntax, "too few"},
		{"e.", pickle.ErrSyntax, "mark"},
		{"](N(\x85.", pickle.ErrSyntax, "too few"}, // below the mark
		{"}(Nu.", pickle.ErrSyntax, "no value"},
		{"(Nd.", pickle.ErrSyntax, "no value"},
		{"]NNs.", pickle.ErrSyntax, "SETITEM in a list"},
		{"](N\x90.", pickle.ErrSyntax, "ADDITEMS to a list"},
		{"(\x91(N\x90.", pickle.ErrSyntax, "frozenset"},
		{"h\x00.", pickle.ErrSyntax, "memo"},
		{"gx\n.", pickle.ErrSyntax, "memo"},
		{"Np-1\n.", pickle.ErrSyntax, "memo"},
		{"q\x00.", pickle.ErrSyntax, "too few"},
		{"NNR.", pickle.ErrSyntax, "no tuple"},
		{"NN\x81.", pickle.ErrSyntax, "no tuple"},
		{"N)N\x92.", pickle.ErrSyntax, "no dict"},
		{"(o.", pickle.ErrSyntax, "class"},
		{"NNb.", pickle.ErrSyntax, "BUILD of a NoneType"},
		{"NN\x93.", pickle.ErrSyntax, "str"},
		{"c\na\n.", pickle.ErrSyntax, "name"},
		{"\x82\x00.", pickle.ErrSyntax, "EXT1"},
		{"\x84\xff\xff\xff\xff.", pickle.ErrSyntax, "EXT4"},
		{"P\xff\n.", pickle.ErrSyntax, "ASCII"},
	} {
		v, err := pickle.Decode([]byte(c.data))
		var decodeError *pickle.DecodeError
		if !errors.Is(err, c.kind) || !errors.As(err, &decodeError) || !strings.Contains(err.Error(), c.text) || !strings.HasPrefix(err.Error(), "pickle: ") {
			t.Errorf("%q: %v, %v; want %v with %q", c.data, v, err, c.kind, c.text)
		}
		if c.data == "" {
			continue
		}
		if _, err := pickle.NewDecoder(oneByte{strings.NewReader(c.data)}).DecodeValue(); err == nil {
			t.Errorf("%q from a reader: no error", c.data)
		}
	}
	for data, want := range map[string]string{
		"}]Ns.":           "list",
		"}}Ns.":           "dict",
		"}\x8fNs.":        "set",
		"}]\x85Ns.":       "list",
		"\x8f(}\x85\x90.": "dict",
		"(]\x91.":         "list",
		"}\x96\x00\x00\x00\x00\x00\x00\x00\x00Ns.": "bytearray",
	} {
		_, err := pickle.Decode([]byte(data))
		var unhashable *pickle.UnhashableError
		if !errors.As(err, &unhashable) || unhashable.Type != want {
			t.Errorf("%q: %v, want an unhashable %s", data, err, want)
		}
	}
}

// TestOpcodesInPython lets Python decode what TestEveryOpcode does.
func TestOpcodesInPython(t *testing.T) {
	python(t)
	var stdin strings.Builder
	var cases []int
	for i, c := range opcodes {
		if strings.Contains(c.repr, "object>") || c.op == "BINPERSID" || c.op == "LONG_BINPUT" { // C takes 64 GiB for that
			continue
		}
		fmt.Fprintf(&stdin, "%x\n", c.data)
		cases = append(cases, i)
	}
	list := live(t, stdin.String(), "read")
	if len(list) != len(cases) {
		t.Fatalf("%d answers, want %d", len(list), len(cases))
	}
	for i, a := range list {
		if c := opcodes[cases[i]]; a.repr != c.repr {
			t.Errorf("%s %q: Python says %s, want %s", c.op, c.data, a.repr, c.repr)
		}
	}
}
