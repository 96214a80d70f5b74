package queue_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/queue"
	"github.com/multiproc-go/multiproc/shm"
)

func marshalled(t *testing.T, q interface{ MarshalText() ([]byte, error) }) string {
	t.Helper()
	text, err := q.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// refused checks that the error says why, and how.
func refused(t *testing.T, how string, err, want error, kind string) {
	t.Helper()
	e, ok := errors.AsType[*queue.HandleError](err)
	if !ok || !errors.Is(e.Err, want) || e.Kind != kind || !strings.Contains(e.Error(), kind) {
		t.Errorf("%s: %v, want a HandleError of a %s: %v", how, err, kind, want)
	}
}

func TestRefusedHandles(t *testing.T) {
	foreign, err := modetest.Program(t, "handle").Output()
	if err != nil {
		t.Fatal(err)
	}
	good := marshalled(t, newQueue[int](t, queue.Options{}))
	value, err := shm.NewValue[int64](0)
	if err != nil {
		t.Fatal(err)
	}
	defer value.Close()
	joinable, err := queue.NewJoinable[int](queue.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer joinable.Close()
	closed := newQueue[int](t, queue.Options{})
	late := marshalled(t, closed)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	as := func(kind, text string) string {
		_, rest, _ := strings.Cut(text, ":")
		return kind + ":" + rest
	}
	into := newQueue[int](t, queue.Options{})
	before := into.String()
	for name, test := range map[string]struct {
		text string
		want error
	}{
		"foreign":              {strings.TrimSpace(string(foreign)), queue.ErrForeign},
		"closed":               {late, queue.ErrClosed},
		"empty":                {"", queue.ErrHandle},
		"its kind":             {"queue:", queue.ErrHandle},
		"cut":                  {good[:len(good)-1], queue.ErrHandle},
		"longer":               {good + "A", queue.ErrHandle},
		"upper case":           {strings.ToUpper(good), queue.ErrHandle},
		"two lines":            {good[:20] + "\n" + good[20:], queue.ErrHandle},
		"a value":              {marshalled(t, value), queue.ErrHandle},
		"a value as a queue":   {as("queue", marshalled(t, value)), queue.ErrKind},
		"a joinable":           {marshalled(t, joinable), queue.ErrHandle},
		"joinable as a queue":  {as("queue", marshalled(t, joinable)), queue.ErrKind},
		"of numbers of 4":      {marshalled(t, newQueue[int32](t, queue.Options{})), queue.ErrKind},
		"of bytes":             {marshalled(t, newQueue[[]byte](t, queue.Options{})), queue.ErrKind},
		"of something encoded": {marshalled(t, newQueue[named](t, queue.Options{})), queue.ErrKind},
	} {
		refused(t, name, into.UnmarshalText([]byte(test.text)), test.want, "queue")
	}
	b, err := newQueue[int](t, queue.Options{}).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for n := range b { // cut, and with a bit that is not its own
		refused(t, "cut", into.UnmarshalBinary(b[:n]), queue.ErrHandle, "queue")
		for bit := range 8 {
			bad := bytes.Clone(b)
			bad[n] ^= 1 << bit
			refused(t, "spoilt", into.UnmarshalBinary(bad), queue.ErrHandle, "queue")
		}
	}
	if into.String() != before {
		t.Error("a refused handle has changed the one that it was to replace")
	}
	refused(t, "a queue as a joinable", joinable.UnmarshalText([]byte(as("joinable-queue", good))), queue.ErrKind, "joinable-queue")
	_, err = closed.MarshalText()
	refused(t, "of a closed queue", err, queue.ErrClosed, "queue")
	_, err = new(queue.Queue[int]).MarshalBinary()
	refused(t, "of the zero queue", err, queue.ErrClosed, "queue")
}

func TestHandlesAsJSON(t *testing.T) {
	in := map[string]*queue.Queue[string]{"q": newQueue[string](t, queue.Options{}), "none": nil}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]*queue.Queue[string]
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	if !out["q"].Equal(in["q"]) || out["none"] != nil || out["q"].Equal(newQueue[string](t, queue.Options{})) {
		t.Errorf("%s", b)
	}
	ctx := modetest.Patient(t)
	if err := in["q"].Put(ctx, "x"); err != nil {
		t.Fatal(err)
	}
	if s, err := out["q"].Get(ctx); err != nil || s != "x" {
		t.Errorf("%q, %v", s, err)
	}
}

// TestOverwrittenMeasures: a handle is not believed either if what it names has measures that no queue has; nothing outside of
// the block is touched.
func TestOverwrittenMeasures(t *testing.T) {
	try := func(q, into interface {
		MarshalBinary() ([]byte, error)
		UnmarshalBinary([]byte) error
	}) {
		t.Helper()
		b, err := q.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		h := headOf(t, q)
		varying := h.Stride == 0
		for name, field := range map[string]*uint32{
			"Stride": &h.Stride, "Slots": &h.Slots, "Capacity": &h.Capacity, "Leases": &h.Leases, "Bigs": &h.Bigs,
			"LeaseRoom": &h.LeaseRoom, "Inline": &h.Inline,
		} {
			good := *field
			for _, bad := range []uint32{0, 1, good - 1, good + 1, good * 2, good << 16, 1 << 31, math.MaxUint32} {
				switch { // what another queue may have
				case bad == good || bad == 0 && (name == "Leases" || name == "Bigs"),
					(name == "Capacity" || name == "Leases" || name == "Bigs" || name == "Inline" && varying) && bad < good:
					continue
				case name == "Capacity" && (varying && bad <= math.MaxInt32 || bad <= h.Slots):
					continue
				}
				*field = bad
				if err := into.UnmarshalBinary(b); err == nil {
					t.Errorf("%s %d instead of %d: no error", name, bad, good)
				} else if _, ok := errors.AsType[*queue.HandleError](err); !ok {
					t.Errorf("%s %d instead of %d: %v", name, bad, good, err)
				}
			}
			*field = good
		}
		if err := into.UnmarshalBinary(b); err != nil {
			t.Errorf("after all was put right: %v", err)
		}
	}
	try(newQueue[int64](t, queue.Options{Capacity: 100}), new(queue.Queue[int64]))
	try(newQueue[[]byte](t, queue.Options{Capacity: 100}), new(queue.Queue[[]byte]))
}
