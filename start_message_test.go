package multiproc

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/internal/family"
)

func TestStartMessage(t *testing.T) {
	full := startMessage{
		Self:       Info{Name: "a\x00\xff", Entry: "b", Pid: math.MaxInt32, ID: math.MaxUint32, Daemon: true},
		Parent:     Info{Name: "the parent", Pid: -1, ID: 1},
		Invitation: family.Invitation{Family: [16]byte{1, 15: 255}, ID: math.MaxUint32, Started: math.MaxUint64},
		Grace:      -time.Hour,
		Limits:     Limits{Memory: math.MaxUint64, OpenFiles: 1, CPU: 1 << 63, Core: math.MinInt64},
	}
	// Every field has a value, so that one that is forgotten in the encoding is missed.
	var set func(reflect.Value)
	set = func(v reflect.Value) {
		for i := range v.NumField() {
			if f := v.Field(i); f.Kind() == reflect.Struct {
				set(f)
			} else if f.IsZero() && v.Type().Field(i).Name != "Daemon" && v.Type().Field(i).Name != "Entry" {
				t.Errorf("the test has no value for %s", v.Type().Field(i).Name)
			}
		}
	}
	set(reflect.ValueOf(full))
	for _, want := range []startMessage{full, {}} {
		b := want.append(nil)
		var got startMessage
		if err := got.parse(b); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
		for n := range b {
			if err := new(startMessage).parse(b[:n]); err == nil {
				t.Errorf("%d of %d bytes are taken for the whole", n, len(b))
			}
		}
		if err := new(startMessage).parse(append(b, 0)); err == nil {
			t.Error("a byte too many is not noticed")
		}
	}
}
