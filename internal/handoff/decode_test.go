package handoff

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

// everything has a field of each kind that the decoder treats differently.
type everything struct {
	Bool    bool
	Int     int8
	Uint    uint64
	Float   float32
	Text    string
	Bytes   []byte
	Array   [3]byte
	Numbers []int
	Map     map[string]int
	Keys    map[keyStruct]*point
	When    time.Time
	Huge    *big.Int
	List    *list
	Tree    tree
	Handle  *handle
	Handles []*handle
	*Embedded
}

func sampleEverything() everything {
	return everything{
		Bool: true, Int: -3, Uint: 1 << 63, Float: 1.5, Text: "text\xff", Bytes: []byte{1, 2}, Array: [3]byte{7, 8, 9},
		Numbers: []int{1, -2}, Map: map[string]int{"a": 1}, Keys: map[keyStruct]*point{{A: "k"}: {1, 2}},
		When: time.Unix(1e9, 5).UTC(), Huge: new(big.Int).Lsh(big.NewInt(1), 80), List: &list{1, &list{2, nil}},
		Tree: tree{"x": {"y": nil}}, Handle: &handle{id: 1}, Handles: []*handle{nil, {id: 2}}, Embedded: &Embedded{1, 2},
	}
}

func unhex(t *testing.T, s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDecodeRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		into any
		hex  string
	}{
		{"nothing", new(int), ""},
		{"trailing byte", new(int), "00 00"},
		{"two items", new(point), "a0 a0"},
		{"unknown field", new(point), "a1 61 5a 01"},
		{"field in another case", new(point), "a1 61 78 01"},
		{"field name as bytes", new(point), "a1 41 58 01"},
		{"field twice", new(point), "a2 61 58 01 61 58 02"},
		{"key twice", new(map[string]int), "a2 61 61 01 61 61 02"},
		{"overflow", new(int8), "18 80"},
		{"negative", new(uint), "20"},
		{"text for int", new(int), "61 31"},
		{"int for text", new(string), "01"},
		{"bytes for text", new(string), "41 31"},
		{"map for slice", new([]int), "a0"},
		{"array for struct", new(point), "82 01 02"},
		{"indefinite array", new([]int), "9f 01 ff"},
		{"indefinite text", new(string), "7f 61 61 ff"},
		{"break", new(int), "ff"},
		{"reserved head", new(int), "1c"},
		{"truncated array", new([]int), "82 01"},
		{"truncated text", new(string), "62 61"},
		{"bad time", new(time.Time), "61 61"},
		{"handle refuses", new(*handle), "41 00"},
		{"tag on nothing", new(int), "c2"},
		{"too deep", new(tree), strings.Repeat("a16161", MaxDepth) + "a0"},
		{"too deep, unknown field", new(point), "a1 61 58" + strings.Repeat("81", MaxDepth) + "00"},
		{"many tags", new(int), strings.Repeat("d9d9f7", MaxDepth+2) + "00"},
	} {
		_, err := Decode(Payload{Data: unhex(t, tt.hex)}, tt.into, nil)
		var decodeErr *DecodeError
		if !errors.As(err, &decodeErr) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if got := reflect.ValueOf(tt.into).Elem(); !got.IsZero() {
			t.Errorf("%s: the target is %v", tt.name, got)
		}
		if errors.Is(err, io.EOF) {
			t.Errorf("%s: io.EOF would be taken for a clean end", tt.name)
		}
	}
	var typeErr *TypeError
	if _, err := Decode(Payload{Data: []byte{0}}, new(any), nil); !errors.As(err, &typeErr) {
		t.Errorf("a bare interface as target: %v", err)
	}
	mustPanic(t, "non-pointer", func() { Decode(Payload{}, 1, nil) })
	mustPanic(t, "nil pointer", func() { Decode(Payload{}, (*int)(nil), nil) })
}

func mustPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s: no panic", what)
		}
	}()
	f()
}

