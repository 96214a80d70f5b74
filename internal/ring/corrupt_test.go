package ring

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/multiproctest"
)

func TestMain(m *testing.M) { multiproctest.Main(m) }

func newRing(t *testing.T, c Config) *Ring {
	t.Helper()
	c.Kind, c.Type, c.Leases, c.Bigs, c.Budget = layout.KindQueue, 1, 4, 4, 1<<20
	r, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(r.Me(t.Context())) })
	return r
}

// A message whose cell was overwritten is an error to all who would take it, and nobody's: once the cell is
// whole again, it is delivered.
func TestOverwrittenCellIsNotTaken(t *testing.T) {
	ctx := t.Context()
	for _, size := range []int{10, 5000} {
		r := newRing(t, Config{Size: Varying, Capacity: 8})
		me := r.Me(ctx)
		want := bytes.Repeat([]byte("m"), size)
		if err := r.PutBytes(ctx, me, want, false, true); err != nil {
			t.Fatal(err)
		}
		fails := func(state uint64, i uint32) {
			t.Helper()
			c := r.cell(i)
			length, block := c.Len, c.Block
			spoil := func(l, b uint64) {
				t.Helper()
				c.Len, c.Block = l, b
				if _, err := r.Lease(ctx, me, false); !errors.Is(err, ErrCorrupt) {
					t.Fatalf("Lease of a cell with length %d, block %#x: %v", l, b, err)
				}
				if _, _, err := r.GetBytes(ctx, me, nil, false); !errors.Is(err, ErrCorrupt) {
					t.Fatalf("Get of a cell with length %d, block %#x: %v", l, b, err)
				}
				if got := stateOf(c.Word.Load()); got != state {
					t.Fatalf("the cell's state is %#x after that, and was %#x", got, state)
				}
				if r.Len() != 1 {
					t.Fatalf("Len is %d after that", r.Len())
				}
				c.Len, c.Block = length, block
			}
			spoil(1<<40, block)
			spoil(math.MaxUint64, block)
			if i >= r.leases {
				for _, b := range []uint64{0, 1, block + 8, 1 << 50, math.MaxUint64} {
					spoil(length, b)
				}
			}
		}
		if size > maxInline {
			i := r.leases
			for stateOf(r.cell(i).Word.Load()) != layout.CellQueued {
				i++
			}
			fails(layout.CellQueued, i)
		}
		h, err := r.Lease(ctx, me, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Nack(); err != nil {
			t.Fatal(err)
		}
		fails(layout.CellReturned, h.cell)
		again, err := r.Lease(ctx, me, false)
		if err != nil {
			t.Fatalf("after the cell was made whole: %v", err)
		}
		if again.Deliveries != 2 || !bytes.Equal(again.Data, want) {
			t.Fatalf("after the cell was made whole: %d bytes, delivery %d", len(again.Data), again.Deliveries)
		}
		if err := again.End(); err != nil {
			t.Fatal(err)
		}
	}
}

// Whatever the head of a record says, nothing outside of the ring is read, and the record stays.
func TestOverwrittenRecord(t *testing.T) {
	ctx := t.Context()
	r := newRing(t, Config{Size: Varying, Capacity: 8})
	me := r.Me(ctx)
	if err := r.PutBytes(ctx, me, []byte("whole"), false, true); err != nil {
		t.Fatal(err)
	}
	head := r.ringWord(0)
	good := *head
	for _, bad := range []uint64{
		math.MaxUint64, 1 << 63, r.inline + 1, math.MaxUint32, layout.RecordNil | math.MaxUint32, layout.RecordNil | layout.RecordCell,
		layout.RecordCell, layout.RecordCell | uint64(r.leases), layout.RecordCell | uint64(r.leases+r.bigs), layout.RecordCell | math.MaxUint32,
		layout.RecordSkip, layout.RecordSkip | 1,
	} {
		*head = bad
		if _, err := r.Lease(ctx, me, false); !errors.Is(err, ErrCorrupt) {
			t.Errorf("Lease of a record %#x: %v", bad, err)
		}
		if b, _, err := r.GetBytes(ctx, me, nil, false); !errors.Is(err, ErrCorrupt) {
			t.Errorf("Get of a record %#x: %q, %v", bad, b, err)
		}
	}
	*head = good
	if b, _, err := r.GetBytes(ctx, me, nil, false); err != nil || string(b) != "whole" {
		t.Errorf("after the record was made whole: %q, %v", b, err)
	}
}
