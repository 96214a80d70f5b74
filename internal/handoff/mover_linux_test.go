package handoff

import (
	"errors"
	"fmt"
	"os"
	"testing"
)

// mover is a Mover that notes what is done with it.
type mover struct {
	file
	stuck   error
	away    bool // departed, and not told yet
	settled []bool
	closed  int
}

func (m *mover) HandOff() *Descriptor           { return &m.d }
func (m *mover) MarshalBinary() ([]byte, error) { return m.d.MarshalBinary() }
func (m *mover) UnmarshalBinary(b []byte) error { return m.d.UnmarshalBinary(b) }

func (m *mover) Depart() ([]byte, error) {
	if m.away {
		return nil, errors.New("twice")
	}
	m.away = m.stuck == nil
	return []byte("luggage of " + m.d.Name()), m.stuck
}

func (m *mover) Departed(gone bool) {
	m.away = false
	m.settled = append(m.settled, gone)
}

func (m *mover) Close() error {
	m.closed++
	return m.d.Close()
}

func newMover(x any) *mover {
	m := &mover{}
	m.d.Lend(x)
	return m
}

type movers struct {
	List []*mover
	More map[string]*file
}

// TestMover: what moves is told once whether it has, with the descriptor goes what it wants to take along, and what arrives is closed with
// the rest.
func TestMover(t *testing.T) {
	files := openFiles(t, 3)
	in := movers{List: []*mover{newMover(files[0]), nil, newMover(files[1])}, More: map[string]*file{"f": newFile(files[2])}}
	for _, gone := range []bool{false, true} {
		p, err := Encode(in)
		if err != nil {
			t.Fatal(err)
		}
		if !in.List[0].away || !in.List[2].away {
			t.Error("they are still in use")
		}
		p.Settle(gone)
		var out movers
		arrivals, err := Decode(p, &out, nil)
		if err != nil || len(arrivals) != 3 {
			t.Fatal(arrivals, err)
		}
		for i, m := range out.List {
			if m == nil {
				continue
			}
			if got, want := string(m.d.Luggage()), "luggage of "+files[i/2].Name(); got != want || !m.d.Arrived() {
				t.Errorf("%q, want %q", got, want)
			}
		}
		arrivals.Close()
		if out.List[0].closed != 1 || out.List[2].closed != 1 || out.List[0].d.Arrived() {
			t.Error("not closed with the rest")
		}
	}
	for _, m := range []*mover{in.List[0], in.List[2]} {
		if fmt.Sprint(m.settled) != "[false true]" {
			t.Errorf("told %v", m.settled)
		}
	}
}

// TestMoverStays: when anything in the value cannot travel, nothing has moved, and nothing stays open.
func TestMoverStays(t *testing.T) {
	files := openFiles(t, 2)
	stuck := errors.New("stuck")
	for name, last := range map[string]*mover{
		"stuck":  {stuck: stuck},
		"closed": newMover(os.NewFile(^uintptr(0), "closed")),
		"empty":  {},
	} {
		in := movers{List: []*mover{newMover(files[0]), last}}
		before := countDescriptors(t)
		_, err := Encode(in)
		if err == nil || name == "stuck" && !errors.Is(err, stuck) {
			t.Errorf("%s: %v", name, err)
		}
		if e, ok := errors.AsType[*ValueError](err); !ok || e.Path != "movers.List[1]" {
			t.Errorf("%s: %v", name, err)
		}
		if m := in.List[0]; m.away || fmt.Sprint(m.settled) != "[false]" {
			t.Errorf("%s: told %v", name, m.settled)
		}
		if last.away {
			t.Errorf("%s: it is away", name)
		}
		if after := countDescriptors(t); after != before {
			t.Errorf("%s: %d descriptors, %d before", name, after, before)
		}
	}
	m := newMover(files[0])
	if _, err := Encode([]*mover{m, m}); err == nil || m.away {
		t.Errorf("one in two places: %v", err)
	}
	f := newFile(newMover(files[1]))
	if _, err := Encode(f); !errors.Is(err, errMoves) {
		t.Errorf("a File of a mover: %v", err)
	}
}
