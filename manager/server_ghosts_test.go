package manager_test

import (
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/internal/pythons"
	"github.com/multiproc-go/multiproc/manager"
)

// ghosts are what the death of a client may leave behind; testdata/ghosts.py has what they are.
var ghosts = strings.Fields("get unread acquire rlock condition refcounts nested in_flight spawned")

// TestGhosts has Python clients die with something in hand, on our server and on CPython's own. Ours has none of the
// ghosts; that CPython's has them shows that the test sees them.
func TestGhosts(t *testing.T) {
	pythons.Each(t, func(t *testing.T, p pythons.Interpreter) {
		t.Parallel() // these wait most of the time
		s := serve(t, manager.Options{Grace: 200 * time.Millisecond})
		var ours, theirs map[string]string
		var both sync.WaitGroup
		both.Go(func() { ours = runGhosts(t, p.Path, pythonAddress(s), hex.EncodeToString(s.Authkey())) })
		both.Go(func() { theirs = runGhosts(t, p.Path) })
		both.Wait()
		for _, name := range ghosts {
			if ours[name] != "yes" {
				t.Errorf("%s: our server says %q", name, ours[name])
			}
			if theirs[name] == "yes" {
				t.Errorf("%s: CPython's server has no such ghost, or this test does not see it", name)
			}
			t.Logf("%-10s ours %s, CPython %v: %s", name, ours[name], p, theirs[name])
		}
		awaitNoObjects(t, s)
	}, 11, 13)
}

func runGhosts(t *testing.T, python string, args ...string) map[string]string {
	cmd := exec.CommandContext(modetest.Patient(t), python, append([]string{filepath.Join("testdata", "ghosts.py")}, args...)...)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	result := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		if name, yes, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			result[name] = yes
		}
	}
	return result
}
