package manager_test

import (
	"strings"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

// TestDecrefOfOthers: somebody who gives back what others hold. For as long as Grace it harms nobody, what he gives back too often does not count, and what is
// held still stays. Afterwards the object is gone, as PROTOCOL.md says, which others are told; and no other is ever taken for it.
func TestDecrefOfOthers(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		for _, grace := range []time.Duration{time.Hour, time.Millisecond} {
			t.Run(network+"/"+grace.String(), func(t *testing.T) {
				s := serve(t, manager.Options{Network: network, Grace: grace})
				used, unused, other := create(t, s, "dict"), create(t, s, "dict"), create(t, s, "list")
				f := open(t, s)
				want(t, f, nil, used, "__setitem__", "a", int64(1))
				want(t, f, nil, other, "append", "b")
				for range 20 {
					for _, ident := range []string{used, unused, "0", "none", ""} {
						ask(t, s, wire.FuncDecref, ident)
					}
				}
				if kind, result := ask(t, s, wire.FuncCount); kind != wire.KindReturn || result != int64(1) {
					t.Errorf("%s %v objects are counted", kind, result)
				}
				for _, ident := range []string{used, unused} {
					if grace == time.Hour {
						if kind, result := call(t, f, ident, "__len__"); kind != wire.KindReturn {
							t.Errorf("in its time of grace: %s %v", kind, result)
						}
						if kind, result := ask(t, s, wire.FuncIncref, ident); kind != wire.KindReturn {
							t.Errorf("incref: %s %v", kind, result)
						}
						continue
					}
					ctx := modetest.Patient(t)
					kind := wire.KindReturn
					for kind == wire.KindReturn && ctx.Err() == nil {
						time.Sleep(10 * time.Millisecond) // to ask is to use it
						kind, _ = ask(t, s, wire.FuncIncref, ident)
						if kind == wire.KindReturn {
							ask(t, s, wire.FuncDecref, ident)
						}
					}
					wantText(t, f, wire.KindTraceback, ident, ident, "__len__")
				}
				want(t, f, "b", other, "__getitem__", int64(0))
				if next := create(t, s, "dict"); next == used || next == unused {
					t.Error("another object has the ident of one that is gone")
				}
				wantWorking(t, s)
			})
		}
	}
}

// TestDeepAndLong: values that are very deep, or whose text would be very long, go in and out, or are refused with words; the connection goes on.
func TestDeepAndLong(t *testing.T) {
	s := serve(t, manager.Options{MaxReply: 8 << 20})
	d, f := create(t, s, "dict"), open(t, s)
	const depth = 9000
	var deep any = int64(7)
	for i := range depth {
		switch i % 3 {
		case 0:
			deep = pickle.NewList(deep)
		case 1:
			deep = pickle.NewTuple(deep)
		case 2:
			inner := pickle.NewDict()
			if err := inner.Set("in", deep); err != nil {
				t.Fatal(err)
			}
			deep = inner
		}
	}
	encoder := pickle.Encoder{Protocol: pickle.DefaultProtocol, Limits: pickle.Limits{Depth: -1}}
	data, err := encoder.Append(nil, wire.NewRequest(d, "__setitem__", "deep", deep).Graph())
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Send(modetest.Patient(t), data); err != nil {
		t.Fatal(err)
	}
	if kind, result := receive(t, f); kind != wire.KindReturn {
		t.Fatalf("a deep value: %s %.200v", kind, result)
	}
	for method, args := range map[string][]any{
		"__getitem__": {"deep"}, "copy": nil, "items": nil, "values": nil, "#GETVALUE": nil, "#page": {int64(0), nil}, "__repr__": nil, "__str__": nil, "setdefault": {"deep", nil},
		"pop": {"deep"}, // last or not: what it takes is put back below
	} {
		decoder := pickle.Decoder{Limits: pickle.Limits{Depth: -1}}
		send(t, f, wire.NewRequest(d, method, args...).Graph())
		reply, err := f.Recv(modetest.Patient(t))
		if err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		if _, err := decoder.DecodeBytes(reply); err != nil {
			t.Errorf("%s: %v", method, err)
		}
		if method == "pop" {
			if err := f.Send(modetest.Patient(t), data); err != nil {
				t.Fatal(err)
			}
			receive(t, f)
		}
	}
	long := strings.Repeat("\x00", 1<<20) // four times as long in a text
	l := create(t, s, "list")
	many := &pickle.List{}
	for range 100 {
		many.Items = append(many.Items, long)
	}
	want(t, f, nil, l, "append", many)
	for _, method := range []string{"__repr__", "__str__"} {
		kind, result := call(t, f, l, method)
		if text, ok := result.(string); kind != wire.KindError && (!ok || len(text) > 8<<20) {
			t.Errorf("%s of a long list: %s, %d bytes", method, kind, len(text))
		}
	}
	want(t, f, int64(1), l, "__len__")
	wantWorking(t, s)
}
