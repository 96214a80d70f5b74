package psync_test

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/psync"
)

// handle is what a handle of each kind can do.
type handle interface {
	fmt.Stringer
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
	encoding.TextMarshaler
	encoding.TextUnmarshaler
	Close() error
}

// TestHandlesOfEachKind: they travel as text and in JSON, and are not taken for one another.
func TestHandlesOfEachKind(t *testing.T) {
	event, cond, barrier := newEvent(t), newCond(t), newBarrier(t, 3)
	semaphore, reentrant, once := newSemaphore(t, 1), newReentrant(t), newOnce(t)
	kinds := map[string]struct {
		made  handle
		fresh func() handle
		equal func(handle) bool
	}{
		"event":           {event, func() handle { return new(psync.Event) }, func(h handle) bool { return event.Equal(h.(*psync.Event)) }},
		"cond":            {cond, func() handle { return new(psync.Cond) }, func(h handle) bool { return cond.Equal(h.(*psync.Cond)) }},
		"semaphore":       {semaphore, func() handle { return new(psync.Semaphore) }, func(h handle) bool { return semaphore.Equal(h.(*psync.Semaphore)) }},
		"barrier":         {barrier, func() handle { return new(psync.Barrier) }, func(h handle) bool { return barrier.Equal(h.(*psync.Barrier)) }},
		"reentrant-mutex": {reentrant, func() handle { return new(psync.ReentrantMutex) }, func(h handle) bool { return reentrant.Equal(h.(*psync.ReentrantMutex)) }},
		"once":            {once, func() handle { return new(psync.Once) }, func(h handle) bool { return once.Equal(h.(*psync.Once)) }},
	}
	for name, k := range kinds {
		text, err := k.made.MarshalText()
		must(t, err)
		if !strings.HasPrefix(string(text), name+":") || !strings.HasPrefix(k.made.String(), name+"@") {
			t.Errorf("%s is %s and %v", name, text, k.made)
		}
		b, err := json.Marshal(map[string]handle{"x": k.made})
		must(t, err)
		out := map[string]json.RawMessage{}
		must(t, json.Unmarshal(b, &out))
		back := k.fresh()
		must(t, json.Unmarshal(out["x"], back))
		if !k.equal(back) || k.equal(k.fresh()) {
			t.Errorf("%s: Equal is wrong", name)
		}
		binary, err := k.made.MarshalBinary()
		must(t, err)
		for other, o := range kinds {
			into := o.fresh()
			err := into.UnmarshalBinary(binary)
			if other == name {
				must(t, err)
				continue
			}
			if e, ok := errors.AsType[*psync.HandleError](err); !ok || e.Err != psync.ErrKind || e.Kind != other {
				t.Errorf("%s as %s: %v", name, other, err)
			}
			if err := into.UnmarshalText(text); !errors.Is(err, psync.ErrHandle) {
				t.Errorf("%s as %s: %v", text, other, err)
			}
		}
		for n := range len(binary) {
			if err := k.fresh().UnmarshalBinary(binary[:n]); !errors.Is(err, psync.ErrHandle) {
				t.Errorf("%d bytes of %s: %v", n, name, err)
			}
		}
	}
	var same psync.Cond
	text, err := cond.MarshalText()
	must(t, err, same.UnmarshalText(text))
	if !same.Mutex().Equal(cond.Mutex()) {
		t.Error("a handle to a condition variable has another mutex")
	}
}
