package state

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/pickle"
)

// logged is a command as a log would have it: its arguments are pickles.
type logged struct {
	Command
	args, kwargs []byte
}

func (l *logged) command(t testing.TB) *Command {
	c := l.Command
	if l.args != nil {
		c.Args = decode(t, l.args).(*pickle.Tuple)
	}
	if l.kwargs != nil {
		c.Kwargs = decode(t, l.kwargs).(*pickle.Dict)
	}
	return &c
}

func (l *logged) pickled(t testing.TB) []byte {
	bytesOf := func(b []byte) any {
		if b == nil {
			return nil
		}
		return pickle.Bytes(b)
	}
	return encode(t, pickle.NewTuple(int64(l.Op), int64(l.Client), int64(l.Holder), int64(l.Request), int64(l.Now), int64(l.Protocol),
		l.Type, l.Ident, l.Method, bytesOf(l.args), bytesOf(l.kwargs), int64(l.Unread)))
}

func unpickled(t testing.TB, data []byte) *logged {
	v := decode(t, data).(*pickle.Tuple).Items
	l := &logged{Command: Command{
		Op: Op(v[0].(int64)), Client: Client(v[1].(int64)), Holder: Holder(v[2].(int64)), Request: uint64(v[3].(int64)),
		Now: time.Duration(v[4].(int64)), Protocol: int(v[5].(int64)), Type: v[6].(string), Ident: v[7].(string), Method: v[8].(string),
		Unread: uint64(v[11].(int64)),
	}}
	if b, ok := v[9].(pickle.Bytes); ok {
		l.args = []byte(b)
	}
	if b, ok := v[10].(pickle.Bytes); ok {
		l.kwargs = []byte(b)
	}
	return l
}

func replayOptions() Options {
	return Options{
		Address: pickle.NewTuple("127.0.0.1", int64(5000)), FirstIdent: 0xabc, Grace: 3 * time.Second, MaxObjectBytes: 1 << 16, MaxBytes: 1 << 20,
		Foreign: map[string][]string{"Thing": {"put", "get"}, "Other": {"set"}, "Pool": {}}, ReleaseDead: true,
	}
}

func replayState() *State {
	s := New(replayOptions())
	s.kinds["Gate"] = gateKind()
	return s
}

// randomLog makes up commands of all kinds by applying them to a State of their own.
func randomLog(t testing.TB, random *rand.Rand, steps int) []logged {
	m := &mirror{t: nil, r: random, s: replayState(), iterated: map[int]bool{}}
	var log []logged
	var idents []mirrored
	holders := map[Client]Holder{1: 1, 2: 1, 3: 2, 4: 0, 5: 7}
	now := time.Duration(0)
	proxied := &rig{t: t, s: m.s}
	for len(log) < steps {
		now += time.Duration(random.IntN(300)) * time.Millisecond
		client := Client(1 + random.IntN(5))
		l := logged{Command: Command{Op: Call, Client: client, Holder: holders[client], Request: uint64(len(log)), Now: now, Protocol: 1 + random.IntN(6)}}
		var args *pickle.Tuple
		var kwargs *pickle.Dict
		op := random.IntN(40)
		switch {
		case op < 3 || len(idents) == 0:
			l.Op, l.Type = Create, oneOf(m, "list", "dict", "Namespace", "Value", "Array", "Iterator", "set", "Gate", "Thing", "None", oneOf(m, syncTypes...), oneOf(m, syncTypes...),
				oneOf(m, syncTypes...), "RWLock", "Counter")
			args, kwargs = m.constructor(l.Type)
		case op < 5:
			l.Op = oneOf(m, Incref, Decref, Decref, Decref)
		case op == 5:
			l.Op = oneOf(m, Methods, Count, Debug, Tick, Tick, Connect, Op(99))
		case op == 6:
			l.Op = oneOf(m, Disconnect, Disconnect, Gone)
			l.Request -= min(l.Request, uint64(random.IntN(30))) // of several requests the replies may be unread
		case op < 20:
			l.Unread = l.Request - min(l.Request, uint64(random.IntN(30)))
		default:
		}
		if l.Type == "" && len(idents) > 0 {
			of := idents[random.IntN(len(idents))]
			for range 20 {
				if m.s.objects[of.ident] != nil || random.IntN(30) == 0 {
					break // mostly one that is there
				}
				of = idents[len(idents)-1-random.IntN(min(len(idents), 30))]
			}
			l.Ident = of.ident
			if l.Op == Call {
				var names []string
				for name := range m.s.kinds[of.typeid].methods {
					names = append(names, name)
				}
				slices.Sort(names)
				l.Method = oneOf(m, append(names, "__repr__", "#GETVALUE", "put", "nothing")...)
				args, kwargs = m.arguments(of.typeid, l.Method)
				switch {
				case of.typeid == "Gate":
					args = oneOf(m, pickle.NewTuple(), pickle.NewTuple(random.Float64()*2))
				case random.IntN(3) == 0 && len(args.Items) > 0:
					other := proxied.proxyOf(oneOf(m, idents...))
					args.Items[len(args.Items)-1] = oneOf[any](m, other, pickle.NewList(other, pickle.NewTuple(other, int64(1))), pickle.NewTuple("ab", other))
				}
			}
		}
		if args != nil {
			l.args = encode(t, args)
		}
		if kwargs != nil {
			l.kwargs = encode(t, kwargs)
		}
		log = append(log, l)
		replies, _ := m.s.Apply(uint64(len(log)), l.command(t))
		for _, r := range replies {
			if r.Foreign && r.Data == nil {
				continue
			}
			reply := decode(t, r.Data).(*pickle.Tuple)
			switch {
			case l.Op == Create && reply.Items[0] == "#RETURN" && r.Request == l.Request:
				idents = append(idents, mirrored{reply.Items[1].(*pickle.Tuple).Items[0].(string), l.Type})
			case reply.Items[0] == "#PROXY":
				token := reply.Items[1].(*pickle.Tuple).Items[1].(*pickle.Object).State.(*pickle.Tuple)
				idents = append(idents, mirrored{token.Items[2].(string), token.Items[0].(string)})
			}
		}
	}
	return log
}