func TestTruncated(t *testing.T) {
	p, err := Encode(sampleEverything())
	if err != nil {
		t.Fatal(err)
	}
	for n := range p.Data {
		_, err := Decode(Payload{Data: p.Data[:n]}, new(everything), nil)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d of %d bytes: %v", n, len(p.Data), err)
		}
	}
}

// Every single-byte change is an error or another value, and never a panic.
func TestDamaged(t *testing.T) {
	p, err := Encode(sampleEverything())
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.Data {
		for bit := range 8 {
			data := bytes.Clone(p.Data)
			data[i] ^= 1 << bit
			decodeHostile(t, data)
		}
	}
}

// A short input that claims to be long costs no memory.
func TestNoTrustInLengths(t *testing.T) {
	inputs := []string{
		"9a 7fffffff", "9b 00000000 7fffffff", "9b ffffffff ffffffff", "9b 7fffffff ffffffff",
		"ba 7fffffff", "bb 00000000 7fffffff", "bb ffffffff ffffffff",
		"5a ffffffff", "5b 00000010 00000000", "5b ffffffff ffffffff", "7b 7fffffff ffffffff",
		"c2 5b 00000010 00000000", "81 9a 7fffffff", "a1 9a 7fffffff",
	}
	targets := []func() any{
		func() any { return new([]int) }, func() any { return new([][1 << 10]int) },
		func() any { return new(map[string]int) }, func() any { return new([]byte) },
		func() any { return new(string) }, func() any { return new(big.Int) }, func() any { return new(everything) },
		func() any { return new([]struct{}) },
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, in := range inputs {
		for _, target := range targets {
			if _, err := Decode(Payload{Data: unhex(t, in)}, target(), nil); err == nil {
				t.Errorf("%s decodes", in)
			}
		}
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
		t.Errorf("%d small inputs cost %d bytes", len(inputs)*len(targets), got)
	}
}

// decodeHostile decodes data into the types it might be meant for. What
// decodes must also encode, to the same value again.
func decodeHostile(t *testing.T, data []byte) {
	for _, into := range []any{new(everything), new(handles), new(WireError), new(slices2), new([]*file), new([]time.Time), new(map[float64]string)} {
		_, err := decode(Payload{Data: data}, into, nil, true)
		var decodeErr *DecodeError
		if err != nil {
			if !errors.As(err, &decodeErr) {
				t.Fatalf("%T: %v", into, err)
			}
			continue
		}
		v := reflect.ValueOf(into).Elem()
		p, err := Encode(v.Interface())
		if err != nil {
			var valueErr *ValueError
			if !errors.As(err, &valueErr) { // times that only a foreign encoder writes
				t.Fatalf("%T: decoded and does not encode: %v", into, err)
			}
			continue
		}
		again := reflect.New(v.Type())
		if _, err := decode(p, again.Interface(), nil, true); err != nil {
			t.Fatalf("%T: its own encoding does not decode: %v", into, err)
		}
		// Not DeepEqual: NaN, and times whose zone pointers differ.
		if p2, err := Encode(again.Elem().Interface()); err != nil || len(p2.Data) != len(p.Data) {
			t.Fatalf("%T: the second encoding differs: %x, %x, %v", into, p.Data, p2.Data, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, v := range []any{sampleEverything(), everything{}, sampleHandles(), EncodeError(io.EOF), slices2{nil, {}},
		[]time.Time{{}, time.Unix(1, 1)}, map[float64]string{1: "a"}} {
		p, err := Encode(v)
		if err != nil {
			f.Fatal(err)
		}
		if len(p.Data) < 1<<12 {
			f.Add(p.Data)
		}
	}
	f.Fuzz(decodeHostile)
}

func ExampleCheck() {
	type task struct {
		Name string
		Done func()
	}
	fmt.Println(Check(reflect.TypeFor[task]()))
	// Output: multiproc: cannot hand over task.Done (func()): a function cannot leave its process: name an entry instead
}
