package state

import (
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/pickle"
)

// rig sends commands to a State as a server would.
type rig struct {
	t        testing.TB
	s        *State
	index    uint64
	now      time.Duration
	client   Client
	holder   Holder
	protocol int
	freed    []string
}

func newRig(t testing.TB, o Options) *rig {
	if o.Address == nil {
		o.Address = "/tmp/address"
	}
	return &rig{t: t, s: New(o), client: 1, holder: 1, protocol: 4}
}

// as returns the same rig for another client.
func (r *rig) as(client Client, holder Holder) *rig {
	other := *r
	other.client, other.holder = client, holder
	return &other
}

// apply executes a command whose arguments have been pickled, and returns the decoded replies.
func (r *rig) apply(c Command) []Reply {
	r.t.Helper()
	c.Client, c.Holder, c.Protocol, c.Now = r.client, r.holder, r.protocol, r.now
	if c.Args != nil {
		c.Args = decode(r.t, encode(r.t, c.Args)).(*pickle.Tuple)
	}
	if c.Kwargs != nil {
		c.Kwargs = decode(r.t, encode(r.t, c.Kwargs)).(*pickle.Dict)
	}
	r.index++
	replies, freed := r.s.Apply(r.s.index+1, &c)
	r.freed = append([]string(nil), freed...)
	return replies
}

func (r *rig) one(c Command) (kind string, result any) {
	r.t.Helper()
	replies := r.apply(c)
	if len(replies) != 1 {
		r.t.Fatalf("%d replies", len(replies))
	}
	reply := decode(r.t, replies[0].Data).(*pickle.Tuple)
	return reply.Items[0].(string), reply.Items[1]
}

func (r *rig) call(ident, method string, args ...any) (kind string, result any) {
	r.t.Helper()
	return r.one(Command{Op: Call, Ident: ident, Method: method, Args: &pickle.Tuple{Items: args}})
}

// get calls a method that has to succeed.
func (r *rig) get(ident, method string, args ...any) any {
	r.t.Helper()
	kind, result := r.call(ident, method, args...)
	if kind != "#RETURN" {
		r.t.Fatalf("%s of %s: %s %s", method, ident, kind, pickle.Repr(result))
	}
	return result
}

func (r *rig) create(typeid string, args ...any) string {
	r.t.Helper()
	kind, result := r.one(Command{Op: Create, Type: typeid, Args: &pickle.Tuple{Items: args}})
	if kind != "#RETURN" {
		r.t.Fatalf("create %s: %s %s", typeid, kind, pickle.Repr(result))
	}
	return result.(*pickle.Tuple).Items[0].(string)
}

func (r *rig) do(op Op, ident string) any {
	r.t.Helper()
	kind, result := r.one(Command{Op: op, Ident: ident})
	if kind != "#RETURN" {
		r.t.Fatalf("op %d of %s: %s %s", op, ident, kind, pickle.Repr(result))
	}
	return result
}

// event applies a command that has no reply of its own.
func (r *rig) event(op Op) []Reply {
	r.t.Helper()
	return r.apply(Command{Op: op})
}

func (r *rig) alive(ident string) bool { return r.s.objects[ident] != nil }

func (r *rig) wantAlive(what string, idents ...string) {
	r.t.Helper()
	for _, ident := range idents {
		if !r.alive(ident) {
			r.t.Errorf("%s: object %s is gone", what, ident)
		}
	}
}

func (r *rig) wantGone(what string, idents ...string) {
	r.t.Helper()
	for _, ident := range idents {
		if r.alive(ident) {
			r.t.Errorf("%s: object %s is still there", what, ident)
		}
	}
}

var proxyClasses = map[string]string{"list": "ListProxy", "dict": "DictProxy", "Namespace": "NamespaceProxy", "Value": "ValueProxy", "Array": "ArrayProxy", "Iterator": "IteratorProxy", "Lock": "AcquirerProxy", "RLock": "AcquirerProxy"}

// proxy returns what a client's proxy of an object is pickled as.
func (r *rig) proxy(ident string) any {
	typeid := "list"
	if sh := r.s.objects[ident]; sh != nil {
		typeid = sh.kind.typeid
	}
	class := proxyClasses[typeid]
	return &pickle.Object{
		Callable: &pickle.Global{Module: managers, Name: "RebuildProxy"},
		Args:     pickle.NewTuple(&pickle.Global{Module: managers, Name: class}, token(typeid, r.s.options.Address, ident), "pickle", pickle.NewDict()),
	}
}

// wantRaised checks that a call raises an exception.
func (r *rig) wantRaised(class, text, ident, method string, args ...any) {
	r.t.Helper()
	kind, result := r.call(ident, method, args...)
	o, ok := result.(*pickle.Object)
	if kind != "#ERROR" || !ok {
		r.t.Errorf("%s: %s %s, want %s", method, kind, pickle.Repr(result), class)
		return
	}
	if _, name, _ := o.Class(); name != class || len(o.Args.Items) > 0 && o.Args.Items[0] != text {
		r.t.Errorf("%s: %s, want %s(%q)", method, pickle.Repr(result), class, text)
	}
}

func want(t testing.TB, what string, got, want any) {
	t.Helper()
	if !identicalGraphs(got, want) {
		t.Errorf("%s: got %s, want %s", what, pickle.Repr(got), pickle.Repr(want))
	}
}
