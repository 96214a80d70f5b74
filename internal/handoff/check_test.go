package handoff

import (
	"errors"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/fxamacker/cbor/v2"
)

type hook struct{ Fn func() }

type config struct{ Hooks []hook }

type job struct {
	Name   string
	Config config
}

type point struct{ X, Y int }

type list struct {
	Value int
	Next  *list
}

type badList struct {
	Next *badList
	Done chan int
}

type (
	slices2  []slices2
	tree     map[string]tree
	ptrLoop  *ptrLoop
	secret   struct{ n int }
	Embedded struct{ A, B int }
	selfish  struct {
		*selfish
		X int
	}
	stamped struct {
		time.Time
		Room string
	}
	justTime     struct{ time.Time }
	justTimePtr  struct{ *time.Time }
	withHandle   struct{ *handle }
	ownStamp     struct{ stamped }
	halfText     string
	halfBinary   []byte
	lonelyText   int
	fieldsByName struct {
		A int
		B int `cbor:"a"`
	}
	keyStruct struct {
		A string
		B [2]int8
	}
	ptrKey   struct{ P *int }
	iszeroer int
	inverse  struct {
		time.Time
	}
)

func (ownStamp) MarshalBinary() ([]byte, error)    { return nil, nil }
func (*ownStamp) UnmarshalBinary([]byte) error     { return nil }
func (halfText) MarshalText() ([]byte, error)      { return nil, nil }
func (*halfBinary) UnmarshalBinary(b []byte) error { return nil }
func (*lonelyText) UnmarshalText(b []byte) error   { return nil }
func (i iszeroer) IsZero() bool                    { return i < 2 }
func (inverse) MarshalBinary() ([]byte, error)     { return nil, nil }

type Exported struct{ P, Q int }

