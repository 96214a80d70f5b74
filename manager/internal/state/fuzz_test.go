package state

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/multiproc-go/multiproc/pickle"
)

// FuzzCall calls any method of any type with arguments from any pickle. Each call has one reply that can be decoded, and
// the bytes of the objects remain right.
func FuzzCall(f *testing.F) {
	m := &mirror{r: rand.New(rand.NewPCG(1, 2)), s: New(Options{})}
	for i := range 200 {
		typeid := []string{"list", "dict", "Namespace", "Value", "Array", "Iterator"}[i%6]
		method := oneOf(m, methodNames(m.s.kinds[typeid])...)
		args, _ := m.arguments(typeid, method)
		f.Add(uint8(i%6), uint8(slices.Index(methodNames(m.s.kinds[typeid]), method)), encode(f, args))
	}
	f.Fuzz(func(t *testing.T, which, method uint8, data []byte) {
		decoder := pickle.Decoder{Reduce: Resolve, Limits: pickle.Limits{Nodes: 10_000, Memory: 1 << 20, Work: 1 << 16}}
		v, err := decoder.DecodeBytes(data)
		args, ok := v.(*pickle.Tuple)
		if err != nil || !ok {
			return
		}
		r := newRig(t, Options{MaxObjectBytes: 1 << 20, MaxRepr: 1 << 16, MaxReply: 1 << 20})
		idents := []string{
			r.create("list", pickle.NewList(int64(3), int64(1), "x")), r.create("dict", must(pickle.NewDict())("a", int64(1), int64(1), "b")),
			r.create("Namespace"), r.create("Value", "i", int64(1)), r.create("Array", "i", pickle.NewList(int64(1), int64(2), int64(3))),
			r.create("Iterator", iterOver([]any{int64(1)})),
		}
		ident := idents[int(which)%len(idents)]
		names := append(methodNames(r.s.objects[ident].kind), "__repr__", "#GETVALUE")
		for _, name := range []string{names[int(method)%len(names)], "__repr__", "#GETVALUE"} {
			c := &Command{Op: Call, Client: 1, Holder: 1, Protocol: 4, Ident: ident, Method: name}
			if name == names[int(method)%len(names)] {
				c.Args = args
			}
			replies, _ := r.s.Apply(1, c)
			if len(replies) != 1 {
				t.Fatalf("%d replies to %s", len(replies), name)
			}
			decode(t, replies[0].Data)
		}
		if sh := r.s.objects[ident]; sh.kind.typeid == "list" || sh.kind.typeid == "dict" {
			if fresh := weighAll(sh.obj); fresh != sh.bytes {
				t.Fatalf("%d bytes, weighs %d", sh.bytes, fresh)
			}
		}
		r.s.AppendSnapshot(nil)
	})
}

func methodNames(k *kind) []string {
	var names []string
	for name := range k.methods {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
