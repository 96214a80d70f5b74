package crashtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/shm"
)

// limitedProgram makes this test binary a program whose shared memory has a limit.
const limitedProgram = "MULTIPROC_TEST_LIMITED"

// runLimited fills the memory, in a child, and goes on after that.
func runLimited(ctx context.Context) error {
	c, err := fill.Start(ctx, multiproc.None{})
	if err != nil {
		return err
	}
	n, err := c.Result(ctx)
	fmt.Println("arrays:", n)
	return err
}

var fill = multiproc.Func("fill", func(ctx context.Context, _ multiproc.None) (int, error) {
	var list []*shm.Array[byte]
	for {
		a, err := shm.NewArray[byte](1 << 20)
		if err == nil {
			list = append(list, a)
			continue
		}
		full, ok := errors.AsType[*shm.FullError](err)
		if !ok || !errors.Is(err, shm.ErrLimit) || full.Need < 1<<20 {
			return 0, fmt.Errorf("at the limit: %w", err)
		}
		break
	}
	// What is given back can be had again; nothing was lost by the refusal.
	for i := range list {
		if err := list[i].Close(); err != nil {
			return 0, err
		}
		var err error
		if list[i], err = shm.NewArray[byte](1 << 20); err != nil {
			return 0, fmt.Errorf("after Close: %w", err)
		}
	}
	return len(list), nil
})

// TestMemoryLimit: the family's limit holds for all its processes, and is an error.
func TestMemoryLimit(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), limitedProgram+"=1")
	out, err := cmd.CombinedOutput()
	var n int
	if _, serr := fmt.Sscanf(strings.TrimSpace(string(out)), "arrays: %d", &n); err != nil || serr != nil || n < 3 || n > 12 {
		t.Errorf("%v\n%s", err, out)
	}
}