func TestCheckAccepts(t *testing.T) {
	for _, v := range []any{
		struct{}{}, 0, "", 1.5, true, []byte(nil), [3]byte{}, [2][]string{}, map[string]int{},
		point{}, &point{}, list{}, &list{}, slices2{}, tree{},
		time.Time{}, []time.Time{}, map[string]*time.Time{}, justTime{}, time.Second,
		big.Int{}, &big.Int{}, netip.Addr{}, map[netip.Addr]int{}, net.IP{}, url.URL{}, cbor.ByteString(""),
		&handle{}, []*handle{}, map[string]*handle{}, struct{ H *handle }{},
		struct{ Embedded }{}, struct{ *Embedded }{}, struct {
			Exported
			Embedded
		}{},
		map[keyStruct]int{}, map[[2]float64]int{}, map[bool][]int{},
		ownStamp{}, lonelyText(0), fieldsByName{},
		struct {
			_ [4]func()
			A int
		}{},
		struct {
			mu sync.Mutex `cbor:"-"`
			F  func()     `cbor:"-"`
			A  int
		}{},
		struct {
			A int               `json:"a,omitempty"`
			B []int             `json:"b,omitzero"`
			C *int              `json:"c,omitempty"`
			D float64           `cbor:",omitempty"`
			E string            `json:"e,string"`
			F []int             `json:"f,omitempty" cbor:"f"`
			G map[string]string `json:"-" cbor:"g"`
			H time.Time         `cbor:",omitzero"`
			I Embedded          `cbor:",omitempty"`
		}{},
		struct {
			A int `cbor:"1,keyasint"`
			B int `cbor:"1"`
		}{},
		struct {
			_ struct{} `cbor:",toarray"`
			A []int    `cbor:",omitempty"`
		}{},
	} {
		if err := Check(reflect.TypeOf(v)); err != nil {
			t.Errorf("%T: %v", v, err)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	tests := []struct {
		v            any
		path, reason string
	}{
		{job{}, "job.Config.Hooks[].Fn", "function"},
		{&job{}, "job.Config.Hooks[].Fn", "function"},
		{[]job{}, "[]handoff.job[].Config.Hooks[].Fn", "function"},
		{map[string]job{}, "map[string]handoff.job[].Config.Hooks[].Fn", "function"},
		{func() {}, "func()", "function"},
		{badList{}, "badList.Done", "channel"},
		{make(chan int), "chan int", "channel"},
		{[]any{}, "[]interface {}[]", "interface"},
		{struct{ Err error }{}, "struct { Err error }.Err", "interface"},
		{complex64(1), "complex64", "complex"},
		{uintptr(1), "uintptr", "address"},
		{unsafe.Pointer(nil), "Pointer", "address"},
		{secret{}, "secret.n", "unexported"},
		{[]secret{}, "[]handoff.secret[].n", "unexported"},
		{struct{ Mu sync.Mutex }{}, "struct { Mu sync.Mutex }.Mu._", ""},
		{struct{ N atomic.Int64 }{}, "struct { N atomic.Int64 }.N.v", "unexported"},
		{time.Location{}, "Location.name", "unexported"},
		{big.Float{}, "Float", "precision"},
		{cbor.RawMessage{}, "RawMessage", "null"},
		{cbor.Tag{}, "Tag", "interface"},
		{new(*int), "int", "pointer to nil"},
		{new([]int), "[]int", "pointer to nil"},
		{new(map[int]int), "map[int]int", "pointer to nil"},
		{ptrLoop(nil), "ptrLoop", "pointer to nil"},
		{map[*int]int{}, "map[*int]int[key]", "pointer"},
		{map[ptrKey]int{}, "map[handoff.ptrKey]int[key].P", "pointer"},
		{map[any]int{}, "map[interface {}]int[key]", "interface"},
		{map[time.Time]int{}, "map[time.Time]int[key]", "times"},
		{map[justTime]int{}, "map[handoff.justTime]int[key].Time", "times"},
		{handle{}, "handle", "use *handoff.handle"},
		{[]handle{}, "[]handoff.handle[]", "use *handoff.handle"},
		{&bareHandle{}, "bareHandle", "MarshalBinary"},
		{bareHandle{}, "bareHandle", "use *"},
		{withHandle{}, "withHandle", "may be nil"},
		{struct {
			*handle
			N int
		}{}, "", "N would be lost"},
		{stamped{}, "stamped", "Room would be lost"},
		{&stamped{}, "stamped", "Room would be lost"},
		{justTimePtr{}, "justTimePtr", "may be nil"},
		{inverse{}, "inverse", "does not undo"},
		{struct {
			time.Time
			netip.Addr
		}{}, ".Time", "own encoding"},
		{halfText(""), "halfText", "not UnmarshalText"},
		{halfBinary(nil), "halfBinary", "not MarshalBinary"},
		{struct {
			A int `json:"-"`
		}{}, ".A", `json:"-"`},
		{struct {
			A int `json:"x"`
			B int `cbor:"x"`
		}{}, ".B", "like"},
		{struct {
			Embedded
			A int
		}{}, ".A", "Embedded.A"},
		{struct {
			Embedded
			E2 struct{ A int }
			A  string `cbor:"B"`
		}{}, ".A", "Embedded.B"},
		{struct {
			A int `cbor:"01,keyasint"`
			B int `cbor:"1,keyasint"`
		}{}, ".B", "like"},
		{struct {
			A int `cbor:",keyasint"`
		}{}, ".A", "number"},
		{struct {
			A []int `json:",omitempty"`
		}{}, ".A", "nil of an empty"},
		{struct {
			A map[int]int `cbor:"x,omitempty"`
		}{}, ".A", "nil of an empty"},
		{struct {
			A netip.Addr `cbor:"x,omitempty"`
		}{}, ".A", "empty encoding"},
		{struct {
			A iszeroer `cbor:"x,omitzero"`
		}{}, ".A", "IsZero"},
		{struct {
			A *iszeroer `cbor:"x,omitzero"`
		}{}, ".A", "IsZero"},
		{struct{ *list2 }{}, ".list2", "unexported type"},
		{struct {
			list2 `cbor:"named"`
		}{}, ".list2", "unexported"},
		{struct{ *Nothing }{}, ".Nothing", "encode to nothing"},
		{struct {
			_ struct{} `cbor:",toarray"`
			*Embedded
		}{}, ".Embedded", "toarray"},
		{selfish{}, "selfish.selfish", "unexported type"},
		{struct{ Selfish }{}, ".Selfish.Selfish", "embeds itself"},
		{struct{ small }{}, ".small", "unexported"},
	}
	for _, tt := range tests {
		err := Check(reflect.TypeOf(tt.v))
		var typeErr *TypeError
		if !errors.As(err, &typeErr) {
			t.Errorf("%T: %v", tt.v, err)
			continue
		}
		if !strings.HasSuffix(typeErr.Path, tt.path) && tt.reason != "" {
			t.Errorf("%T: path %s, want %s", tt.v, typeErr.Path, tt.path)
		}
		if !strings.Contains(err.Error(), tt.reason) {
			t.Errorf("%T: %v, want %s", tt.v, err, tt.reason)
		}
		if _, err := Encode(tt.v); err == nil {
			t.Errorf("%T: Encode accepts it", tt.v)
		}
	}
	if err := Check(nil); err == nil {
		t.Error("Check(nil) accepts")
	}
}

type list2 struct{ X int }

// What only reflection looks at.
var _ = []any{secret{}.n, selfish{}.selfish}

// Nothing may encode to nothing.
type Nothing struct {
	X int `cbor:",omitempty"`
}

// Selfish embeds itself.
type Selfish struct {
	*Selfish
	X int
}

type small int

func TestCheckMessage(t *testing.T) {
	got := Check(reflect.TypeFor[job]()).Error()
	const want = "multiproc: cannot hand over job.Config.Hooks[].Fn (func()): a function cannot leave its process: name an entry instead"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A []byte or []int is not worth a walk, a []*handle is.
func TestWalksOnlyWhereNeeded(t *testing.T) {
	for _, tt := range []struct {
		v             any
		checks, binds bool
	}{
		{[]byte{}, false, false},
		{[]int{}, false, false},
		{[]point{}, false, false},
		{[]*point{}, false, false},
		{[]time.Time{}, true, false},
		{list{}, true, false},
		{[]*handle{}, false, true},
		{struct {
			A []byte
			H *handle
		}{}, false, true},
		{struct {
			L []struct{ M map[string]*handle }
		}{}, false, true},
	} {
		n, err := analyze(reflect.TypeOf(tt.v))
		if err != nil {
			t.Errorf("%T: %v", tt.v, err)
		} else if n.checks != tt.checks || n.binds != tt.binds {
			t.Errorf("%T: checks %v, binds %v", tt.v, n.checks, n.binds)
		}
	}
}

func TestCheckConcurrently(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := Check(reflect.TypeFor[map[string][]list]()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
