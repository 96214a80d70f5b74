package crashtest

import (
	"context"
	"os"
	"syscall"
	"testing"

	"github.com/multiproc-go/multiproc"
)

// become holds the lock and turns into another program.
var become = multiproc.Proc("become", func(ctx context.Context, p player) error {
	if _, err := p.Mu.Lock(ctx); err != nil {
		return err
	}
	p.Stage.Store(holding)
	for p.Cue.Load() < 2 {
	}
	return syscall.Exec("/bin/sleep", []string{"sleep", "1000"}, os.Environ())
})

// TestKillByExec: an execve is a death, although the process lives on.
func TestKillByExec(t *testing.T) {
	s := newScene(t)
	if _, err := os.Stat("/bin/sleep"); err != nil {
		t.Skip("needs /bin/sleep: ", err)
	}
	stage := newValue[int32](t, 0)
	other := start(t, become.With(player{Mu: s.mu, Stage: stage, Cue: s.cue}))
	reach(t, stage, holding)
	heir := s.enter(player{})
	s.waits(heir)
	s.cue.Store(2)
	s.gets(heir, abandoned)
	if !other.Alive() {
		t.Error("the process that became another has ended")
	}
	other.Kill()
	killed(t, other)
}
