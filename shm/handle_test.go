package shm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// luggage has handles wherever an argument can have them.
type luggage struct {
	Value  *shm.Value[int64]
	Nil    *shm.Value[int64]
	Array  *shm.Array[float64]
	Nested struct{ Deep *shm.Value[b9] }
	List   []*shm.Value[int64]
	ByName map[string]*shm.Array[uint8]
	Inner  *luggage
}

// unpack changes all that the luggage names, and closes what it is told to.
var unpack = multiproc.Func("unpack", func(ctx context.Context, l luggage) (luggage, error) {
	if l.Nil != nil {
		return l, errors.New("nil became a handle")
	}
	shm.Add(l.Value, 1)
	l.Array.Set(0, l.Array.At(0)/2)
	err := l.Nested.Deep.Update(ctx, func(x *b9) error { x[8]++; return nil })
	for _, v := range l.List {
		v.Store(v.Load() * 10)
	}
	copy(l.ByName["a"].Slice(), "child")
	if l.Inner != nil {
		shm.Add(l.Inner.Value, 100)
		err = errors.Join(err, l.Inner.Value.Close())
	}
	return l, err
})

func TestHandlesInArguments(t *testing.T) {
	l := luggage{
		Value:  newValue(t, int64(41)),
		Array:  newArray[float64](t, 3),
		List:   []*shm.Value[int64]{newValue(t, int64(1)), newValue(t, int64(2))},
		ByName: map[string]*shm.Array[uint8]{"a": newArray[uint8](t, 5)},
		Inner:  &luggage{Value: newValue(t, int64(7))},
	}
	l.Nested.Deep = newValue(t, b9{8: 1})
	l.Array.Set(0, 5)
	c, err := unpack.Start(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	// The result has a handle that is closed, and so cannot be encoded.
	_, err = c.Result(modetest.Patient(t))
	if !errors.Is(err, shm.ErrClosed) || !strings.Contains(err.Error(), "result") {
		t.Errorf("a closed handle in a result: %v", err)
	}
	if l.Value.Load() != 42 || l.Array.At(0) != 2.5 || l.Nested.Deep.Load() != (b9{8: 2}) ||
		l.List[0].Load() != 10 || l.List[1].Load() != 20 || string(l.ByName["a"].Slice()) != "child" {
		t.Error("the child has changed something else")
	}
	// Closed by another process.
	wantClosed(t, "Value.Load", func() { l.Inner.Value.Load() })
	if err := l.Inner.Value.Close(); !errors.Is(err, shm.ErrClosed) {
		t.Errorf("Close after that of another process: %v", err)
	}
	if _, err := unpack.Start(t.Context(), l); !errors.Is(err, shm.ErrClosed) {
		t.Errorf("a closed handle in an argument: %v", err)
	}
}

func TestHandlesInResults(t *testing.T) {
	l := luggage{
		Value:  newValue(t, int64(0)),
		Array:  newArray[float64](t, 1),
		ByName: map[string]*shm.Array[uint8]{"a": newArray[uint8](t, 5)},
	}
	l.Nested.Deep = newValue(t, b9{})
	c, err := unpack.Start(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.Result(modetest.Patient(t))
	if err != nil {
		t.Fatal(err)
	}
	if !out.Value.Equal(l.Value) || !out.Array.Equal(l.Array) || !out.Nested.Deep.Equal(l.Nested.Deep) || !out.ByName["a"].Equal(l.ByName["a"]) {
		t.Error("a handle came back as another")
	}
	if shm.Add(out.Value, 1) != 2 || l.Value.Load() != 2 {
		t.Error("what came back names other memory")
	}
}

// makeOne makes a value that only its handle in the result can lead to.
var makeOne = multiproc.Func("makeOne", func(context.Context, multiproc.None) (*shm.Value[wide], error) {
	return shm.NewValue(wide{N: 5})
})

func TestValueOutlivesItsMaker(t *testing.T) {
	c, err := makeOne.Start(t.Context(), multiproc.None{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := c.Result(modetest.Patient(t))
	if err != nil {
		t.Fatal(err)
	}
	if v.Load().N != 5 {
		t.Errorf("it holds %v", v.Load())
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
}

const handleVariable = "SHM_TEST_HANDLE"

// fromEnvironment finds its handles in the environment.
var fromEnvironment = multiproc.Proc("fromEnvironment", func(ctx context.Context, _ multiproc.None) error {
	texts := strings.Fields(os.Getenv(handleVariable))
	if len(texts) != 2 {
		return fmt.Errorf("the environment has %q", texts)
	}
	var v shm.Value[int64]
	var a shm.Array[wide]
	if err := errors.Join(v.UnmarshalText([]byte(texts[0])), a.UnmarshalText([]byte(texts[1]))); err != nil {
		return err
	}
	shm.Add(&v, 1)
	return a.Update(ctx, 1, 2, func(part []wide) error { part[0].N++; return nil })
})

func TestHandlesInEnvironment(t *testing.T) {
	v, a := newValue(t, int64(1)), newArray[wide](t, 2)
	var texts [2][]byte
	var errs [2]error
	texts[0], errs[0] = v.MarshalText()
	texts[1], errs[1] = a.MarshalText()
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	word := string(bytes.Join(texts[:], []byte(" ")))
	run := func(t *testing.T, o multiproc.Options, want int64) {
		c, err := fromEnvironment.StartWith(t.Context(), multiproc.None{}, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(modetest.Patient(t)); err != nil {
			t.Fatal(err)
		}
		if v.Load() != want || a.At(1).N != want-1 || a.At(0).N != 0 {
			t.Errorf("%v, %v", v.Load(), a.Slice())
		}
	}
	t.Run("inherited", func(t *testing.T) {
		t.Setenv(handleVariable, word)
		run(t, multiproc.Options{}, 2)
	})
	t.Run("given", func(t *testing.T) {
		modetest.NeedProcess(t, "a goroutine has no environment of its own")
		run(t, multiproc.Options{Env: append(os.Environ(), handleVariable+"="+word)}, 3)
	})
}

// TestHandlesAsJSON: the text form serves wherever encoding.TextMarshaler does.
func TestHandlesAsJSON(t *testing.T) {
	type page struct {
		V    *shm.Value[bool]
		List []*shm.Array[int8]
		None *shm.Value[bool]
	}
	in := page{V: newValue(t, true), List: []*shm.Array[int8]{newArray[int8](t, 0)}}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out page
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	if !out.V.Equal(in.V) || !out.List[0].Equal(in.List[0]) || out.None != nil {
		t.Errorf("%s", b)
	}
}

func TestForeignHandle(t *testing.T) {
	text, err := modetest.Program(t, "handle").Output()
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.TrimSpace(text)
	var v shm.Value[int64]
	err = v.UnmarshalText(text)
	if e, ok := errors.AsType[*shm.HandleError](err); !ok || e.Err != shm.ErrForeign || e.Kind != "value" {
		t.Errorf("%s: %v", text, err)
	}
}

func TestWrongHandles(t *testing.T) {
	mu, err := psync.NewMutex()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mu.Close() })
	v, big, a := newValue(t, int64(3)), newValue(t, wide{}), newArray[int64](t, 3)
	type binary interface {
		MarshalBinary() ([]byte, error)
		MarshalText() ([]byte, error)
	}
	type target interface {
		UnmarshalBinary([]byte) error
		UnmarshalText([]byte) error
	}
	for name, test := range map[string]struct {
		from binary
		into target
		err  error // nil: it must succeed
	}{
		"same":                   {v, new(shm.Value[int64]), nil},
		"same layout":            {v, new(shm.Value[serial64]), nil},
		"same layout, array":     {a, new(shm.Array[serial64]), nil},
		"other sign":             {v, new(shm.Value[uint64]), shm.ErrKind},
		"other kind of number":   {v, new(shm.Value[float64]), shm.ErrKind},
		"smaller":                {v, new(shm.Value[int32]), shm.ErrKind},
		"larger":                 {v, new(shm.Value[[2]int64]), shm.ErrKind},
		"other struct":           {big, new(shm.Value[[6]int64]), shm.ErrKind},
		"other element":          {a, new(shm.Array[uint64]), shm.ErrKind},
		"smaller element":        {a, new(shm.Array[int8]), shm.ErrKind},
		"value for an array":     {v, new(shm.Array[int64]), shm.ErrKind},
		"array for a value":      {a, new(shm.Value[int64]), shm.ErrKind},
		"mutex for a value":      {mu, new(shm.Value[int64]), shm.ErrKind},
		"value for a mutex":      {v, new(psync.Mutex), shm.ErrKind},
		"array for a mutex":      {a, new(psync.Mutex), shm.ErrKind},
		"value into another one": {v, travel(t, newValue(t, int64(9))), nil},
	} {
		b, err := test.from.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if err := test.into.UnmarshalBinary(b); !errors.Is(err, test.err) || test.err == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, test.err)
		}
		text, err := test.from.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		// As a text it begins with its kind, so that a wrong one is no handle at all.
		err = test.into.UnmarshalText(text)
		if (err == nil) != (test.err == nil) || err != nil && !errors.Is(err, shm.ErrKind) && !errors.Is(err, shm.ErrHandle) {
			t.Errorf("%s, text: %v", name, err)
		}
	}
	if v.Load() != 3 {
		t.Errorf("the value has become %v", v.Load())
	}
}

type serial64 int64

// TestBrokenHandles: no spoilt byte or character is taken for a handle.
func TestBrokenHandles(t *testing.T) {
	v := newValue(t, int64(3))
	good, err := v.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		for _, flip := range []byte{1, 0x80, 0xff} {
			b := bytes.Clone(good)
			b[i] ^= flip
			w := newValue(t, int64(4))
			err := w.UnmarshalBinary(b)
			if _, ok := errors.AsType[*shm.HandleError](err); !ok {
				t.Errorf("byte %d ^ %#x: %v", i, flip, err)
			}
			if w.Load() != 4 {
				t.Errorf("byte %d ^ %#x: a failed decoding changed the handle", i, flip)
			}
			w.Close()
		}
		if err := new(shm.Value[int64]).UnmarshalBinary(good[:i]); !errors.Is(err, shm.ErrHandle) {
			t.Errorf("the first %d bytes: %v", i, err)
		}
	}
	text, err := v.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	for i := range text {
		for _, c := range []byte(" !AZz0-") {
			if b := bytes.Clone(text); b[i] != c {
				b[i] = c
				if err := new(shm.Value[int64]).UnmarshalText(b); !errors.Is(err, shm.ErrHandle) {
					t.Errorf("%q: %v", b, err)
				}
			}
		}
	}
	for _, s := range []string{"", ":", "value", "value:", " " + string(text), string(text) + "=", string(text) + "\n", strings.ToUpper(string(text))} {
		if err := new(shm.Value[int64]).UnmarshalText([]byte(s)); !errors.Is(err, shm.ErrHandle) {
			t.Errorf("%q: %v", s, err)
		}
	}
}
