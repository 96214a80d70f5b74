package manager_test

import (
	"context"
	"testing"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/manager"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

// BenchmarkServer is a dict's set over a Unix socket, as Python sends it, one at a time. The client blocks a thread.
func BenchmarkServer(b *testing.B) {
	for name, threads := range map[string]int{"thread": 1, "poller": -1} {
		b.Run(name, func(b *testing.B) {
			s := serve(b, manager.Options{BusyThreads: threads})
			request, err := pickle.Append(nil, wire.NewRequest(create(b, s, "dict"), "__setitem__", "key", int64(1)).Graph(), 4)
			if err != nil {
				b.Fatal(err)
			}
			f := open(b, s)
			if err := f.Block(); err != nil {
				b.Skip("NOT RUN: ", err)
			}
			var in []byte
			for range manager.Busy + 1 {
				in = roundTrip(b, f, request, in)
			}
			b.ReportAllocs()
			for b.Loop() {
				in = roundTrip(b, f, request, in)
			}
		})
	}
}

func roundTrip(b *testing.B, f *conn.Framed, request, in []byte) []byte {
	if err := f.Send(context.Background(), request); err != nil {
		b.Fatal(err)
	}
	in, err := f.RecvAppend(context.Background(), in[:0])
	if err != nil {
		b.Fatal(err)
	}
	return in
}

// BenchmarkCreate is what it takes to create an object: three connections, each with its handshake.
func BenchmarkCreate(b *testing.B) {
	s := serve(b, manager.Options{})
	for b.Loop() {
		ident := create(b, s, "dict")
		ask(b, s, wire.FuncIncref, ident)
		ask(b, s, wire.FuncDecref, ident)
	}
}
