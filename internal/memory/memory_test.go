package memory

import (
	"errors"
	"os"
	"runtime"
	"syscall"
	"testing"

	"github.com/multiproc-go/multiproc/internal/layout"
)

func mapped(t *testing.T, limit uint64) *Memory {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux: mapped shared memory")
	}
	m, err := Create(limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func TestGrowInStepsAndToTheLimit(t *testing.T) {
	const limit = 8 << 20
	for name, m := range map[string]*Memory{"mapped": mapped(t, limit), "heap": must(NewHeap(limit))} {
		t.Run(name, func(t *testing.T) {
			top := uint64(layout.BlocksAt)
			var err error
			for range 100 {
				at, ok := m.Fit(top, 256<<10)
				if !ok {
					if err = m.Grow(top, 256<<10); err != nil {
						break
					}
					if at, ok = m.Fit(top, 256<<10); !ok {
						t.Fatal("it grew, and the block does not fit")
					}
				}
				if !m.Holds(at, 256<<10) {
					t.Fatalf("block at %d is not held", at)
				}
				*(*byte)(m.Ptr(at + 256<<10 - 1)) = 1
				top = at + 256<<10
			}
			var full *FullError
			if !errors.Is(err, ErrLimit) || !errors.As(err, &full) || full.Need == 0 {
				t.Errorf("at the limit: %v; want a FullError with ErrLimit", err)
			}
			if top < limit/2 {
				t.Errorf("only %d of %d bytes could be used", top, limit)
			}
			if err := m.Grow(top, 1<<50); !errors.Is(err, ErrLimit) {
				t.Errorf("2^50 bytes: %v; want ErrLimit", err)
			}
		})
	}
}

func must[T any](x T, err error) T {
	if err != nil {
		panic(err)
	}
	return x
}

func TestNoSpace(t *testing.T) {
	for name, m := range map[string]*Memory{"mapped": mapped(t, 0), "heap": must(NewHeap(0))} {
		t.Run(name, func(t *testing.T) {
			fail := error(os.NewSyscallError("fallocate", syscall.ENOSPC))
			failBacking.Store(&fail)
			defer failBacking.Store(nil)
			before := m.Header().Reserved.Load()
			err := m.Grow(layout.BlocksAt, 64<<20)
			if !errors.Is(err, ErrNoSpace) || !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("got %v; want ErrNoSpace and ENOSPC", err)
			}
			if m.Header().Reserved.Load() != before {
				t.Error("memory counts as reserved that is not")
			}
			failBacking.Store(nil)
			if err := m.Grow(layout.BlocksAt, 64<<20); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// TestMoreThanTheMachineHas asks before it takes: the kernel would kill, not refuse.
func TestMoreThanTheMachineHas(t *testing.T) {
	m := mapped(t, 0)
	err := m.Grow(layout.BlocksAt, m.Size()-layout.BlocksAt)
	if !errors.Is(err, ErrNoSpace) {
		t.Errorf("got %v; want ErrNoSpace", err)
	}
}

func TestGiveBack(t *testing.T) {
	m := mapped(t, 0)
	if err := m.Grow(layout.BlocksAt, 1<<20); err != nil {
		t.Fatal(err)
	}
	p := (*byte)(m.Ptr(layout.BlocksAt + 5000))
	*p = 7
	from, to := m.GiveBack(layout.BlocksAt+1, 1<<19)
	if from != layout.BlocksAt+layout.PageSize || to != layout.BlocksAt+1<<19 {
		t.Errorf("gave back [%d, %d)", from, to)
	}
	if err := m.Back(from, to-from); err != nil {
		t.Fatal(err)
	}
	if *p != 0 {
		t.Error("the page kept its contents")
	}
}
