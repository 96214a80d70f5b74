package manager_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

// fuzzSeeds are requests of all kinds; those of methods are for the object "1".
func fuzzSeeds(f *testing.F) {
	add := func(r *wire.Request) {
		for _, protocol := range []int{0, 2, 4, 5} {
			data, err := pickle.Append(nil, r.Graph(), protocol)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	for _, function := range []string{"dummy", "number_of_objects", "debug_info", "accept_connection", "incref", "decref"} {
		add(wire.NewRequest("", function))
		add(wire.NewRequest("", function, "1"))
	}
	add(wire.NewRequest("", "get_methods", wire.Token{Type: "dict", Address: "/s", Ident: "1"}.Graph()))
	add(wire.NewRequest("", "create", "dict", pickle.NewList(pickle.NewTuple("a", int64(1)))))
	add(wire.NewRequest("", "create", "list", &pickle.Range{Start: int64(0), Stop: int64(10), Step: int64(3)}))
	add(wire.NewRequest("", "create", "Counter", int64(1)))
	add(wire.NewRequest("1", "__setitem__", "a", 1.5))
	add(wire.NewRequest("1", "update", pickle.NewList(pickle.NewTuple("a", nil))))
	add(wire.NewRequest("1", "__getitem__", &pickle.Slice{Stop: int64(2)}))
	add(wire.NewRequest("1", "__iter__"))
	proxy := wire.Proxy{Class: pickle.Global{Module: wire.Module, Name: "DictProxy"}, Token: wire.Token{Type: "dict", Address: "/s", Ident: "1"}}
	add(wire.NewRequest("1", "__setitem__", "a", proxy.Graph()))
	for _, bomb := range bombs() {
		if len(bomb) < 10_000 {
			f.Add(bomb)
		}
	}
}

// FuzzRequests: whatever somebody with the key sends, in the first request of a connection and in a later one,
// is answered, and the server goes on.
func FuzzRequests(f *testing.F) {
	fuzzSeeds(f)
	s := serve(f, manager.Options{RefuseShutdown: true, MaxMessage: 1 << 20, Types: []manager.UserType{manager.Type("Counter", newCounter, "Add", "Echo", "Fail")}})
	objects := []string{create(f, s, "dict"), create(f, s, "list"), create(f, s, "Counter")}
	calls := open(f, s)
	f.Fuzz(func(t *testing.T, data []byte) {
		first := dialRaw(t, s)
		answered(t, first, data)
		first.Close()
		for _, ident := range objects {
			// The ident that the seeds have stands for the object.
			answered(t, calls, bytes.ReplaceAll(data, []byte("\x8c\x011"), append([]byte{0x8c, byte(len(ident))}, ident...)))
		}
		want(t, calls, int64(0), objects[2], "add", int64(0))
	})
}

func answered(t *testing.T, f *conn.Framed, data []byte) {
	t.Helper()
	if err := f.Send(modetest.Patient(t), data); err != nil {
		t.Fatalf("%q: %v", data, err)
	}
	reply, err := f.Recv(modetest.Patient(t))
	if err == io.EOF {
		t.Fatalf("%q: no reply", data)
	}
	if err != nil {
		t.Fatalf("%q: %v", data, err)
	}
	graph, err := pickle.Decode(reply)
	if err != nil {
		t.Fatalf("%q is answered by %q: %v", data, reply, err)
	}
	if _, _, err := wire.ParseReply(graph); err != nil {
		t.Fatalf("%q is answered by %s: %v", data, pickle.Repr(graph), err)
	}
}
