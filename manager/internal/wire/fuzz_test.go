package wire_test

import (
	"reflect"
	"testing"

	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

// FuzzRequest: whatever the bytes, what is taken for a request can be written and read again.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{pythonDummy, pythonCreate, pythonSet, oldDummy} {
		f.Add(unhex(f, seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var d pickle.Decoder
		d.Reduce = func(callable *pickle.Global, args *pickle.Tuple) (any, bool, error) {
			wire.ParseProxy(callable, args)
			return nil, false, nil
		}
		graph, err := d.DecodeBytes(data)
		if err != nil {
			return
		}
		wire.ParseToken(graph)
		wire.ParseReply(graph)
		wire.ParseCreated(graph)
		wire.ParseProxyResult(graph)
		wire.NetAddress(graph)
		r, err := wire.ParseCall(graph)
		if err != nil {
			r, err = wire.ParseFirst(graph)
		}
		if err != nil {
			return
		}
		again, err := pickle.Append(nil, r.Graph(), wire.Protocol(data))
		if err != nil {
			return // a value of this protocol's that it cannot write
		}
		back, err := d.DecodeBytes(again)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		parse := wire.ParseCall
		if r.Ident == "" {
			parse = wire.ParseFirst
		}
		if r2, err := parse(back); err != nil || r2.Method != r.Method || r2.Ident != r.Ident || len(r2.Args.Items) != len(r.Args.Items) {
			t.Fatalf("%+v became %+v, %v", r, r2, err)
		}
	})
}

// FuzzScalarCall: what is read without package pickle is what package pickle reads.
func FuzzScalarCall(f *testing.F) {
	for _, seed := range []string{pythonDummy, pythonSet} {
		f.Add(unhex(f, seed))
	}
	for _, args := range scalars() {
		for protocol := 3; protocol <= 5; protocol++ {
			data, err := pickle.Append(nil, wire.NewRequest("1f", "method", args...).Graph(), protocol)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	var names wire.KnownNames
	f.Fuzz(func(t *testing.T, data []byte) {
		got, ok := names.ScalarCall(data)
		if !ok {
			return
		}
		graph, err := pickle.Decode(data)
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		want, err := wire.ParseCall(graph)
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		if want.Kwargs.Len() != 0 || got.Kwargs != nil {
			t.Fatalf("%q: keyword arguments", data)
		}
		want.Kwargs = nil
		sameCall(t, got, want)
	})
}

func sameCall(t testing.TB, got, want wire.Request) {
	t.Helper()
	same := len(got.Args.Items) == len(want.Args.Items)
	for i := 0; same && i < len(want.Args.Items); i++ {
		a, b := got.Args.Items[i], want.Args.Items[i]
		same = reflect.DeepEqual(a, b) || pickle.Repr(a) == "nan" && pickle.Repr(b) == "nan"
	}
	got.Args, want.Args = nil, nil
	if !same || got != want {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

func scalars() [][]any {
	return [][]any{
		{}, {nil}, {true}, {false}, {int64(0)}, {int64(255)}, {int64(256)}, {int64(-1)}, {int64(65535)}, {int64(65536)}, {int64(1) << 31},
		{int64(-1) << 31}, {int64(1) << 40}, {int64(-1) << 40}, {int64(1<<63 - 1)}, {int64(-1) << 63}, {1.5}, {"text"}, {""}, {"\u00e9"}, {pickle.Bytes("bytes")},
		{"a", "b"}, {"a", int64(1), nil}, {"a", "b", "c", "d"},
	}
}

// TestScalarCall: it is used where it should be.
func TestScalarCall(t *testing.T) {
	var names wire.KnownNames
	for _, args := range scalars() {
		for protocol := 4; protocol <= 5; protocol++ {
			want := wire.NewRequest("1f", "method", args...)
			data, err := pickle.Append(nil, want.Graph(), protocol)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := names.ScalarCall(data)
			if !ok {
				t.Errorf("%v is not read", args)
				continue
			}
			sameCall(t, got, *want)
		}
	}
	short, ok := wire.AppendCall(nil, "1f", "method", []any{"a", int64(1)})
	if got, read := names.ScalarCall(short); !ok || !read || len(got.Args.Items) != 2 {
		t.Errorf("our client's: %+v, %v, %v", got, ok, read)
	}
	for name, graph := range map[string]any{
		"five":         wire.NewRequest("1f", "method", int64(1), int64(2), int64(3), int64(4), int64(5)).Graph(),
		"a tuple":      wire.NewRequest("1f", "method", pickle.NewTuple()).Graph(),
		"a list":       wire.NewRequest("1f", "method", pickle.NewList()).Graph(),
		"a surrogate":  wire.NewRequest("1f", "method", "\xed\xa0\x80").Graph(),
		"no ident":     wire.NewRequest("", "dummy").Graph(),
		"long strings": wire.NewRequest("1f", "method", string(make([]byte, 1<<17))).Graph(),
	} {
		data, err := pickle.Append(nil, graph, 4)
		if err != nil {
			t.Fatal(err)
		}
		if r, ok := names.ScalarCall(data); ok {
			t.Errorf("%s is read: %+v", name, r)
		}
	}
	good, err := pickle.Append(nil, wire.NewRequest("1f", "method", "a", int64(300), 2.5).Graph(), 4)
	if err != nil {
		t.Fatal(err)
	}
	for n := range good {
		if r, ok := names.ScalarCall(good[:n]); ok {
			t.Errorf("%d bytes of %d are read: %+v", n, len(good), r)
		}
	}
}

func BenchmarkScalarCall(b *testing.B) {
	data := unhex(b, pythonSet)
	b.Run("scalar", func(b *testing.B) {
		var names wire.KnownNames
		b.ReportAllocs()
		for b.Loop() {
			if _, ok := names.ScalarCall(data); !ok {
				b.Fatal("not read")
			}
		}
	})
	b.Run("pickle", func(b *testing.B) {
		var d pickle.Decoder
		b.ReportAllocs()
		for b.Loop() {
			graph, err := d.DecodeBytes(data)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := wire.ParseCall(graph); err != nil {
				b.Fatal(err)
			}
		}
	})
}
