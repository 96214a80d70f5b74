package handoff

import (
	"errors"
	"math"
	"reflect"
	"testing"
)

func coderTrip[T any](t *testing.T, raw bool, values ...T) {
	t.Helper()
	c, err := NewCoder[T]()
	if err != nil {
		t.Fatal(err)
	}
	if direct := c.codec == nil; direct != raw {
		t.Errorf("%T travels as its bytes: %v", *new(T), direct)
	}
	for _, v := range values {
		b, err := c.Append([]byte("before"), &v)
		if err != nil || string(b[:6]) != "before" {
			t.Fatal(err)
		}
		var got T
		if err := c.Decode(b[6:], &got, nil); err != nil || !reflect.DeepEqual(got, v) {
			t.Errorf("%v became %v, %v", v, got, err)
		}
	}
}

type celsius float64

func (c celsius) String() string { return "warm" }

func TestCoder(t *testing.T) {
	coderTrip(t, true, 0, 1, -1, math.MinInt)
	coderTrip(t, true, true, false)
	coderTrip(t, true, math.Inf(1), -0.5)
	coderTrip(t, true, [3]uint16{1, 2, 3})
	coderTrip(t, true, "", "böx\xff\x00")
	coderTrip(t, false, celsius(36.6))
	coderTrip(t, false, []byte(nil), []byte{}, []byte("x"))
	coderTrip(t, false, struct{ A, B int }{1, 2})
	coderTrip(t, false, struct{}{})
	coderTrip(t, false, map[string]int(nil), map[string]int{"a": 1})
}

func TestCoderRefuses(t *testing.T) {
	if _, err := NewCoder[func()](); err == nil {
		t.Error("a function travels")
	}
	if _, err := NewCoder[*file](); err == nil {
		t.Error("a File travels without its descriptor")
	}
	c, err := NewCoder[int64]()
	if err != nil {
		t.Fatal(err)
	}
	var v int64
	for _, n := range []int{0, 7, 9} {
		if _, ok := errors.AsType[*DecodeError](c.Decode(make([]byte, n), &v, nil)); !ok {
			t.Errorf("%d bytes are an int64", n)
		}
	}
}
