package crashtest

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
)

// strayFile tells a process of this test binary where to say that it took itself for a
// root although it was started as a child.
const strayFile = "MULTIPROC_TEST_STRAY"

// beStray is called by TestMain.
func beStray() {
	if path := os.Getenv(strayFile); path != "" {
		multiproc.Init() // a child does not return from it
		os.WriteFile(path, []byte("a child did the work of its root over again"), 0o600)
		os.Exit(9)
	}
}

// litter starts children, several at a time, until it is killed.
var litter = multiproc.Proc("litter", func(ctx context.Context, j stagedDeath) error {
	for range 4 {
		go func() {
			for {
				if c, err := idle.StartWith(ctx, j.Stage, multiproc.Options{Grace: time.Millisecond}); err == nil {
					c.Kill()
				}
			}
		}()
	}
	j.Stage.Store(1)
	<-ctx.Done()
	return nil
})

// TestKillParentWhileItStarts: a child whose parent dies before it has said hello exits.
// It never takes itself for a program that merely inherited the mark.
func TestKillParentWhileItStarts(t *testing.T) {
	m := needProcess(t)
	before := taken(m)
	path := filepath.Join(t.TempDir(), "stray")
	env := append(os.Environ(), strayFile+"="+path)
	n := 100
	if testing.Short() {
		n = 20
	}
	for range n {
		stage := newValue[int32](t, 0)
		p := start(t, litter.With(stagedDeath{Stage: stage}).WithOptions(multiproc.Options{Env: env}))
		reach(t, stage, 1)
		time.Sleep(time.Duration(rand.IntN(5000)) * time.Microsecond) // any moment will do
		p.Kill()
		killed(t, p)
	}
	slotsBack(t, m, before)
	if text, err := os.ReadFile(path); err == nil {
		t.Errorf("%s", text)
	}
}
