package handoff

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

func roundTrip[T any](t *testing.T, in T) T {
	t.Helper()
	p, err := Encode(in)
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	var out T
	if _, err := Decode(p, &out, nil); err != nil {
		t.Fatalf("decode: %v", err)
	}
	return out
}

func mustKeep[T any](t *testing.T, in T) {
	t.Helper()
	if out := roundTrip(t, in); !reflect.DeepEqual(in, out) {
		t.Errorf("%T: sent %#v, got %#v", in, in, out)
	}
}

type nest struct {
	Lists [][]string
	Maps  map[string]map[int8][]byte
	Ptr   *struct{ In []int }
	*Embedded
	Arr [2]struct{ S []bool }
}

func TestKeeps(t *testing.T) {
	mustKeep(t, struct{}{})
	mustKeep(t, []int(nil))
	mustKeep(t, []int{})
	mustKeep(t, []byte(nil))
	mustKeep(t, []byte{})
	mustKeep(t, map[string]int(nil))
	mustKeep(t, map[string]int{})
	mustKeep(t, nest{})
	mustKeep(t, nest{
		Lists:    [][]string{nil, {}, {"", "a"}},
		Maps:     map[string]map[int8][]byte{"nil": nil, "empty": {}, "x": {-128: nil, 127: {}, 0: {0}}},
		Ptr:      &struct{ In []int }{In: []int{}},
		Embedded: &Embedded{},
		Arr:      [2]struct{ S []bool }{{nil}, {[]bool{}}},
	})
	mustKeep(t, []string{"\xff\xfe", "a\x00b", strings.Repeat("\x80", 300)})
	mustKeep(t, map[string]string{"\xff": "\xc0", "\xfe": ""})
	mustKeep(t, []int64{math.MinInt64, -1, 0, math.MaxInt64})
	mustKeep(t, []uint64{0, math.MaxInt64 + 1, math.MaxUint64})
	mustKeep(t, []int8{-128, 127})
	mustKeep(t, [3]byte{1, 2, 3})
	mustKeep(t, map[keyStruct]point{{A: "x", B: [2]int8{1, -1}}: {1, 2}, {}: {}})
	mustKeep(t, map[[2]float64]string{{1, 2}: "x"})
	mustKeep(t, map[[16]byte]bool{{1}: true})
	mustKeep(t, map[netip.Addr]int{netip.MustParseAddr("::1%lo"): 1, {}: 2})
	mustKeep(t, fieldsByName{A: 1, B: 2})
	mustKeep(t, &list{1, &list{2, nil}})
	mustKeep(t, slices2{nil, {}, {{}}})
	mustKeep(t, tree{"a": nil, "b": {}, "c": {"d": {}}})
	mustKeep(t, []*big.Int{nil, big.NewInt(-5), new(big.Int).Lsh(big.NewInt(-3), 200)})
	mustKeep(t, (*point)(nil))
	mustKeep(t, []time.Duration{-1, math.MaxInt64})
	mustKeep(t, struct {
		_ struct{} `cbor:",toarray"`
		A []int    `cbor:",omitempty"`
		B string
	}{A: []int{}, B: "b"})
}

func TestKeepsFloats(t *testing.T) {
	in := []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.MaxFloat64,
		math.SmallestNonzeroFloat64, math.NaN(), math.Float64frombits(0x7ff0000000000123), math.Float64frombits(0xfff8dead0000beef)}
	for i, out := range roundTrip(t, in) {
		if math.Float64bits(out) != math.Float64bits(in[i]) {
			t.Errorf("%x became %x", math.Float64bits(in[i]), math.Float64bits(out))
		}
	}
	in32 := []float32{0, float32(math.Copysign(0, -1)), math.MaxFloat32, 0.1, math.Float32frombits(0x7fc12345)}
	for i, out := range roundTrip(t, in32) {
		if math.Float32bits(out) != math.Float32bits(in32[i]) {
			t.Errorf("%x became %x", math.Float32bits(in32[i]), math.Float32bits(out))
		}
	}
	if out := roundTrip(t, map[float64]int{math.NaN(): 1}); len(out) != 1 {
		t.Errorf("map with NaN became %v", out)
	}
}

func TestKeepsTimes(t *testing.T) {
	for _, in := range []time.Time{
		{},
		time.Unix(0, 0).UTC(),
		time.Date(2024, 2, 29, 23, 59, 59, 123456789, time.FixedZone("", 5*3600+45*60)),
		time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.FixedZone("", -23*3600-59*60)),
		time.Date(1969, 12, 31, 23, 59, 59, 1, time.UTC),
		time.Now(),
	} {
		for _, out := range []time.Time{
			roundTrip(t, in),
			roundTrip(t, []time.Time{in})[0],
			roundTrip(t, map[string]justTime{"": {in}})[""].Time,
		} {
			_, wantOffset := in.Zone()
			if _, offset := out.Zone(); !out.Equal(in) || offset != wantOffset {
				t.Errorf("%v became %v", in, out)
			}
		}
	}
}

func TestLarge(t *testing.T) {
	big := make([]byte, 64<<20)
	for i := range big {
		big[i] = byte(i * 7)
	}
	in := struct {
		Data []byte
		Tail string
	}{big, "end"}
	out := roundTrip(t, in)
	if !bytes.Equal(out.Data, big) || out.Tail != "end" {
		t.Error("64 MiB did not arrive")
	}
	mustKeep(t, make([]int, 200_000))
	many := map[int]bool{}
	for i := range 200_000 {
		many[i] = true
	}
	mustKeep(t, many)
}

