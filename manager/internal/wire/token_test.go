package wire_test

import (
	"net"
	"reflect"
	"testing"

	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

// over pickles a graph and reads it again.
func over(t *testing.T, graph any) any {
	t.Helper()
	data, err := pickle.Append(nil, graph, 4)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, data)
}

func TestTokens(t *testing.T) {
	for _, want := range []wire.Token{
		{"dict", "/tmp/socket", "7f1"},
		{"Queue", "\x00abstract", "0"},
		{"list", pickle.Bytes("\x00abstract"), "1"},
	} {
		got, ok := wire.ParseToken(over(t, want.Graph()))
		if !ok || got != want {
			t.Errorf("got %+v, %v; want %+v", got, ok, want)
		}
	}
	for name, v := range map[string]any{
		"none":          nil,
		"a tuple":       pickle.NewTuple("dict", "/tmp/socket", "7f1"),
		"another class": &pickle.Object{Callable: &pickle.Global{Module: "a", Name: "Token"}, State: pickle.NewTuple("a", "b", "c"), HasState: true},
		"no state":      &pickle.Object{Callable: &pickle.Global{Module: wire.Module, Name: wire.ClassToken}},
		"a short one":   &pickle.Object{Callable: &pickle.Global{Module: wire.Module, Name: wire.ClassToken}, State: pickle.NewTuple("a", "b"), HasState: true},
		"an int ident":  &pickle.Object{Callable: &pickle.Global{Module: wire.Module, Name: wire.ClassToken}, State: pickle.NewTuple("a", "b", int64(1)), HasState: true},
	} {
		if got, ok := wire.ParseToken(v); ok {
			t.Errorf("%s was taken for %+v", name, got)
		}
	}
}

// TestProxies: through the decoder's hook, as they arrive.
func TestProxies(t *testing.T) {
	for _, want := range []wire.Proxy{
		{Class: pickle.Global{Module: wire.Module, Name: "DictProxy"}, Token: wire.Token{Type: "dict", Address: "/s", Ident: "a1"}},
		{
			Class: pickle.Global{Module: wire.Module, Name: wire.ClassAuto}, Token: wire.Token{Type: "Queue", Address: "/s", Ident: "b2"},
			Exposed: []string{"get", "put"},
		},
	} {
		data, err := pickle.Append(nil, pickle.NewList(want.Graph(), int64(1)), 4)
		if err != nil {
			t.Fatal(err)
		}
		var got []wire.Proxy
		d := pickle.Decoder{Reduce: func(callable *pickle.Global, args *pickle.Tuple) (any, bool, error) {
			p, ok := wire.ParseProxy(callable, args)
			if ok {
				got = append(got, p)
			}
			return nil, ok, nil
		}}
		if _, err := d.DecodeBytes(data); err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || !reflect.DeepEqual(got[0], want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	other := &pickle.Global{Module: "os", Name: "system"}
	if p, ok := wire.ParseProxy(other, pickle.NewTuple("true")); ok {
		t.Errorf("os.system was taken for %+v", p)
	}
}

func TestAddresses(t *testing.T) {
	for _, test := range []struct {
		addr    net.Addr
		graph   any
		network string
		at      string
	}{
		{&net.UnixAddr{Name: "/tmp/x", Net: "unix"}, "/tmp/x", "unix", "/tmp/x"},
		{&net.UnixAddr{Name: "@name", Net: "unix"}, "\x00name", "unix", "@name"},
		{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5000}, pickle.NewTuple("127.0.0.1", int64(5000)), "tcp", "127.0.0.1:5000"},
		{&net.TCPAddr{IP: net.IPv6loopback, Port: 1}, pickle.NewTuple("::1", int64(1)), "tcp", "[::1]:1"},
	} {
		graph := wire.Address(test.addr)
		if same, err := pickle.Equal(graph, test.graph); err != nil || !same {
			t.Errorf("%v: %s, want %s", test.addr, pickle.Repr(graph), pickle.Repr(test.graph))
		}
		network, at, err := wire.NetAddress(graph)
		if err != nil || network != test.network || at != test.at {
			t.Errorf("%v and back: %s %s, %v", test.addr, network, at, err)
		}
	}
	if network, at, err := wire.NetAddress("@file"); err != nil || network != "unix" || at != "./@file" {
		t.Errorf("a file that begins with @: %s %s, %v", network, at, err)
	}
	for _, graph := range []any{
		nil, "", int64(5), pickle.NewTuple(), pickle.NewTuple("host"), pickle.NewTuple("host", "80"),
		pickle.NewTuple("host", int64(0)), pickle.NewTuple("host", int64(65536)), pickle.NewTuple("host", int64(-1)), pickle.Bytes(""),
	} {
		if network, at, err := wire.NetAddress(graph); err == nil {
			t.Errorf("%s is said to be %s %s", pickle.Repr(graph), network, at)
		}
	}
}
