package pickle_test

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/pickle"
)

// hostile has inputs of 1 KiB at most that are made to take time or memory, by what they try.
func hostile() map[string][]byte {
	const most = 1020
	fill := func(begin, unit, end string) []byte {
		return []byte(begin + strings.Repeat(unit, (most-len(begin)-len(end))/len(unit)) + end)
	}
	// doubled has n levels, each with two references to the level before.
	doubled := func(begin, pair string, n int) string { return begin + strings.Repeat(pair, n) }
	dags := map[string]string{
		"tuples":     doubled(")", "2\x86", 450),
		"lists":      doubled("]", "q\x000]q\x01(h\x00h\x00eq\x00", 70),
		"dicts":      doubled("}", "q\x000}K\x01h\x00sK\x02h\x00s", 70),
		"frozensets": doubled("(\x91", "q\x000(h\x00h\x00K\x01\x86\x91", 70),
		"both":       doubled(")", "q\x000(h\x00h\x00K\x01\x86\x91q\x000h\x00h\x00\x86", 45),
		"objects":    doubled("N", "q\x000cm\nC\nh\x00h\x00\x86R", 60),
		"states":     doubled("N", "q\x000cm\nC\n)Rh\x00h\x00\x86b", 60),
		"persistent": doubled("N", "2\x86Q", 300),
		"slices":     doubled("N", "q\x000cbuiltins\nslice\n(h\x00h\x00h\x00tR", 30),
	}
	m := map[string][]byte{
		"memo far":         []byte("]r\xff\xff\xff\xff."),
		"memo far in text": []byte("Np4611686018427387904\n."),
		"memo sparse":      fill("]", "r\xff\xff\xff\x7f", "."),
		"memo many":        fill("]", "\x94", "."),
		"memo of gaps":     fill("N", "q\x00q\x0fq\x1eq\x2d", "."),
		"marks":            fill("", "(", "N."),
		"dicts":            fill("(", "}", "t."),
		"sets":             fill("(", "\x8f", "t."),
		"objects":          fill("cm\nC\n\x94(", "h\x00)\x81", "t."),
		"long decimal":     fill("L", "9", "L\n."),
		"long long":        fill("\x8b\xf0\x03\x00\x00", "\x7f", "."),
		"longs shared":     append(fill("\x8b\x00\x02\x00\x00"+strings.Repeat("\x7f", 512)+"q\x000(", "h\x00", "t."), 0),
		"bytes shared":     fill("B\x00\x02\x00\x00"+strings.Repeat("b", 512)+"q\x000(", "h\x00", "t."),
		"bytearrays":       fill("B\x00\x02\x00\x00"+strings.Repeat("b", 512)+"\x85q\x000cbuiltins\nbytearray\nq\x010(", "h\x01h\x00R", "t."),
		"sets of one list": fill("]("+strings.Repeat("K\x01K\x02K\x03", 40)+"e\x85q\x000cbuiltins\nset\nq\x010(", "h\x01h\x00R", "t."),
		"huge range":       []byte("cbuiltins\nrange\n(K\x00\x8a\x20" + strings.Repeat("\x7f", 32) + "K\x01tR."),
		"huge ranges":      []byte("cbuiltins\nrange\n(K\x00\x8b\xe0\x03\x00\x00" + strings.Repeat("\x7f", 992) + "K\x01tR."),
		"names":            fill("cm\nC\n", "Vx\n\x86cbuiltins\ngetattr\nq\x000q\x010h\x00h\x01R", "."),
		"long name":        fill("cm\n"+strings.Repeat("n", 300)+"\nq\x000cbuiltins\ngetattr\nq\x01", "h\x00Vxxxxxxxx\n\x86Rq\x000h\x01", "."),
		"deep tuple":       fill("N", "\x85", "."),
		"deep list":        fill("", "]", strings.Repeat("a", 300)+"."),
		"deep persistent":  fill("N", "Q", "."),
		"itself":           []byte("]q\x00h\x00a."),
		"itself in tuple":  []byte("]q\x00h\x00\x85q\x01a0h\x01."),
		"itself as key":    []byte("}q\x00cm\nC\n)Rq\x01}q\x02(K\x00h\x01h\x01h\x00ubN0h\x01Ns."),
		"itself in args":   []byte("]q\x000cm\nC\nh\x00\x85Rq\x010h\x00h\x01a0h\x01."),
		"itself twice":     []byte("]q\x00(h\x00h\x00h\x00h\x00e."),
		"nans":             fill("}", "G\x7f\xf8\x00\x00\x00\x00\x00\x00Ns", "."),
		"alike":            fill("\x8fq\x00cm\nC\nq\x010(", "h\x01)\x81", "\x90."),
		"alike as keys":    fill("}cm\nC\nq\x010(", "h\x01)\x81N", "u."),
		"fill itself":      fill("]q\x00", "(h\x00h\x00h\x00e", "."),
		"empty appends":    fill("]", "(e", "."),
	}
	for name, data := range dags {
		m["shared "+name] = []byte(data + ".")
		m["shared key "+name] = []byte("}" + data + "Ns.")
		m["shared keys "+name] = []byte("\x8f(" + data + strings.Repeat("2K\x01\x86", 20) + "\x90.")
		m["shared item "+name] = []byte(data + strings.Repeat("2", 50) + ".")
	}
	return m
}