// TestRandomValues sends random values of random types.
func TestRandomValues(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	g := &generator{rand.New(rand.NewPCG(seed, 0))}
	for i := range 2000 {
		typ := g.typ(4)
		if err := Check(typ); err != nil {
			t.Fatalf("case %d: %v", i, err)
		}
		in := g.value(typ, 12)
		p, err := Encode(in.Interface())
		if err != nil {
			t.Fatalf("case %d: %v", i, err)
		}
		out := reflect.New(typ)
		if _, err := Decode(p, out.Interface(), nil); err != nil {
			t.Fatalf("case %d: %v", i, err)
		}
		if !reflect.DeepEqual(in.Interface(), out.Elem().Interface()) {
			t.Fatalf("case %d: %v: sent %#v, got %#v", i, typ, in, out.Elem())
		}
	}
}

type generator struct{ *rand.Rand }

var scalars = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int64](),
	reflect.TypeFor[uint16](), reflect.TypeFor[uint64](), reflect.TypeFor[float32](), reflect.TypeFor[float64](),
	reflect.TypeFor[string](), reflect.TypeFor[[]byte](), reflect.TypeFor[[5]byte](), reflect.TypeFor[Embedded](),
	reflect.TypeFor[*list](), reflect.TypeFor[tree](),
}

func (g *generator) typ(depth int) reflect.Type {
	if depth == 0 {
		return scalars[g.IntN(len(scalars))]
	}
	switch g.IntN(7) {
	case 0:
		return reflect.SliceOf(g.typ(depth - 1))
	case 1:
		return reflect.ArrayOf(g.IntN(4), g.typ(depth-1))
	case 2:
		key := scalars[1+g.IntN(5)]
		if g.IntN(2) == 0 {
			key = reflect.TypeFor[string]()
		}
		return reflect.MapOf(key, g.typ(depth-1))
	case 3:
		t := g.typ(depth - 1)
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
			t = scalars[g.IntN(9)]
		}
		return reflect.PointerTo(t)
	case 4, 5:
		var fields []reflect.StructField
		for i := range g.IntN(6) {
			f := reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: g.typ(depth - 1)}
			switch g.IntN(8) {
			case 0:
				f.Tag = `cbor:",omitzero"`
			case 1:
				f.Tag = reflect.StructTag(fmt.Sprintf(`json:"f%d"`, i))
			case 2:
				f.Tag = reflect.StructTag(fmt.Sprintf(`cbor:"%d,keyasint"`, i-2))
			}
			fields = append(fields, f)
		}
		return reflect.StructOf(fields)
	}
	return g.typ(0)
}

// value returns a random value of t. budget shrinks with the depth, so that
// values of recursive types end.
func (g *generator) value(t reflect.Type, budget int) reflect.Value {
	v := reflect.New(t).Elem()
	switch t.Kind() {
	case reflect.Bool:
		v.SetBool(g.IntN(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(g.Uint64() >> g.IntN(64) << (64 - t.Bits()) >> (64 - t.Bits())))
		if g.IntN(2) == 0 {
			v.SetInt(-v.Int())
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(g.Uint64() >> (64 - t.Bits()))
	case reflect.Float32:
		v.SetFloat(float64(g.Float32()) * math.Pow(2, float64(g.IntN(60)-30)))
	case reflect.Float64:
		v.SetFloat(g.NormFloat64() * math.Pow(2, float64(g.IntN(2000)-1000)))
	case reflect.String:
		b := make([]byte, g.IntN(30))
		for i := range b {
			b[i] = byte(g.Uint32())
		}
		v.SetString(string(b))
	case reflect.Pointer:
		if budget > 0 && g.IntN(4) > 0 {
			v.Set(reflect.New(t.Elem()))
			v.Elem().Set(g.value(t.Elem(), budget-1))
		}
	case reflect.Slice:
		if budget > 0 && g.IntN(4) > 0 {
			n := g.IntN(budget)
			v.Set(reflect.MakeSlice(t, n, n))
			for i := range n {
				v.Index(i).Set(g.value(t.Elem(), budget/2))
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).Set(g.value(t.Elem(), budget/2))
		}
	case reflect.Map:
		if budget > 0 && g.IntN(4) > 0 {
			v.Set(reflect.MakeMap(t))
			for range g.IntN(budget) {
				v.SetMapIndex(g.value(t.Key(), 0), g.value(t.Elem(), budget/2))
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			v.Field(i).Set(g.value(t.Field(i).Type, budget/2))
		}
	default:
		panic("no random value of " + t.String())
	}
	return v
}

func TestDecodeForgetsOldContent(t *testing.T) {
	type all struct {
		When time.Time
		M    map[string]int
		S    []int
		P    *int
	}
	p, err := Encode(all{M: map[string]int{"b": 2}})
	if err != nil {
		t.Fatal(err)
	}
	one := 1
	into := all{time.Now(), map[string]int{"a": 1}, []int{1}, &one}
	if _, err := Decode(p, &into, nil); err != nil {
		t.Fatal(err)
	}
	if want := (all{M: map[string]int{"b": 2}}); !reflect.DeepEqual(into, want) {
		t.Errorf("got %+v", into)
	}
}

type base struct {
	At   time.Time
	Addr netip.Addr
	In   []int
}

// Fields of an unexported embedded struct are settable, with or without methods.
func TestKeepsUnexportedEmbedded(t *testing.T) {
	mustKeep(t, []struct {
		base
		N int
	}{{base{time.Unix(9, 9).UTC(), netip.MustParseAddr("10.0.0.1"), []int{}}, 1}, {}})
}
