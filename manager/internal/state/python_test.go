package state

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/internal/pythons"
	"github.com/multiproc-go/multiproc/pickle"
)

func needPython(t *testing.T) string {
	t.Helper()
	python := pythons.Version(13) // whose texts this package has
	if python == "" {
		t.Skip("NOT CHECKED: results and texts against CPython, because there is no Python 3.13 (python3.13 on PATH, or $PYENV_ROOT/versions/3.13*)")
	}
	return python
}

// seed returns a seed for random tests, which it prints: STATE_SEED, or another one each time.
func seed(t testing.TB) uint64 {
	t.Helper()
	n := uint64(time.Now().UnixNano())
	if s := os.Getenv("STATE_SEED"); s != "" {
		var err error
		if n, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("STATE_SEED=%d", n)
	return n
}

// decode returns the graph of a pickle, with the hook that the server has.
func decode(t testing.TB, data []byte) any {
	t.Helper()
	decoder := pickle.Decoder{Reduce: Resolve}
	v, err := decoder.DecodeBytes(data)
	if err != nil {
		t.Fatalf("%v in % x", err, data)
	}
	return v
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	data, err := pickle.Append(nil, v, 4)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// step is one request of the comparison, and what the State answered.
type step struct {
	request *pickle.Tuple
	reply   any
}

// TestSameAsPython does random things, right and wrong ones, to the same objects here and in CPython.
func TestSameAsPython(t *testing.T) {
	python := needPython(t)
	n := seed(t)
	steps := 30_000
	if testing.Short() {
		steps = 3_000
	}
	m := &mirror{t: t, r: rand.New(rand.NewPCG(n, 0)), s: New(Options{}), seen: make(map[string]int), iterated: make(map[int]bool)}
	for range steps {
		m.step()
	}
	for most := 10 * steps; !testing.Short() && m.missing() != nil && len(m.steps) < most; {
		for range 1_000 {
			m.step()
		}
	}
	m.compare(python)
	if !testing.Short() { // otherwise they are too few to meet everything
		for _, what := range m.missing() {
			t.Error(what)
		}
	}
}

// missing returns what the requests have not met yet.
func (m *mirror) missing() (what []string) {
	for _, k := range pythonKinds() {
		if k.typeid == "JoinableQueue" {
			continue // the same class
		}
		for name := range k.methods {
			if name == "join" || name == "locked" {
				continue
			}
			if !strings.HasPrefix(name, "#") && m.seen[k.typeid+"."+name+" #RETURN"]+m.seen[k.typeid+"."+name+" #PROXY"] == 0 {
				what = append(what, k.typeid+"."+name+" has never returned anything")
			}
			if !strings.HasPrefix(name, "#") && m.seen[k.typeid+"."+name+" #ERROR"] == 0 {
				what = append(what, k.typeid+"."+name+" has never raised anything")
			}
		}
	}
	return what
}

// mirror makes up requests and sends them to a State.
type mirror struct {
	t        *testing.T
	r        *rand.Rand
	s        *State
	steps    []step
	objects  []mirrored
	seen     map[string]int
	iterated map[int]bool
	index    uint64
}

type mirrored struct{ ident, typeid string }

func (m *mirror) chance(percent int) bool { return m.r.IntN(100) < percent }

func oneOf[T any](m *mirror, of ...T) T { return of[m.r.IntN(len(of))] }

// apply sends a request to the State, as it comes out of its pickle.
func (m *mirror) apply(request *pickle.Tuple) (kind string, result any) {
	m.t.Helper()
	data := encode(m.t, request)
	items := decode(m.t, data).(*pickle.Tuple).Items
	c := &Command{Op: Call, Client: 1, Request: m.index, Protocol: 4}
	c.Args, c.Kwargs = items[2].(*pickle.Tuple), items[3].(*pickle.Dict)
	if items[0] == "new" {
		c.Op, c.Type = Create, items[1].(string)
	} else {
		c.Ident, c.Method = m.objects[items[0].(int64)].ident, items[1].(string)
	}
	if c.Method == "put" || c.Method == "get" {
		c.Client = 2 // the one that goes if there is no end to the wait: it has no locks
	}
	m.index++
	c.Now = m.s.now
	replies, _ := m.s.Apply(m.index, c)
	if len(replies) == 0 { // it waits
		m.index++
		replies, _ = m.s.Apply(m.index, &Command{Op: Tick, Now: m.s.now + time.Minute})
	}
	if len(replies) == 0 && c.Op == Call && (c.Method == "put" || c.Method == "get") { // without end: Python would never answer either
		m.index++
		m.s.Apply(m.index, &Command{Op: Disconnect, Client: 2, Now: m.s.now})
		return "", nil
	}
	if len(replies) != 1 || replies[0].Request != c.Request {
		m.t.Fatalf("%d replies to %s", len(replies), pickle.Repr(request))
	}
	reply := decode(m.t, replies[0].Data).(*pickle.Tuple)
	kind, result = reply.Items[0].(string), reply.Items[1]
	switch {
	case c.Op == Create && kind == "#RETURN":
		ident := result.(*pickle.Tuple).Items[0].(string)
		reply.Items[1] = int64(len(m.objects))
		m.objects = append(m.objects, mirrored{ident, c.Type})
	case kind == "#PROXY":
		token := result.(*pickle.Tuple).Items[1].(*pickle.Object).State.(*pickle.Tuple)
		reply.Items[1] = int64(len(m.objects))
		m.objects = append(m.objects, mirrored{token.Items[2].(string), token.Items[0].(string)})
	}
	m.steps = append(m.steps, step{decode(m.t, data).(*pickle.Tuple), reply})
	return kind, result
}

func (m *mirror) step() {
	if len(m.objects) < 6 || m.chance(3) {
		typeid := oneOf(m, "list", "list", "list", "dict", "dict", "Array", "Array", "Value", "Namespace", "Iterator", "set", "set", oneOf(m, syncTypes...), oneOf(m, syncTypes...))
		args, kwargs := m.constructor(typeid)
		kind, _ := m.apply(pickle.NewTuple("new", typeid, args, kwargs))
		m.seen[typeid+" "+kind]++
		return
	}
	number := len(m.objects) - 1 - m.r.IntN(min(len(m.objects), 8))
	typeid := m.objects[number].typeid
	names := make([]string, 0, 30)
	for name := range m.s.kinds[typeid].methods {
		if !strings.HasPrefix(name, "#") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	method := oneOf(m, names...)
	if l, ok := m.s.objects[m.objects[number].ident].obj.(*list); ok && (len(l.Items) > 5_000 || method == "sort" && len(l.Items) >= 64 && !uniform(l.Items)) {
		method = "clear" // what an error leaves of a long list is not the same
	}
	if grows := number%2 == 0; typeid != "dict" || !m.iterated[number] {
	} else if grows && slices.Contains([]string{"__delitem__", "clear", "pop", "popitem"}, method) ||
		!grows && slices.Contains([]string{"__setitem__", "__ior__", "setdefault", "update"}, method) {
		method = "get" // to come back to the same size with other keys is another matter, that of CPython's layout
	}
	few := true // whose order is not Python's
	switch obj := m.s.objects[m.objects[number].ident].obj.(type) {
	case *set:
		few = obj.Len() < 1
		if obj.Len() > 1 && (method == "pop" || method == "__iter__") {
			method = "clear"
		}
	case *queue:
		if method == "join" { // without end, maybe
			method = "qsize"
		}
	}
	if method == "locked" && typeid != "Lock" { // not yet in 3.13
		method = "release"
	}
	args, kwargs := m.arguments(typeid, method)
	if strings.HasSuffix(method, "mul__") && len(args.Items) == 1 {
		if n, _, ok := integer(args.Items[0]); ok && 3 < n && n < 1<<50 {
			args.Items[0] = int64(2) // lists shall not become very long
		}
	}
	kind, _ := m.apply(pickle.NewTuple(int64(number), method, args, kwargs))
	m.seen[typeid+"."+method+" "+kind]++
	if kind == "#PROXY" {
		m.iterated[number] = true
	}
	if obj, ok := m.s.objects[m.objects[number].ident].obj.(*set); ok {
		few = obj.Len() < 1
	}
	if few && m.chance(30) {
		m.apply(pickle.NewTuple(int64(number), "__repr__", pickle.NewTuple(), pickle.NewDict()))
	}
	if m.chance(20) {
		m.apply(pickle.NewTuple(int64(number), "#GETVALUE", pickle.NewTuple(), pickle.NewDict()))
	}
}

// uniform reports whether all items have one type.
func uniform(items []any) bool {
	for _, item := range items {
		if pickle.TypeName(item) != pickle.TypeName(items[0]) {
			return false
		}
	}
	return true
}

// compare sends all requests to Python and compares the replies.
func (m *mirror) compare(python string) {
	t := m.t
	t.Helper()
	var input bytes.Buffer
	for _, s := range m.steps {
		fmt.Fprintln(&input, hex.EncodeToString(encode(t, s.request)))
	}
	command := exec.Command(python, filepath.Join("testdata", "objects.py"))
	command.Stdin, command.Stderr = &input, os.Stderr
	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(output))
	lines.Buffer(nil, 64<<20)
	wrong := 0
	for i, s := range m.steps {
		if !lines.Scan() {
			t.Fatalf("Python answered %d of %d requests", i, len(m.steps))
		}
		data, err := hex.DecodeString(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		theirs := decode(t, data)
		if !sameReply(s.reply, theirs) {
			t.Errorf("step %d: %s\n got %s\nwant %s", i, pickle.Repr(s.request), describe(s.reply), describe(theirs))
			if wrong++; wrong == 20 {
				t.FailNow()
			}
		}
	}
}

func describe(v any) string {
	data, _ := pickle.Append(nil, v, 4)
	return fmt.Sprintf("%s  %q", pickle.Repr(v), data)
}

var address = regexp.MustCompile(" at 0x[0-9a-f]+| owner=[0-9]+")

// sameReply is identical, but for addresses, for the text of a MemoryError, which is ours, and for that of
// #UNSERIALIZABLE, which is a traceback.
func sameReply(a, b any) bool {
	first, second := a.(*pickle.Tuple), b.(*pickle.Tuple)
	if first.Items[0] == "#UNSERIALIZABLE" && second.Items[0] == "#UNSERIALIZABLE" {
		return true
	}
	x, y := first.Items[1], second.Items[1]
	if s, ok := x.(string); ok {
		if u, ok := y.(string); ok {
			return first.Items[0] == second.Items[0] && address.ReplaceAllString(s, "") == address.ReplaceAllString(u, "")
		}
	}
	if e, ok := x.(*pickle.Object); ok {
		if f, ok := y.(*pickle.Object); ok {
			_, name, _ := e.Class()
			_, other, _ := f.Class()
			if name == "MemoryError" && other == name {
				return true
			}
			if name == "AttributeError" && other == name && named(e) != named(f) {
				// Whether __delattr__ says the name depends on how CPython has the attributes in memory.
				return identicalGraphs(e.Args, f.Args)
			}
		}
		if _, name, _ := e.Class(); name == "MemoryError" && y == "Traceback (most recent call last):\nMemoryError\n" {
			return true // of a constructor: ours is sent as it is
		}
	}
	return identicalGraphs(a, b)
}

// named reports whether an AttributeError says which attribute it is.
func named(o *pickle.Object) bool {
	d, ok := o.State.(*pickle.Dict)
	return ok && d.Len() == 2
}

// identicalGraphs reports whether two graphs are equal with all their types, and dicts in their order. A nan is equal
// to itself.
func identicalGraphs(a, b any) bool {
	if pickle.TypeName(a) != pickle.TypeName(b) {
		return false
	}
	all := func(x, y []any) bool { return slices.EqualFunc(x, y, identicalGraphs) }
	switch x := a.(type) {
	case *pickle.Global:
		if y := b.(*pickle.Global); x.Name == "Empty" && y.Name == x.Name && y.Module == "_queue" {
			return x.Module == "queue" // that of 3.8 to 3.13 alike
		}
	case float64:
		y := b.(float64)
		return math.Float64bits(x) == math.Float64bits(y) || x != x && y != y
	case *pickle.Tuple:
		return all(x.Items, b.(*pickle.Tuple).Items)
	case *pickle.List:
		return all(x.Items, b.(*pickle.List).Items)
	case *pickle.Dict:
		return all(flat(x), flat(b.(*pickle.Dict)))
	case *pickle.Set:
		y := b.(*pickle.Set)
		if x.Len() == 1 && y.Len() == 1 { // a nan is equal to itself only
			if all(slices.Collect(x.All()), slices.Collect(y.All())) {
				return true
			}
		}
	case *pickle.Slice:
		y := b.(*pickle.Slice)
		return all([]any{x.Start, x.Stop, x.Step}, []any{y.Start, y.Stop, y.Step})
	case *pickle.Object:
		y, ok := b.(*pickle.Object)
		return ok && x.How == y.How && x.HasState == y.HasState && identicalGraphs(x.Callable, y.Callable) &&
			identicalGraphs(x.Args, y.Args) && identicalGraphs(x.State, y.State) && all(x.Items, y.Items)
	}
	same, err := pickle.Equal(a, b)
	return same && err == nil
}

func flat(d *pickle.Dict) []any {
	var items []any
	for key, v := range d.All() {
		items = append(items, key, v)
	}
	return items
}

func bigInt(text string) any {
	b, _ := new(big.Int).SetString(text, 0)
	return pickle.Int(b)
}
