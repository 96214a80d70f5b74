package arena_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/lock"
	"github.com/multiproc-go/multiproc/internal/memory"
)

// TestRandom allocates and frees blocks of all sizes, fills each with a pattern of
// its own, and finds it again before it frees it.
func TestRandom(t *testing.T) {
	m, err := family.Current()
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	type block struct {
		off, n uint64
		gen    uint32
		fill   byte
	}
	bytes := func(b block) []byte { return unsafe.Slice((*byte)(m.Arena.Payload(b.off)), b.n) }
	before, _ := m.Arena.Stats(m.ID())
	var blocks []block
	for i := range 3000 {
		if len(blocks) > 0 && rnd.IntN(5) < 2 {
			j := rnd.IntN(len(blocks))
			b := blocks[j]
			for k, x := range bytes(b) {
				if x != b.fill {
					t.Fatalf("byte %d of a block of %d is %d, want %d", k, b.n, x, b.fill)
				}
			}
			if err := m.Arena.Free(b.off, b.gen, m.ID(), nil); err != nil {
				t.Fatal(err)
			}
			if err := m.Arena.Free(b.off, b.gen, m.ID(), nil); !errors.Is(err, lock.ErrClosed) {
				t.Fatalf("freed twice: %v", err)
			}
			blocks[j] = blocks[len(blocks)-1]
			blocks = blocks[:len(blocks)-1]
			continue
		}
		n := uint64(rnd.IntN(1 << rnd.IntN(19)))
		off, err := m.Arena.Alloc(n, 1, m.ID())
		if err != nil {
			t.Fatal(err)
		}
		b := block{off, n, m.Arena.Block(off).Generation.Load(), byte(i)}
		for k, x := range bytes(b) {
			if x != 0 {
				t.Fatalf("byte %d of a new block of %d is %d", k, n, x)
			}
			bytes(b)[k] = b.fill
		}
		blocks = append(blocks, b)
	}
	if err := m.Arena.Check(m.ID()); err != nil {
		t.Error(err)
	}
	for _, b := range blocks {
		if err := m.Arena.Free(b.off, b.gen, m.ID(), nil); err != nil {
			t.Error(err)
		}
	}
	if err := m.Arena.Check(m.ID()); err != nil {
		t.Error(err)
	}
	if after, _ := m.Arena.Stats(m.ID()); after != before {
		t.Errorf("%+v after everything was freed, %+v before", after, before)
	}
}

func TestTooLarge(t *testing.T) {
	m, err := family.Current()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []uint64{1 << 62, 1<<64 - 1, 1<<64 - 32} {
		var full *memory.FullError
		if _, err := m.Arena.Alloc(n, 1, m.ID()); !errors.As(err, &full) {
			t.Errorf("%d bytes: %v; want a FullError", n, err)
		}
	}
}