// proxyOf returns what a client's proxy is pickled as, also of an object that is gone.
func (r *rig) proxyOf(of mirrored) any {
	class := proxyClasses[of.typeid]
	if class == "" {
		class = "AutoProxy"
	}
	return &pickle.Object{
		Callable: &pickle.Global{Module: managers, Name: "RebuildProxy"},
		Args:     pickle.NewTuple(&pickle.Global{Module: managers, Name: class}, token(of.typeid, r.s.options.Address, of.ident), "pickle", pickle.NewDict()),
	}
}

// TestReplay applies a random log to several States, once from commands that have been through their own pickles, and
// compares every byte of replies and snapshots.
func TestReplay(t *testing.T) {
	n := seed(t)
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	kinds := map[string]int{}
	for round := range rounds {
		log := randomLog(t, rand.New(rand.NewPCG(n, uint64(round))), 4000)
		first, second, third := replayState(), replayState(), replayState()
		for i := range log {
			index := uint64(i + 1)
			want, freed := first.Apply(index, log[i].command(t))
			compare := func(name string, s *State, c *Command) {
				replies, gone := s.Apply(index, c)
				if !slices.Equal(gone, freed) {
					t.Fatalf("round %d, command %d, %s: freed %v, want %v", round, i, name, gone, freed)
				}
				if !slices.EqualFunc(replies, want, func(a, b Reply) bool {
					return a.Client == b.Client && a.Request == b.Request && a.Foreign == b.Foreign && a.Ident == b.Ident && bytes.Equal(a.Data, b.Data)
				}) {
					t.Fatalf("round %d, command %d, %s: replies %+v, want %+v", round, i, name, replies, want)
				}
			}
			compare("again", second, log[i].command(t))
			compare("from its pickle", third, unpickled(t, log[i].pickled(t)).command(t))
			for _, r := range want {
				if r.Data != nil {
					kinds[decode(t, r.Data).(*pickle.Tuple).Items[0].(string)]++
				}
			}
			if len(freed) > 0 {
				kinds["freed"]++
			}
			if i%100 == 99 {
				snapshot := first.AppendSnapshot(nil)
				if !bytes.Equal(snapshot, second.AppendSnapshot(nil)) || !bytes.Equal(snapshot, third.AppendSnapshot(nil)) {
					t.Fatalf("round %d, command %d: the snapshots differ", round, i)
				}
			}
		}
		if at, ok := first.Deadline(); ok && at < first.now {
			t.Errorf("round %d: a Deadline in the past: %v", round, at)
		}
	}
	t.Log(kinds)
	for _, kind := range []string{"#RETURN", "#ERROR", "#TRACEBACK", "#PROXY", "freed"} {
		if kinds[kind] == 0 {
			t.Errorf("the logs had no %s", kind)
		}
	}
}

// TestSnapshotTells checks that a snapshot has what a command changed, whatever it is.
func TestSnapshotTells(t *testing.T) {
	r, gate := gateRig(t, Options{Grace: time.Hour})
	l, v := r.create("list"), r.create("Value", "i", int64(1))
	d := r.create("dict", must(pickle.NewDict())("a", int64(1), "b", int64(2)))
	_, result := r.call(d, "__iter__")
	it := result.(*pickle.Tuple).Items[1].(*pickle.Object).State.(*pickle.Tuple).Items[2].(string)
	for _, step := range []struct {
		what   string
		change func()
	}{
		{"append", func() { r.get(l, "append", int64(1)) }},
		{"set", func() { r.get(v, "set", int64(2)) }},
		{"next", func() { r.get(it, "__next__") }},
		{"incref", func() { r.do(Incref, l) }},
		{"use", func() { r.as(2, 2).get(l, "__len__") }},
		{"nest", func() { r.get(l, "append", r.proxy(d)) }},
		{"decref", func() { r.do(Decref, v) }},
		{"wait", func() { r.wait(gate, 1, 5.0) }},
		{"disconnect", func() { r.event(Disconnect) }},
		{"time", func() { r.now++; r.event(Tick) }},
	} {
		before := r.s.AppendSnapshot(nil)
		index := r.s.index
		step.change()
		r.s.index = index
		if bytes.Equal(before, r.s.AppendSnapshot(nil)) {
			t.Errorf("%s: the same snapshot", step.what)
		}
	}
}
