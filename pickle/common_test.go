package pickle_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/pickle"
)

// sameUncommon fails the test if the short way for common opcodes gives another graph or another error, or takes more or less
// of a limit.
func sameUncommon(t *testing.T, data []byte) {
	t.Helper()
	for _, limits := range []pickle.Limits{{}, {Nodes: 20}, {Nodes: 40, Memory: 2500}, {Memory: 4000, Bytes: 100}} {
		d := pickle.Decoder{Limits: limits}
		want, wantErr := pickle.DecodeUncommon(&d, data)
		got, err := d.DecodeBytes(data)
		if fmt.Sprint(err) != fmt.Sprint(wantErr) || short(got) != short(want) {
			t.Fatalf("%+v: %s, %v, but %s, %v without the short way", limits, short(got), err, short(want), wantErr)
		}
		// What is shared, too.
		wantOut, wantErr := pickle.Append(nil, want, 4)
		out, err := pickle.Append(nil, got, 4)
		if fmt.Sprint(err) != fmt.Sprint(wantErr) || !bytes.Equal(out, wantOut) {
			t.Fatalf("%+v: encoded as %.1000q, %v, but %.1000q, %v without the short way", limits, out, err, wantOut, wantErr)
		}
	}
}

// TestCommon cuts the operands of common opcodes short, and has what is unusual about each.
func TestCommon(t *testing.T) {
	for _, whole := range []string{
		"\x80\x04\x95\x29\x00\x00\x00\x00\x00\x00\x00(\x8c\x0c7f00abcdef01\x94\x8c\x0b__getitem__\x94\x8c\x01a\x94\x85\x94}\x94t\x94.",
		"\x80\x06N.",                             // a protocol that there is not
		"\x95\xff\xff\xff\xff\xff\xff\xff\xffN.", // a frame that is too long
		"(K\xffM\xff\x00M\xff\xffJ\x00\x00\x00\x80G\x3f\xf0\x00\x00\x00\x00\x00\x00N\x88\x89)]}t.",
		"(\x8c\x00\x8c\x02\xc3\xa9\x8c\x03\xed\xa0\x80\x8c\x08abcdefg\xc3t.", // empty, not ASCII, a surrogate, half a rune
		"(\x8c\x07abcdefg\x8c\x08abcdefgh\x8c\x09abcdefghi\x8c\x07abcd\xc3\xa9g\x8c\x09abcdefg\xc3\xa9t.",
		"\x94.", "(\x94t.", "(t.", "t.", "\x85.", "N(\x85t.", "NN\x87.", "NNN\x87.", // too few values
		"Nq\x00q\x01q\x03\x94h\x02.", "Nq\x00q\x01q\x03\x94h\x03.", "Nr\xff\xff\xff\x7f\x94h\x01.", "h\x00.", // gaps in the memo
		"]\x94h\x00a.", "(K\x01K\x02\x86\x94h\x01h\x01t.", // in itself, shared
		"(" + strings.Repeat("N", 63) + "t.", "(" + strings.Repeat("N", 64) + "t.", "(" + strings.Repeat("N", 65) + "t.",
		"(\x8c\x01a\x8c\x01b\x8c\x01c\x8c\x01d\x8c\x01e\x8c\x01ft.",
		"(C\x01a\x8c\x01bX\x01\x00\x00\x00cU\x01dVe\n\x8c\x01ft.", // the kinds of strings by turns
		"(" + strings.Repeat("\x8c\x7f"+strings.Repeat("s", 127)+"\x8c\x80"+strings.Repeat("s", 128)+"\x8c\x81"+strings.Repeat("s", 129), 5) + "t.",
	} {
		for n := range len(whole) + 1 {
			if n > 80 && n < len(whole)-10 {
				continue
			}
			data := []byte(whole[:n])
			sameUncommon(t, data)
			sameUncommon(t, append(data, '.'))
		}
	}
	// Messages of every size near those at which the copy of a message changes its form.
	for n := range 1100 {
		var items []any
		for i := 0; i < n; i += 20 {
			items = append(items, strings.Repeat("x", min(20, n-i)), int64(i)*1000, float64(i))
		}
		data, err := pickle.Append(nil, pickle.NewTuple(items...), 4)
		if err != nil {
			t.Fatal(err)
		}
		sameUncommon(t, data)
	}
}

// TestCommonKeepsNothing: strings have memory of their own.
func TestCommonKeepsNothing(t *testing.T) {
	for _, text := range []string{"a", strings.Repeat("b", 30), strings.Repeat("c", 60), strings.Repeat("d", 100), strings.Repeat("e", 250)} {
		data, err := pickle.Append(nil, pickle.NewTuple(text, text+text), 4)
		if err != nil {
			t.Fatal(err)
		}
		v, err := pickle.Decode(data)
		clear(data)
		if items := v.(*pickle.Tuple).Items; err != nil || items[0] != text || items[1] != text+text {
			t.Errorf("%v, %v", items, err)
		}
	}
}

// TestRequestAllocations: a request is a copy of it with the boxes of its strings, two tuples and a dict.
func TestRequestAllocations(t *testing.T) {
	data, err := pickle.Append(nil, pickle.NewTuple("7f2c6b0a8d10", "__getitem__", pickle.NewTuple("a"), pickle.NewDict()), 4)
	if err != nil {
		t.Fatal(err)
	}
	var d pickle.Decoder
	if n := testing.AllocsPerRun(100, func() {
		if _, err := d.DecodeBytes(data); err != nil {
			t.Fatal(err)
		}
	}); n > 4 {
		t.Errorf("%v allocations", n)
	}
}