func TestHostile(t *testing.T) {
	for name, data := range hostile() {
		t.Run(name, func(t *testing.T) {
			if len(data) > 1100 {
				t.Errorf("%d bytes", len(data))
			}
			exercise(t, data)
		})
	}
}

// TestLargeHostile has inputs that are harmless when they are small. Each ends with a LimitError.
func TestLargeHostile(t *testing.T) {
	d := pickle.Decoder{Limits: pickle.Limits{Work: 1 << 20}}
	// A large tuple that is a key again and again, and equal ones by turns: hashing and comparing it is the cost.
	big := "(" + strings.Repeat("K\x01", 50_000) + "t"
	data := "}" + big + "q\x000" + big + "q\x010(" + strings.Repeat("h\x00Nh\x01N", 1000) + "u."
	_, err := d.DecodeBytes([]byte(data))
	wantLimit(t, err, "Work")
	// What takes long to hash costs more than one step: here there are 300,000 of them.
	for name, item := range map[string]string{
		"range": "cbuiltins\nrange\n(K\x00\x8b\x00\x02\x00\x00" + strings.Repeat("\x7f", 512) + "K\x07tRq\x00",
		"float": "G\x7f\xe0\x00\x00\x00\x00\x00\x00q\x00",
	} {
		t.Log(name)
		data := "\x8f" + item + "0(" + strings.Repeat("h\x00", 1000) + "tq\x010(" + strings.Repeat("h\x01", 300) + "\x90."
		_, err = d.DecodeBytes([]byte(data))
		wantLimit(t, err, "Work")
	}
	// Nans that are complex are no more one key than others, and do not have one hash.
	nan := "cbuiltins\ncomplex\nG\x7f\xf8\x00\x00\x00\x00\x00\x00G\x00\x00\x00\x00\x00\x00\x00\x00\x86R"
	few := pickle.Decoder{Limits: pickle.Limits{Work: 50_000}}
	set, err := few.DecodeBytes([]byte("\x8f(" + strings.Repeat(nan, 1000) + "\x90."))
	must(t, err)
	if n := set.(*pickle.Set).Len(); n != 1000 {
		t.Errorf("%d nans", n)
	}
	// Strings, too.
	long := "X\x40\x42\x0f\x00" + strings.Repeat("x", 1_000_000)
	data = "}" + long + "q\x000" + long + "q\x010(" + strings.Repeat("h\x00Nh\x01N", 1000) + "u."
	_, err = d.DecodeBytes([]byte(data))
	wantLimit(t, err, "Work")
	// Bytes from Latin-1, of which the last character is none.
	long = "X\x41\x42\x0f\x00" + strings.Repeat("x", 999_999) + "\xc4\x80"
	data = "c_codecs\nencode\nq\x00" + long + "Vlatin1\n\x86q\x010(" + strings.Repeat("h\x00h\x01R", 1000) + "t."
	_, err = pickle.Decode([]byte(data))
	wantLimit(t, err, "Memory")
	// One large int that is written many times, as it has no place in the memo, and taken into Go many times.
	data = "\x8b\x40\x42\x0f\x00" + strings.Repeat("\x7f", 1_000_000) + "q\x000(" + strings.Repeat("h\x00", 1000) + "t."
	v, err := pickle.Decode([]byte(data))
	must(t, err)
	e := pickle.Encoder{Protocol: 4, Limits: pickle.Limits{Output: 10 << 20}}
	_, err = e.Append(nil, v)
	wantLimit(t, err, "Output")
	unmarshal := func(data string, dst any) error {
		d := pickle.NewDecoder(strings.NewReader(data))
		d.Limits.Memory = 10 << 20
		return d.Decode(dst)
	}
	wantLimit(t, unmarshal(data, new([]*bigInt)), "Memory")
	// The same with bytes, and with a tuple that becomes arrays.
	data = "B\x40\x42\x0f\x00" + strings.Repeat("b", 1_000_000) + "q\x000(" + strings.Repeat("h\x00", 1000) + "t."
	wantLimit(t, unmarshal(data, new([][]byte)), "Memory")
	data = "(" + strings.Repeat("K\x01", 1000) + "tq\x000(" + strings.Repeat("h\x00", 10_000) + "t."
	wantLimit(t, unmarshal(data, new([][1000]int)), "Memory")
	// Names.
	name := strings.Repeat("n", 5000)
	if _, err = pickle.Decode([]byte("cm\n" + name + "\n.")); !errors.Is(err, pickle.ErrSyntax) {
		t.Error(err)
	}
}

