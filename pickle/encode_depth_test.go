package pickle_test

import (
	"errors"
	"math/rand/v2"
	"sort"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/pickle"
)

// nests are the ways to put a value into another one.
func nests() map[string]func(inner any) any {
	class := &pickle.Global{Module: "m", Name: "C"}
	object := func(set func(o *pickle.Object, inner any)) func(any) any {
		return func(inner any) any {
			o := &pickle.Object{Callable: class, Args: pickle.NewTuple()}
			set(o, inner)
			return o
		}
	}
	return map[string]func(any) any{
		"list":       func(v any) any { return pickle.NewList(v) },
		"long list":  func(v any) any { return pickle.NewList(int64(1), v, int64(2)) },
		"tuple":      func(v any) any { return pickle.NewTuple(v) },
		"long tuple": func(v any) any { return pickle.NewTuple(nil, nil, nil, v, nil) },
		"slice":      func(v any) any { return &pickle.Slice{Stop: v} },
		"dict": func(v any) any {
			d := pickle.NewDict()
			_ = d.Set("k", v)
			return d
		},
		"dicts": func(v any) any {
			d := pickle.NewDict()
			_ = d.Set("a", nil)
			_ = d.Set("b", v)
			return d
		},
		"args":     object(func(o *pickle.Object, v any) { o.Args = pickle.NewTuple(v) }),
		"new":      object(func(o *pickle.Object, v any) { o.How, o.Args = pickle.ByNew, pickle.NewTuple(v) }),
		"instance": object(func(o *pickle.Object, v any) { o.How, o.Args = pickle.ByInstance, pickle.NewTuple(v) }),
		"newex": object(func(o *pickle.Object, v any) {
			o.How, o.Kwargs = pickle.ByNewEx, pickle.NewDict()
			_ = o.Kwargs.Set("k", v)
		}),
		"items": object(func(o *pickle.Object, v any) { o.Items = []any{v} }),
		"pairs": object(func(o *pickle.Object, v any) { o.Pairs = []pickle.Pair{{Key: "k", Value: v}} }),
		"state": object(func(o *pickle.Object, v any) { o.State, o.HasState = v, true }),
	}
}

// least returns the smallest limit of Depth with which do succeeds.
func least(t *testing.T, do func(pickle.Limits) error) int64 {
	t.Helper()
	const most = 1000
	depth := 1 + sort.Search(most, func(i int) bool {
		err := do(pickle.Limits{Depth: int64(i + 1)})
		var limit *pickle.LimitError
		if err != nil && (!errors.As(err, &limit) || limit.Budget != "Depth" || limit.Limit != int64(i+1)) {
			t.Fatalf("with the limit %d: %v", i+1, err)
		}
		return err == nil
	})
	must(t, do(pickle.Limits{Depth: int64(depth)}))
	return int64(depth)
}

// TestDepthOfEncoder: of what is a tree, the Encoder counts the levels that the Decoder counts.
func TestDepthOfEncoder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	var names []string
	for name := range nests() {
		names = append(names, name)
	}
	check := func(what string, v any, levels int64) {
		t.Helper()
		for protocol := range 6 {
			var data []byte
			wrote := least(t, func(l pickle.Limits) (err error) {
				e := pickle.Encoder{Protocol: protocol, Limits: l}
				data, err = e.Append(nil, v)
				return err
			})
			read := least(t, func(l pickle.Limits) error {
				d := pickle.Decoder{Limits: l}
				_, err := d.DecodeBytes(data)
				return err
			})
			if wrote != read || levels > 0 && wrote < levels {
				t.Errorf("%s in protocol %d: the Encoder wants a limit of %d, the Decoder of %d", what, protocol, wrote, read)
			}
		}
	}
	for _, name := range names {
		v := any(int64(1))
		for range 20 {
			v = nests()[name](v)
		}
		check(name, v, 20)
		check(name+", around an empty list", nests()[name](pickle.NewList()), 2)
	}
	for range 50 {
		v, way := any("text"), []string{}
		for range 1 + random.IntN(30) {
			way = append(way, names[random.IntN(len(names))])
			v = pickle.NewTuple(pickle.NewList(), nests()[way[len(way)-1]](v), pickle.NewDict())
		}
		check(strings.Join(way, " in "), v, 0)
	}
}

// TestManySteps: what was done to an object is not how deep it is.
func TestManySteps(t *testing.T) {
	o := &pickle.Object{Callable: &pickle.Global{Module: "m", Name: "C"}, Args: pickle.NewTuple()}
	for range 20_000 {
		o.After = append(o.After, pickle.Step{Kind: pickle.StepCall, Callable: &pickle.Global{Module: "m", Name: "f"}},
			pickle.Step{Kind: pickle.StepAdd, Items: []any{int64(1)}})
	}
	data, err := pickle.Append(nil, o, 4)
	must(t, err)
	v, err := pickle.Decode(data)
	must(t, err)
	if got, ok := v.(*pickle.Object); !ok || len(got.After) == 0 {
		t.Errorf("%s", short(v))
	}
}
