package pickle_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"runtime/metrics"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/pickle"
)

// addCorpus gives the fuzzer pickles to begin with: small ones of each kind and protocol, and the hostile ones. When there
// is no fuzzing, fewer will do.
func addCorpus(f *testing.F) {
	fuzzing := flag.Lookup("test.fuzz").Value.String() != ""
	for _, records := range readCorpus(f) {
		for _, r := range records {
			if r.protocol != theRepr && len(r.data) < 600 && (fuzzing || r.protocol%2 == 0 && len(r.data) < 120) {
				f.Add(r.data)
			}
		}
	}
	for _, c := range opcodes {
		f.Add([]byte(c.data))
	}
	if fuzzing { // else TestHostile has them
		for _, data := range hostile() {
			f.Add(data)
		}
	}
}

// mostMemory is what one thing that is done with an input of 1 KiB may allocate.
const mostMemory = 16 << 20

// costs fails the test if do allocates more than mostMemory.
func costs(t testing.TB, what string, do func()) {
	t.Helper()
	if n := allocated(do); n > mostMemory {
		t.Errorf("%s allocated %d bytes", what, n)
	}
}

// allocated returns how many bytes the process allocates while do runs.
func allocated(do func()) uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	before := sample[0].Value.Uint64()
	do()
	metrics.Read(sample)
	return sample[0].Value.Uint64() - before
}

// recursive are Go types that a graph with shared parts could unfold into.
type recursive []recursive

type tree struct {
	Left, Right *tree
	All         map[string]tree
	Value       any
}

// exercise does all that can be done with a pickle. It is for inputs of 1 KiB at most.
func exercise(t testing.TB, data []byte) {
	var v, same any
	var err error
	costs(t, "Decode", func() { v, err = pickle.Decode(data) })
	if err != nil {
		var e *pickle.DecodeError
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), "pickle: ") || v != nil {
			t.Errorf("%v, %v", v, err)
		}
		return
	}
	if same, err = pickle.Decode(data); err != nil {
		t.Fatalf("the second time: %v", err)
	}
	costs(t, "Repr", func() { pickle.Repr(v) })
	costs(t, "Equal", func() {
		equal, err := pickle.Equal(v, same)
		var deep *pickle.DepthError
		if !equal && err == nil && !strings.Contains(short(v), "nan") && !named(v) {
			t.Errorf("%.1000s is not equal to itself", short(v))
		}
		if err != nil && !errors.As(err, &deep) {
			t.Errorf("Equal: %v", err)
		}
		one, err1 := pickle.Hash(v)
		two, err2 := pickle.Hash(same)
		if equal && (one != two || (err1 == nil) != (err2 == nil)) {
			t.Errorf("%s: equal and with other hashes, %v, %v", short(v), err1, err2)
		}
	})
	costs(t, "Less", func() { pickle.Less(v, same) })
	costs(t, "Unmarshal", func() {
		var r recursive
		var n tree
		var a any
		var m map[string][]string
		for _, dst := range []any{&r, &n, &a, &m, new(int), new([]byte), new([2]any), new(map[any]struct{})} {
			pickle.Unmarshal(data, dst)
		}
	})
	for protocol := range 6 {
		var out, again []byte
		costs(t, "Append", func() { out, err = pickle.Append(nil, v, protocol) })
		var e *pickle.EncodeError
		var l *pickle.LimitError
		switch {
		case errors.As(err, &e), errors.As(err, &l):
			continue
		case err != nil:
			t.Fatalf("protocol %d: %v", protocol, err)
		}
		w, err := pickle.Decode(out)
		if err != nil {
			t.Fatalf("protocol %d: %v\n%q", protocol, err, out)
		}
		if protocol < 4 && named(v) {
			continue // several classes may have one name, and calls of getattr become names
		}
		if a, b := short(v), short(w); a != b {
			t.Errorf("protocol %d: %.1000s became %.1000s", protocol, a, b)
		}
		if named(v) && bytes.ContainsAny(out, "01") {
			continue // perhaps POP, for an object that is in its own arguments: it loses those of the first try
		}
		if again, err = pickle.Append(nil, w, protocol); err != nil || !bytes.Equal(out, again) {
			t.Errorf("protocol %d: %v\n%.1000q became\n%.1000q", protocol, err, out, again)
		}
	}
}

// short is the beginning of a repr.
func short(v any) string {
	text, err := pickle.AppendRepr(nil, v, 16<<10)
	return string(text) + fmt.Sprint(err)
}

// named reports whether there is a Global in v, or something else that is made by name.
func named(v any) bool {
	seen := map[any]bool{}
	todo := []any{v}
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		switch x := v.(type) {
		case *pickle.Global, *pickle.Object:
			return true
		case *pickle.Tuple, *pickle.List, *pickle.Dict, *pickle.Set, *pickle.Slice:
			if seen[v] {
				continue
			}
			seen[v] = true
			switch x := x.(type) {
			case *pickle.Tuple:
				todo = append(todo, x.Items...)
			case *pickle.List:
				todo = append(todo, x.Items...)
			case *pickle.Slice:
				todo = append(todo, x.Start, x.Stop, x.Step)
			case *pickle.Dict:
				for key, value := range x.All() {
					todo = append(todo, key, value)
				}
			case *pickle.Set:
				for item := range x.All() {
					todo = append(todo, item)
				}
			}
		}
	}
	return false
}

// FuzzRoundTrip decodes, encodes in all protocols, decodes again, and compares.
func FuzzRoundTrip(f *testing.F) {
	addCorpus(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) <= 1024 {
			exercise(t, data)
		}
	})
}

// FuzzDecode compares what a reader gives, and what there is without the short way for common opcodes, with what the same
// bytes give.
func FuzzDecode(f *testing.F) {
	addCorpus(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		want, wantErr := pickle.Decode(data)
		sameUncommon(t, data)
		d := pickle.NewDecoder(oneByte{bytes.NewReader(data)})
		got, err := d.DecodeValue()
		if err == nil != (wantErr == nil) && !strings.Contains(wantErr.Error(), "frame") {
			t.Fatalf("%v, but %v from a reader", wantErr, err)
		}
		if err == nil && wantErr == nil && short(got) != short(want) {
			t.Errorf("%s, but %s from a reader", short(want), short(got))
		}
	})
}

func FuzzUnmarshal(f *testing.F) {
	addCorpus(f)
	type inner struct {
		A int8
		B *inner
		C map[string]inner
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, dst := range []any{new(inner), new([]inner), new(map[string]any), new(recursive), new(tree), new([3]float32), new(*complex64)} {
			if err := pickle.Unmarshal(data, dst); err != nil {
				continue
			}
			if _, err := pickle.Marshal(dst); err != nil {
				var deep *pickle.DepthError
				var unhashable *pickle.UnhashableError
				if !errors.As(err, &deep) && !errors.As(err, &unhashable) {
					t.Errorf("%T %+v: %v", dst, dst, err)
				}
			}
		}
	})
}
