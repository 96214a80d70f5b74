package pickle_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/multiproc-go/multiproc/pickle"
)

// TestDecoderKeepsNothing: the caller may use data again, and a Decoder again whatever came before.
func TestDecoderKeepsNothing(t *testing.T) {
	var d pickle.Decoder
	for _, records := range readCorpus(t) {
		for _, r := range records {
			if r.protocol == theRepr || len(r.data) > 100_000 {
				continue
			}
			want := pickle.Repr(decode(t, r, r.data))
			data := bytes.Clone(r.data)
			v, err := d.DecodeBytes(data)
			must(t, err)
			for i := range data {
				data[i] = 'X'
			}
			for _, wrong := range []string{"(((", "]q\x00(K\x01", "\x80\x02cm\nC\n)\x81}(cm\nC\n)\x81"} {
				if _, err := d.DecodeBytes([]byte(wrong)); err == nil {
					t.Fatal("no error")
				}
			}
			if got := pickle.Repr(v); got != want {
				t.Errorf("%v: %.200s, want %.200s", r, got, want)
			}
		}
	}
}

func TestReader(t *testing.T) {
	var all bytes.Buffer
	var want []string
	for _, records := range readCorpus(t) {
		for _, r := range records {
			if r.protocol != theRepr {
				all.Write(r.data)
				want = append(want, pickle.Repr(decode(t, r, r.data)))
			}
		}
	}
	data := all.Bytes()
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(data), "halves": iotest.HalfReader(bytes.NewReader(data)), "EOF with data": iotest.DataErrReader(bytes.NewReader(data)),
	} {
		d := pickle.NewDecoder(r)
		for i := range want {
			v, err := d.DecodeValue()
			if err != nil {
				t.Fatalf("%s, message %d: %v", name, i, err)
			}
			if got := pickle.Repr(v); got != want[i] {
				t.Fatalf("%s, message %d: %.200s, want %.200s", name, i, got, want[i])
			}
			if i%50 == 0 { // in between, a message that is not from the reader
				if v, err := d.DecodeBytes([]byte("K\x05.")); v != int64(5) || err != nil {
					t.Fatal(v, err)
				}
			}
		}
		if _, err := d.DecodeValue(); err != io.EOF {
			t.Errorf("%s: %v at the end", name, err)
		}
	}
	d := pickle.NewDecoder(io.MultiReader(strings.NewReader("N.K"), iotest.ErrReader(io.ErrClosedPipe)))
	if _, err := d.DecodeValue(); err != nil {
		t.Error(err)
	}
	for range 2 {
		if _, err := d.DecodeValue(); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%v, want that of the reader", err)
		}
	}
	d = pickle.NewDecoder(strings.NewReader("N.K"))
	d.DecodeValue()
	var e *pickle.DecodeError
	if _, err := d.DecodeValue(); !errors.Is(err, io.ErrUnexpectedEOF) || !errors.As(err, &e) || e.Offset != 0 || e.Op != 'K' {
		t.Errorf("%v", err)
	}
	if _, err := new(pickle.Decoder).DecodeValue(); err != io.EOF {
		t.Error(err)
	}
}

// proxy is a value of another package.
type proxy struct{ id string }

func (p *proxy) PickleValue() (any, error) {
	if p.id == "" {
		return nil, errors.New("no id")
	}
	return &pickle.Object{Callable: &pickle.Global{Module: "m", Name: "Proxy"}, Args: pickle.NewTuple(p.id)}, nil
}
func (p *proxy) PyType() string { return "Proxy" }
func (p *proxy) PyRepr() string { return "<Proxy " + p.id + ">" }