type bigInt = big.Int

func wantLimit(t *testing.T, err error, budget string) {
	t.Helper()
	var limit *pickle.LimitError
	if !errors.As(err, &limit) || limit.Budget != budget {
		t.Errorf("%.200v, want a LimitError for %s", err, budget)
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		budget string
		limits pickle.Limits
		data   string
		ok     string // just within
	}{
		{"Bytes", pickle.Limits{Bytes: 10}, "(NNNNNNNNt.", "(NNNNNNNt."},
		{"Nodes", pickle.Limits{Nodes: 10}, "(NNNNNNNNNNt.", "(NNNNNNNNNt."},
		{"Depth", pickle.Limits{Depth: 3}, ")\x85\x85\x85.", ")\x85NN\x87."},
		{"Depth", pickle.Limits{Depth: 3}, ")\x85\x85\x85q\x00h\x00h\x00h\x00\x87.", ")\x85q\x00h\x00h\x00\x87."},
		{"Depth", pickle.Limits{Depth: 3}, "]q\x00]]]aaaN0h\x00a.", "]q\x00]]aaN0h\x00a."},
		{"Depth", pickle.Limits{Depth: 3}, "]q\x00]q\x01]q\x02]q\x0300h\x02h\x03a0h\x01h\x02a0h\x00h\x01a.", "]q\x00]q\x01]q\x0200h\x01h\x02a0h\x00h\x01ah\x00a."},
		{"Depth", pickle.Limits{Depth: 2}, "cm\nC\n))\x85\x85\x85R.", "cm\nC\n)RNNN00."},
		{"Memory", pickle.Limits{Memory: 1000}, "(" + strings.Repeat("}", 20) + "t.", "(}t."},
		{"Memory", pickle.Limits{Memory: 1000}, strings.Repeat("(", 100) + "N.", "(((N."},
		{"Memory", pickle.Limits{Memory: 1000}, "N" + strings.Repeat("\x94", 100) + ".", "N\x94\x94."},
		{"Memory", pickle.Limits{Memory: 1000}, "]" + strings.Repeat("(NNNNe", 100) + ".", "](NNNNe."},
		{"Work", pickle.Limits{Work: 10}, "}(" + strings.Repeat("K\x01N", 20) + "u.", "}K\x01Ns."},
		{"Work", pickle.Limits{Work: 10}, "\x8f((NNNNNNNNNNNt\x90.", "\x8f((NNNNt\x90."},
		{"Digits", pickle.Limits{Digits: 20}, "L123456789012345678901L\n.", "L12345678901234567890L\n."},
	} {
		d := pickle.Decoder{Limits: c.limits}
		_, err := d.DecodeBytes([]byte(c.data))
		wantLimit(t, err, c.budget)
		if v, err := d.DecodeBytes([]byte(c.ok)); err != nil {
			t.Errorf("%+v, %q: %v, %v", c.limits, c.ok, v, err)
		}
		if c.budget == "Bytes" {
			r := pickle.NewDecoder(strings.NewReader(c.data))
			r.Limits = c.limits
			_, err := r.DecodeValue()
			wantLimit(t, err, c.budget)
			_, again := r.DecodeValue()
			wantLimit(t, again, c.budget)
		}
	}
	unlimited := pickle.Decoder{Limits: pickle.Limits{Bytes: -1, Nodes: -1, Depth: -1, Memory: -1, Work: -1, Digits: -1}}
	deep := strings.Repeat("]", 50_000) + strings.Repeat("a", 49_999) + "."
	v, err := unlimited.DecodeBytes([]byte(deep))
	if err != nil {
		t.Fatal(err)
	}
	_, err = pickle.Decode([]byte(deep))
	wantLimit(t, err, "Depth")
	_, err = pickle.Append(nil, v, 4)
	wantLimit(t, err, "Depth")
	e := pickle.Encoder{Protocol: 2, Limits: pickle.Limits{Depth: -1}}
	if _, err := e.Append(nil, v); err != nil {
		t.Error(err)
	}
	_, err = pickle.AppendRepr(nil, v, 0)
	wantDepth(t, err)
	_, err = pickle.Equal(v, pickle.NewList(v))
	wantDepth(t, err)

	e = pickle.Encoder{Protocol: 4, Limits: pickle.Limits{Output: 100}}
	dst := []byte("before")
	for _, v := range []any{strings.Repeat("x", 200), pickle.NewList(make([]any, 200)...), new(big.Int).Lsh(big.NewInt(1), 2000)} {
		out, err := e.Append(dst, v)
		wantLimit(t, err, "Output")
		if string(out) != "before" {
			t.Errorf("%q", out)
		}
	}
	_, err = pickle.Append(nil, new(big.Int).Lsh(big.NewInt(1), 20000), 1)
	wantLimit(t, err, "Digits")
	_, err = pickle.AppendRepr(nil, new(big.Int).Lsh(big.NewInt(1), 20000), 0)
	wantLimit(t, err, "Digits")
	text, err := pickle.AppendRepr(nil, pickle.NewList(make([]any, 200)...), 50)
	wantLimit(t, err, "Output")
	if len(text) != 50 {
		t.Errorf("%d bytes", len(text))
	}
}

