package handoff

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

type ring struct {
	Items []*ring
	Index map[string]*ring
}

func TestValueErrors(t *testing.T) {
	self := &list{Value: 1}
	self.Next = self
	r := &ring{Items: []*ring{nil, {Index: map[string]*ring{}}}}
	r.Items[1].Index["back"] = r
	s := make(slices2, 1)
	s[0] = s
	m := tree{}
	m["m"] = m
	var long *list
	for range MaxDepth + 1 {
		long = &list{Next: long}
	}
	late := &list{}
	tail := late
	for range 200 {
		tail.Next = &list{}
		tail = tail.Next
	}
	tail.Next = tail
	minusZero := math.Copysign(0, -1)

	type omit struct {
		F float64    `cbor:",omitempty"`
		G [2]float32 `cbor:",omitzero"`
	}
	type event struct {
		At  time.Time
		Ptr *time.Time
	}
	west := time.FixedZone("w", -3600)
	amsterdam := time.FixedZone("LMT", 19*60+32)
	for _, tt := range []struct {
		v            any
		path, reason string
	}{
		{self, "list.Next", "contains itself"},
		{*self, "list.Next.Next", "contains itself"},
		{r, `ring.Items[1].Index["back"]`, "contains itself"},
		{s, "slices2[0]", "contains itself"},
		{m, `tree["m"]`, "contains itself"},
		{late, "list.Next.Next", "contains itself"},
		{long, "list.Next.Next", "deeper than 10000"},
		{event{At: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, "event.At", "four digits"},
		{event{At: time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)}, "event.At", "four digits"},
		{[]event{{}, {At: time.Date(1900, 1, 1, 0, 0, 0, 0, amsterdam)}}, "[]handoff.event[1].At", "whole minutes"},
		{event{At: time.Time{}.In(west)}, "event.At", "zero time"},
		{event{At: time.Unix(0, 0).In(time.FixedZone("", 24*3600))}, "event.At", "a day"},
		{map[int]event{7: {Ptr: new(time.Time)}}, "map[int]handoff.event[7].Ptr", "arrive as nil"},
		{omit{F: minusZero}, "omit.F", "negative zero"},
		{omit{G: [2]float32{0, float32(minusZero)}}, "omit.G", "negative zero"},
		{&freed{}, "freed", "block was freed"},
		{struct{ H []*freed }{[]*freed{nil, {}}}, "struct", "block was freed"},
	} {
		_, err := Encode(tt.v)
		var valueErr *ValueError
		if !errors.As(err, &valueErr) {
			t.Errorf("%T: %v", tt.v, err)
			continue
		}
		if !strings.HasPrefix(valueErr.Path, tt.path) || !strings.Contains(err.Error(), tt.reason) {
			t.Errorf("%T: %v, want %s and %s", tt.v, err, tt.path, tt.reason)
		}
		if len(err.Error()) > 1000 {
			t.Errorf("%T: the text has %d bytes", tt.v, len(err.Error()))
		}
	}
	if _, err := Encode(&freed{}); !errors.Is(err, errFreed) {
		t.Errorf("the cause is lost: %v", err)
	}
	if _, err := Encode(nil); err == nil {
		t.Error("Encode(nil) succeeds")
	}
}

// Sharing is not a cycle.
func TestSharedPointers(t *testing.T) {
	shared := &list{Value: 3}
	mustKeep(t, []*list{shared, shared, {1, shared}})
	r := &ring{}
	mustKeep(t, &ring{Items: []*ring{r, r}, Index: map[string]*ring{"a": r, "b": r}})
}

func TestDeepest(t *testing.T) {
	var l *list
	for range MaxDepth {
		l = &list{Next: l}
	}
	out := roundTrip(t, l)
	n := 0
	for ; out != nil; out = out.Next {
		n++
	}
	if n != MaxDepth {
		t.Errorf("%d of %d elements arrived", n, MaxDepth)
	}
}

func TestOmittedZeroes(t *testing.T) {
	type omit struct {
		F float64   `json:"f,omitempty"`
		S []int     `cbor:",omitzero"`
		T time.Time `json:"t,omitzero"`
	}
	for _, in := range []omit{{}, {F: 1, S: []int{}}, {S: []int{1}, T: time.Unix(5, 6).UTC()}} {
		if out := roundTrip(t, in); !reflect.DeepEqual(in, out) {
			t.Errorf("%+v became %+v", in, out)
		}
	}
}