func TestReduceAndCustom(t *testing.T) {
	fail := errors.New("not this one")
	d := pickle.Decoder{Reduce: func(callable *pickle.Global, args *pickle.Tuple) (any, bool, error) {
		if callable.Name != "Proxy" {
			return nil, false, nil
		}
		if args.Items[0] == "bad" {
			return nil, false, fail
		}
		return &proxy{args.Items[0].(string)}, true, nil
	}}
	p := &proxy{"one"}
	l := pickle.NewList(p, p, &proxy{"one"}, pickle.NewException("m", "Other", p))
	key := pickle.NewDict()
	must(t, key.Set(p, int64(1)))
	must(t, key.Set(&proxy{"two"}, int64(2)))
	l.Items = append(l.Items, key)
	for protocol := range 6 {
		data, err := pickle.Append(nil, l, protocol)
		must(t, err)
		v, err := d.DecodeBytes(data)
		must(t, err)
		if got, want := pickle.Repr(v), "[<Proxy one>, <Proxy one>, <Proxy one>, <m.Other object>, {<Proxy one>: 1, <Proxy two>: 2}]"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		items := v.(*pickle.List).Items
		if items[0] != items[1] || items[0] == items[2] || items[3].(*pickle.Object).Args.Items[0] != items[0] {
			t.Error("identities")
		}
		if n, ok, err := items[4].(*pickle.Dict).Get(items[0]); n != int64(1) || !ok || err != nil {
			t.Error(n, ok, err)
		}
		if same(t, items[0], items[2]) || !same(t, items[0], items[1]) {
			t.Error("equality of a Custom is not identity")
		}
	}
	data, err := pickle.Append(nil, &proxy{"bad"}, 4)
	must(t, err)
	if _, err := d.DecodeBytes(data); !errors.Is(err, fail) {
		t.Error(err)
	}
	dst := []byte("as it was")
	out, err := pickle.Append(dst, pickle.NewList(int64(1), &proxy{}), 4)
	if err == nil || err.Error() != "no id" || string(out) != "as it was" {
		t.Errorf("%q, %v", out, err)
	}
	if got := pickle.TypeName(p); got != "Proxy" {
		t.Error(got)
	}
	var back *proxy
	if err := pickle.ToGo(p, &back); err != nil || back != p {
		t.Error(back, err)
	}
}

type panics struct{ proxy }

func (p *panics) PickleValue() (any, error) { panic("on purpose") }

// TestAfterPanic: what a panic of somebody else's left behind is no part of the next message.
func TestAfterPanic(t *testing.T) {
	e := pickle.Encoder{Protocol: 2}
	d := pickle.Decoder{Reduce: func(*pickle.Global, *pickle.Tuple) (any, bool, error) { panic("on purpose") }}
	want, err := e.Append(nil, pickle.NewList("a", "a"))
	must(t, err)
	recovered := 0
	try := func(do func()) {
		defer func() {
			if recover() != nil {
				recovered++
			}
		}()
		do()
	}
	try(func() { e.Append(nil, pickle.NewList("a", pickle.NewTuple(&panics{}, "b"))) })
	try(func() { d.DecodeBytes([]byte("]q\x00q\x05(U\x04textU\x04morecm\nC\n)R.")) })
	if recovered != 2 {
		t.Fatal("no panic")
	}
	data, err := e.Append(nil, pickle.NewList("a", "a"))
	if err != nil || !bytes.Equal(data, want) {
		t.Errorf("%q, %v", data, err)
	}
	if v, err := d.DecodeBytes([]byte("U\x03newU\x03str\x86.")); err != nil || pickle.Repr(v) != "('new', 'str')" {
		t.Errorf("%s, %v", pickle.Repr(v), err)
	}
	if v, err := d.DecodeBytes(want); err != nil || pickle.Repr(v) != "['a', 'a']" {
		t.Errorf("%s, %v", pickle.Repr(v), err)
	}
	for _, data := range []string{".", "t.", "h\x05."} {
		if v, err := d.DecodeBytes([]byte(data)); err == nil {
			t.Errorf("%q: %s is there", data, pickle.Repr(v))
		}
	}
}

