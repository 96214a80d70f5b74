package crashtest

import (
	"context"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

type cargo struct {
	Mu    *psync.Mutex
	Stage *shm.Value[int32]
	Load  []byte
}

var unload = multiproc.Func("unload", func(ctx context.Context, c cargo) (int, error) {
	c.Stage.Store(1)
	return len(c.Load), nil
})

type shipJob struct {
	Stage *shm.Value[int32]
	Size  int
}

// ship sends large arguments to children of its own.
var ship = multiproc.Proc("ship", func(ctx context.Context, j shipJob) error {
	for {
		c, err := unload.Start(ctx, cargo{Stage: j.Stage, Load: make([]byte, j.Size)})
		if err != nil {
			return err
		}
		if _, err := c.Result(ctx); err != nil {
			return err
		}
	}
})

// TestKillDuringArgument kills the child, or the parent, while an argument of 64 MiB is
// on its way.
func TestKillDuringArgument(t *testing.T) {
	m := needProcess(t)
	before := taken(m)
	const size = 64 << 20
	n := 4
	if testing.Short() {
		n = 1
	}
	for range n {
		p := start(t, unload.With(cargo{Stage: newValue[int32](t, 0), Load: make([]byte, size)}))
		p.Kill()
		killed(t, p)
		slotsBack(t, m, before)

		stage := newValue[int32](t, 0)
		q := start(t, ship.With(shipJob{stage, size}))
		reach(t, stage, 1)
		q.Kill()
		killed(t, q)
		slotsBack(t, m, before) // its child is gone, too
	}
	c, err := unload.Start(t.Context(), cargo{Stage: newValue[int32](t, 0), Load: make([]byte, size)})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Result(patient(t)); got != size || err != nil {
		t.Errorf("then: %d, %v", got, err)
	}
}
