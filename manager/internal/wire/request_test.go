package wire_test

import (
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

func decode(t testing.TB, data []byte) any {
	t.Helper()
	graph, err := pickle.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return graph
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// What Python 3.13 and 3.6 send, byte for byte.
const (
	pythonDummy  = "8004 9510000000 00000000 284e 8c0564756d6d79 94 29 7d94 7494 2e"
	pythonCreate = "8004 9519000000 00000000 284e 8c06637265617465 94 8c0464696374 94 8594 7d94 7494 2e"
	pythonSet    = "8004 952b000000 00000000 28 8c0c376630306162636465663031 94 8c0b5f5f7365746974656d5f5f 94 8c0161 94 4b01 8694 7d94 7494 2e"
	oldDummy     = "8003 284e 580500000064756d6d79 7100 29 7d7101 7471022e"
)

func TestPythonsRequests(t *testing.T) {
	for _, test := range []struct {
		data     string
		want     wire.Request
		protocol int
	}{
		{pythonDummy, wire.Request{Method: "dummy", Args: pickle.NewTuple()}, 4},
		{oldDummy, wire.Request{Method: "dummy", Args: pickle.NewTuple()}, 3},
		{pythonCreate, wire.Request{Method: "create", Args: pickle.NewTuple("dict")}, 4},
		{pythonSet, wire.Request{Ident: "7f00abcdef01", Method: "__setitem__", Args: pickle.NewTuple("a", int64(1))}, 4},
	} {
		data := unhex(t, test.data)
		parse := wire.ParseFirst
		if test.want.Ident != "" {
			parse = wire.ParseCall
		}
		got, err := parse(decode(t, data))
		if err != nil {
			t.Errorf("%+v: %v", test.want, err)
			continue
		}
		if got.Kwargs.Len() != 0 {
			t.Errorf("%s has keyword arguments: %s", got.Method, pickle.Repr(got.Kwargs))
		}
		got.Kwargs = nil
		if len(got.Args.Items) == 0 {
			got.Args.Items, test.want.Args.Items = nil, nil
		}
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("got %+v, want %+v", got, test.want)
		}
		if p := wire.Protocol(data); p != test.protocol {
			t.Errorf("%s: protocol %d, want %d", got.Method, p, test.protocol)
		}
	}
}

// TestWhatPythonSends: our requests are Python's, byte for byte.
func TestWhatPythonSends(t *testing.T) {
	for _, test := range []struct {
		request *wire.Request
		want    string
	}{
		{wire.NewRequest("", "dummy"), pythonDummy},
		{wire.NewRequest("", "create", "dict"), pythonCreate},
		{wire.NewRequest("7f00abcdef01", "__setitem__", "a", int64(1)), pythonSet},
	} {
		got, err := pickle.Append(nil, test.request.Graph(), 4)
		if want := unhex(t, test.want); err != nil || string(got) != string(want) {
			t.Errorf("%s:\n got %x, %v\nwant %x", test.request.Method, got, err, want)
		}
	}
}

func TestMalformedRequests(t *testing.T) {
	good := []any{"1", "get", pickle.NewTuple(), pickle.NewDict()}
	with := func(i int, v any) *pickle.Tuple {
		items := append([]any(nil), good...)
		items[i] = v
		return &pickle.Tuple{Items: items}
	}
	if _, err := wire.ParseCall(&pickle.Tuple{Items: good}); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	if r, err := wire.ParseCall(&pickle.List{Items: with(2, pickle.NewList("x")).Items}); err != nil || len(r.Args.Items) != 1 {
		t.Errorf("lists in place of tuples: %+v, %v", r, err)
	}
	for name, graph := range map[string]any{
		"nothing":     nil,
		"a number":    int64(4),
		"a text":      "abcd",
		"three":       pickle.NewTuple(good[:3]...),
		"five":        pickle.NewTuple(append(append([]any(nil), good...), nil)...),
		"no ident":    with(0, nil),
		"an int":      with(0, int64(1)),
		"no method":   with(1, nil),
		"bytes":       with(1, pickle.Bytes("get")),
		"args a dict": with(2, pickle.NewDict()),
		"args a str":  with(2, "abc"),
		"args none":   with(2, nil),
		"kwargs none": with(3, nil),
		"kwargs list": with(3, pickle.NewList()),
	} {
		if _, err := wire.ParseCall(graph); !errors.Is(err, wire.ErrRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProtocol(t *testing.T) {
	for data, want := range map[string]int{"": 2, "\x80": 2, "(lp0\n.": 2, "\x80\x02": 2, "\x80\x00": 2, "\x80\x03": 3, "\x80\x05": 5, "\x80\x09": 5, "\x80\xff": 5} {
		if got := wire.Protocol([]byte(data)); got != want {
			t.Errorf("%q: %d, want %d", data, got, want)
		}
	}
}
