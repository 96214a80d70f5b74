package family

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/internal/layout"
)

var (
	mutex = Shape{Kind: layout.KindMutex, Bytes: 8}
	value = Shape{Kind: layout.KindValue, Type: 7, Bytes: 24}
)

func newRef(t *testing.T, s Shape) Ref {
	t.Helper()
	r, err := NewRef(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(nil) })
	return r
}

func TestHandleTravels(t *testing.T) {
	r := newRef(t, value)
	b, err := r.AppendBinary(nil, value)
	if err != nil || len(b) != refBytes {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	if o, err := DecodeBinary(b, value); err != nil || !o.Equal(&r) {
		t.Errorf("binary: %v, equal: %v", err, o.Equal(&r))
	}
	text, err := r.AppendText(nil, value)
	if err != nil || !strings.HasPrefix(string(text), "value:") {
		t.Fatalf("%q, %v", text, err)
	}
	if o, err := DecodeText(text, value); err != nil || !o.Equal(&r) {
		t.Errorf("text: %v, equal: %v", err, o.Equal(&r))
	}
}

// resum gives spoilt bytes a good checksum, so that the next check sees them.
func resum(b []byte) []byte {
	binary.LittleEndian.PutUint32(b[refBytes-4:], crc32.Checksum(b[:refBytes-4], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

func TestHandleRefused(t *testing.T) {
	r := newRef(t, value)
	good, err := r.AppendBinary(nil, value)
	if err != nil {
		t.Fatal(err)
	}
	spoil := func(f func(b []byte)) []byte {
		b := append([]byte(nil), good...)
		f(b)
		return resum(b)
	}
	offset := func(off uint64) []byte {
		return spoil(func(b []byte) { binary.LittleEndian.PutUint64(b[20:], off) })
	}
	closed := newRef(t, value)
	stale, err := closed.AppendBinary(nil, value)
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(nil); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		b    []byte
		s    Shape
		want error
	}{
		"empty":             {nil, value, ErrHandle},
		"short":             {good[:refBytes-1], value, ErrHandle},
		"long":              {append(good[:len(good):len(good)], 0), value, ErrHandle},
		"one bit":           {func() []byte { b := spoil(func([]byte) {}); b[30] ^= 1; return b }(), value, ErrHandle},
		"version":           {spoil(func(b []byte) { b[0] = 2 }), value, ErrHandle},
		"reserved":          {spoil(func(b []byte) { b[2] = 1 }), value, ErrHandle},
		"another family":    {spoil(func(b []byte) { b[4]++ }), value, ErrForeign},
		"another kind":      {good, mutex, ErrKind},
		"another type":      {good, Shape{layout.KindValue, 8, 24}, ErrKind},
		"more bytes":        {good, Shape{layout.KindValue, 7, 64}, ErrHandle},
		"freed":             {stale, value, ErrClosed},
		"offset 0":          {offset(0), value, ErrHandle},
		"the process table": {offset(layout.SlotsAt), value, ErrHandle},
		"inside a block":    {offset(r.Off + 8), value, ErrHandle},
		"past the end":      {offset(1 << 60), value, ErrHandle},
		"around the end":    {offset(1<<64 - 64), value, ErrHandle},
		"even generation":   {spoil(func(b []byte) { binary.LittleEndian.PutUint32(b[28:], r.Gen+1) }), value, ErrHandle},
		"later generation":  {spoil(func(b []byte) { binary.LittleEndian.PutUint32(b[28:], r.Gen+2) }), value, ErrClosed},
	} {
		_, err := DecodeBinary(test.b, test.s)
		var h *HandleError
		if !errors.Is(err, test.want) || !errors.As(err, &h) {
			t.Errorf("%s: %v; want a HandleError with %v", name, err, test.want)
		}
	}
	for _, text := range []string{"", "value", "value:", "value:!", "mutex:" + strings.Repeat("A", 54), "VALUE:AAAA", "value:AAAA"} {
		if _, err := DecodeText([]byte(text), value); !errors.Is(err, ErrHandle) {
			t.Errorf("text %q: %v; want ErrHandle", text, err)
		}
	}
}

func TestCloseTwice(t *testing.T) {
	r := newRef(t, mutex)
	other := r
	if err := r.Close(nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := other.Close(nil); !errors.Is(err, ErrClosed) {
			t.Errorf("second Close: %v; want ErrClosed", err)
		}
	}
	if other.Live() {
		t.Error("a closed block is live")
	}
	if _, err := r.AppendBinary(nil, mutex); !errors.Is(err, ErrClosed) {
		t.Errorf("encoding it: %v; want ErrClosed", err)
	}
	if err := new(Ref).Close(nil); !errors.Is(err, ErrClosed) {
		t.Errorf("the zero Ref: %v; want ErrClosed", err)
	}
}

// TestUnclosed: a test build can say what nobody closed, and where it was made.
func TestUnclosed(t *testing.T) {
	before := len(Unclosed())
	r := newRef(t, mutex)
	list := Unclosed()
	if len(list) != before+1 || !strings.Contains(strings.Join(list, "\n"), "newRef") {
		t.Errorf("%d unclosed after one more than %d: %q", len(list), before, list)
	}
	r.Close(nil)
	if n := len(Unclosed()); n != before {
		t.Errorf("%d unclosed after Close; want %d", n, before)
	}
}