func TestEncodeErrors(t *testing.T) {
	for _, c := range []struct {
		v        any
		protocol int
		want     string
	}{
		{5, 4, "pickle: cannot encode int: it is not a value of a graph; Marshal takes other Go values"},
		{pickle.NewList(struct{}{}), 4, "pickle: cannot encode struct {}: it is not a value of a graph; Marshal takes other Go values"},
		{nil, 6, "pickle: cannot encode NoneType: there is no protocol 6"},
		{nil, -1, "pickle: cannot encode NoneType: there is no protocol -1"},
		{"\xff", 4, "pickle: cannot encode str: it is not UTF-8"},
		{(*pickle.List)(nil), 4, "pickle: cannot encode *pickle.List: a nil pointer"},
		{(*pickle.Global)(nil), 4, "pickle: cannot encode *pickle.Global: a nil pointer"},
		{&pickle.Range{}, 4, "pickle: cannot encode range: its fields are not ints, or its step is 0"},
		{&pickle.Global{Module: "m"}, 4, `pickle: cannot encode global "m.": it has no proper name`},
		{&pickle.Global{Module: "m", Name: "é"}, 2, `pickle: cannot encode global "m.é": its name needs protocol 4`},
		{&pickle.Global{Module: "m", Name: "a\nb"}, 3, `pickle: cannot encode global "m.a\nb": its name needs protocol 4`},
		{&pickle.Object{How: pickle.ByExtension, Callable: int64(0)}, 2, "pickle: cannot encode object: its extension code is not one"},
		{&pickle.Object{How: pickle.ByExtension, Callable: int64(1)}, 1, "pickle: cannot encode object: extension codes need protocol 2"},
		{&pickle.Object{How: pickle.ByPersistentID, Callable: "a\nb"}, 0, "pickle: cannot encode object: in protocol 0 a persistent id is one line of ASCII"},
		{&pickle.Object{How: 99}, 4, "pickle: cannot encode object: there is no such Construction"},
	} {
		out, err := pickle.Append([]byte("x"), c.v, c.protocol)
		if err == nil || err.Error() != c.want || string(out) != "x" {
			t.Errorf("%v: %q, %v, want %s", c.v, out, err, c.want)
		}
	}
	loop := pickle.NewException("m", "C", nil)
	loop.Args.Items[0] = loop // without end in Python, too
	_, err := pickle.Append(nil, loop, 4)
	wantLimit(t, err, "Depth")
}

// TestObjectParts: all that can be done to an Object, in whatever order, is done again.
func TestObjectParts(t *testing.T) {
	const c = "cm\nC\n)\x81"
	for _, data := range []string{
		c + "K\x01a", c + "(K\x01K\x02e", c + "K\x01K\x02s", c + "(K\x01K\x02K\x03K\x04u", c + "}b", c + "Nb",
		c + "K\x01aK\x01K\x02s}b",
		c + "}bK\x01a", c + "K\x01K\x02sK\x01a", c + "}b}b", c + "(K\x01\x90", c + "(K\x01\x90K\x01aK\x02a(K\x03K\x04\x90]b",
		c + "}bK\x01K\x02sK\x03K\x04sK\x05a}b",
		c + "q\x00cm\nset\nh\x00K\x01\x86R0", c + "q\x00}bcm\nset\nh\x00K\x01\x86R0K\x01a",
		"\x82\x01K\x01a", "K\x01QK\x01a}b", "\x82\x01q\x00cm\nset\nh\x00K\x01\x86R0",
		"(cm\nC\nK\x01oK\x01a", "cm\nC\n)}\x92K\x01a}b", "cm\nC\n)Rq\x00h\x00a", c + "q\x00h\x00b",
	} {
		v := decode(t, text(data), []byte(data+"."))
		for protocol := 2; protocol < 6; protocol++ {
			out, err := pickle.Append(nil, v, protocol)
			must(t, err)
			again, err := pickle.Append(nil, decode(t, text(data), out), protocol)
			if must(t, err); !bytes.Equal(out, again) {
				t.Errorf("%q, protocol %d:\n%q became\n%q", data, protocol, out, again)
			}
			if strings.Count(string(again), "b") < strings.Count(data, "b") || strings.Count(string(again), "\x90") != strings.Count(data, "\x90") {
				t.Errorf("%q, protocol %d: something is lost: %q", data, protocol, again)
			}
			var deep *pickle.DepthError
			if equal, err := pickle.Equal(v, decode(t, text(data), again)); !equal && !errors.As(err, &deep) {
				t.Errorf("%q, protocol %d: not equal to %q: %v", data, protocol, again, err)
			}
		}
	}
}

// TestReduceAndPop: what Reduce returns has no part in what was on the stack.
func TestReduceAndPop(t *testing.T) {
	made := &pickle.Object{}
	d := pickle.Decoder{Reduce: func(*pickle.Global, *pickle.Tuple) (any, bool, error) { return made, true, nil }}
	v, err := d.DecodeBytes([]byte("cm\nC\n)\x81cm\nf\nK\x01K\x02\x86R0."))
	if o, ok := v.(*pickle.Object); err != nil || !ok || o.After != nil {
		t.Errorf("%v, %v", v, err)
	}
}