func wantDepth(t *testing.T, err error) {
	t.Helper()
	var deep *pickle.DepthError
	if !errors.As(err, &deep) || !strings.HasPrefix(err.Error(), "maximum recursion depth exceeded ") {
		t.Errorf("%v, want a DepthError", err)
	}
}

func TestDefaultsOfLimits(t *testing.T) {
	// 10,000 levels are all right, one more is not.
	for n, ok := range map[int]bool{10_000: true, 10_001: false} {
		_, err := pickle.Decode([]byte(strings.Repeat("]", n) + strings.Repeat("a", n-1) + "."))
		if (err == nil) != ok {
			t.Errorf("%d levels: %v", n, err)
		}
	}
	_, err := pickle.Decode([]byte("L" + strings.Repeat("9", 4301) + "L\n."))
	wantLimit(t, err, "Digits")
	// 4300 digits are all right, either way, a sign is none of them, and one more is not.
	large := new(big.Int).Exp(big.NewInt(10), big.NewInt(4300), nil)
	_, err = pickle.Append(nil, large, 0)
	wantLimit(t, err, "Digits")
	_, err = pickle.AppendRepr(nil, large, 0)
	wantLimit(t, err, "Digits")
	large.Neg(large.Sub(large, big.NewInt(1)))
	data, err := pickle.Append(nil, large, 0)
	must(t, err)
	v, err := pickle.Decode(data)
	must(t, err)
	if got := pickle.Repr(v); got != "-"+strings.Repeat("9", 4300) {
		t.Error(got)
	}
	if got := fmt.Sprint(&pickle.LimitError{Budget: "Nodes", Limit: 5}); got != "pickle: over the limit of 5 for Nodes" {
		t.Error(got)
	}
}

// TestWideAndShared: of many references to one wide container each is looked at, but not each time all that is in
// it: that would be a day for this message of 600 KB.
func TestWideAndShared(t *testing.T) {
	const n = 200_000
	message := "\x80\x04](" + "(" + strings.Repeat("N", n) + "t\x94" + strings.Repeat("h\x00", n) + "e."
	v, err := pickle.Decode([]byte(message))
	if err != nil {
		t.Fatal(err)
	}
	items := v.(*pickle.List).Items
	if len(items) != n+1 || items[n] != items[0] || len(items[0].(*pickle.Tuple).Items) != n {
		t.Fatalf("%d items", len(items))
	}
}

// TestDepthCheckIsSmall: to find out how deep a wide message is takes no memory beside it.
func TestDepthCheckIsSmall(t *testing.T) {
	for name, data := range map[string]string{
		"tree":   "(" + strings.Repeat("]", 200_000) + "t.",
		"cycle":  "](]q\x00h\x00a" + strings.Repeat("]", 200_000) + "e.",
		"shared": "(" + strings.Repeat("]22222", 40_000) + "t.",
	} {
		decode := func(depth int64) uint64 {
			d := pickle.Decoder{Limits: pickle.Limits{Depth: depth}}
			return allocated(func() {
				_, err := d.DecodeBytes([]byte(data))
				must(t, err)
			})
		}
		without := decode(-1)
		if with := decode(0); with > without+without/4 {
			t.Errorf("%s: %d bytes, and %d without the check", name, with, without)
		}
	}
}
