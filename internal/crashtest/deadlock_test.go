package crashtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/blocked"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// crosser takes two locks; another one takes them the other way round.
type crosser struct {
	First, Second *psync.Mutex
	Stage         *shm.Value[int32] // of this one
	Cue           *shm.Value[int32] // of the test
	Death         death
	Stop          string // a point at which it waits for cue 2, once
}

// Stages of a crosser.
const (
	hasFirst int32 = 1 + iota
	stopped
	hasBoth
)

var crossOver = multiproc.Proc("crossOver", func(ctx context.Context, c crosser) error {
	if c.Death.Point != "" {
		c.Death.arm(nil)
	} else {
		once := false
		crashpoint.Set(func(name string) {
			if name != c.Stop || once {
				return
			}
			once = true
			c.Stage.Store(stopped)
			for c.Cue.Load() < 2 {
				nap()
			}
		})
	}
	g, err := c.First.Lock(ctx)
	if err != nil {
		return err
	}
	c.Stage.Store(hasFirst)
	for c.Cue.Load() < 1 {
		nap()
	}
	h, err := c.Second.Lock(ctx)
	if err != nil {
		return err
	}
	c.Stage.Store(hasBoth)
	if !h.Abandoned() {
		return fmt.Errorf("%v was not abandoned", c.Second)
	}
	h.Unlock()
	g.Unlock()
	return nil
})

// deadly is two processes that wait for each other. The second waits for a shorter time, so it is the one that reports.
type deadly struct {
	t             *testing.T
	first, second *multiproc.Process
	stage         [2]*shm.Value[int32]
	cue           [2]*shm.Value[int32]
	said          string // the file of what they have to say
}

func newDeadly(t *testing.T, second crosser) *deadly {
	t.Helper()
	needProcess(t)
	d := &deadly{t: t, said: filepath.Join(t.TempDir(), "said")}
	file, err := os.Create(d.said)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var locks [2]*psync.Mutex
	for i := range locks {
		if locks[i], err = psync.NewMutex(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { locks[i].Close() })
		d.stage[i], d.cue[i] = newValue[int32](t, 0), newValue[int32](t, 0)
	}
	begin := func(c crosser, i int) *multiproc.Process {
		c.First, c.Second, c.Stage, c.Cue = locks[i], locks[1-i], d.stage[i], d.cue[i]
		p := start(t, crossOver.With(c).WithOptions(multiproc.Options{Stderr: file}))
		reach(t, d.stage[i], hasFirst)
		return p
	}
	d.first, d.second = begin(crosser{}, 0), begin(second, 1)
	d.cue[0].Store(1)
	eventually(t, func() error {
		if list := locks[1].Waiters(); len(list) != 1 || list[0].Pid != d.first.Pid() {
			return fmt.Errorf("the waiters are %+v", list)
		}
		return nil
	})
	d.cue[1].Store(1)
	return d
}

// reports is how many deadlocks were reported.
func (d *deadly) reports() int {
	b, err := os.ReadFile(d.said)
	if err != nil {
		d.t.Fatal(err)
	}
	return strings.Count(string(b), "multiproc: ")
}

// TestKillSearcher: the process that has found the circle dies before it reports it. The other one goes on; it has nothing to report.
func TestKillSearcher(t *testing.T) {
	for _, point := range []string{"deadlock.look", "deadlock.found", "deadlock.report"} {
		t.Run(point, func(t *testing.T) {
			d := newDeadly(t, crosser{Death: death{point, 1, 0}})
			killed(t, d.second)
			reach(t, d.stage[0], hasBoth)
			succeeded(t, d.first)
			if n := d.reports(); n != 0 {
				t.Errorf("%d reports", n)
			}
		})
	}
}

// TestKillInCircle: one of a circle dies when another has found it, and not yet reported. Then there is nothing to report, and
// that one goes on.
func TestKillInCircle(t *testing.T) {
	d := newDeadly(t, crosser{Stop: "deadlock.found"})
	reach(t, d.stage[1], stopped)
	d.first.Kill()
	killed(t, d.first)
	d.cue[1].Store(2)
	succeeded(t, d.second)
	if n := d.reports(); n != 0 {
		t.Errorf("%d reports", n)
	}
}

// TestKillReported: after the report the one of them that is killed frees the other.
func TestKillReported(t *testing.T) {
	d := newDeadly(t, crosser{})
	eventually(t, func() error {
		if n := d.reports(); n != 1 {
			return fmt.Errorf("%d reports", n)
		}
		return nil
	})
	d.second.Kill()
	killed(t, d.second)
	succeeded(t, d.first)
	if n := d.reports(); n != 1 {
		t.Errorf("%d reports", n)
	}
}

type tangleJob struct {
	Locks []*psync.Mutex
	Done  *shm.Value[int64]
	Told  *shm.Value[int64]
	Seed  uint64
	Death death
}

// tangle takes two locks in any order, for ever.
var tangle = multiproc.Proc("tangle", func(ctx context.Context, j tangleJob) error {
	j.Death.arm(nil)
	rnd := rand.New(rand.NewPCG(j.Seed, 1))
	for {
		i := rnd.IntN(len(j.Locks))
		k := (i + 1 + rnd.IntN(len(j.Locks)-1)) % len(j.Locks)
		err := j.Locks[i].Repair(ctx, func() error {
			time.Sleep(time.Duration(rnd.IntN(100)) * time.Microsecond)
			return j.Locks[k].Repair(ctx, func() error { shm.Add(j.Done, 1); return nil })
		})
		switch {
		case errors.Is(err, psync.ErrDeadlock):
			shm.Add(j.Told, 1)
		case err != nil:
			return err
		}
	}
})

// TestKillTangled: processes that run into deadlocks all the time die at random, and where they record waits and look for circles. Those who
// live always go on, and the lists of who holds and waits have nobody else.
func TestKillTangled(t *testing.T) {
	needProcess(t)
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	job := tangleJob{Done: newValue[int64](t, 0), Told: newValue[int64](t, 0)}
	for range 4 {
		mu, err := psync.NewMutexWith(psync.MutexOptions{Deadlock: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { mu.Close() })
		job.Locks = append(job.Locks, mu)
	}
	points := []string{"", "", "blocked.room", "blocked.writing", "blocked.written", "lock.sleep", "lock.woken", "deadlock.look", "deadlock.found", "deadlock.report"}
	said, err := os.Create(filepath.Join(t.TempDir(), "said"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	impatient := append(os.Environ(), blocked.EnvPatience+"=10ms")
	hire := func() *multiproc.Process {
		j := job
		j.Seed, j.Death = rnd.Uint64(), death{Point: points[rnd.IntN(len(points))], Nth: 1 + rnd.IntN(20)}
		return start(t, tangle.With(j).WithOptions(multiproc.Options{Stderr: said, Env: impatient}))
	}
	staff := make([]*multiproc.Process, 4)
	for i := range staff {
		staff[i] = hire()
	}
	dead := 0
	for end := time.Now().Add(killFor(t)); time.Now().Before(end); {
		before := job.Done.Load()
		eventually(t, func() error {
			for i, p := range staff {
				if !p.Alive() {
					dead++
					staff[i] = hire()
				}
			}
			for _, mu := range job.Locks {
				if n := len(mu.Holders()); n > 1 {
					return fmt.Errorf("seed %d: %d holders", seed, n)
				}
				mu.Waiters()
			}
			if n := job.Done.Load(); n <= before {
				return fmt.Errorf("seed %d: nobody goes on after %d pairs, %d deadlocks and %d deaths", seed, n, job.Told.Load(), dead)
			}
			return nil
		})
		if rnd.IntN(6) == 0 {
			staff[rnd.IntN(len(staff))].Kill()
		}
		nap()
	}
	for _, p := range staff {
		p.Kill()
		<-p.Done()
	}
	for _, mu := range job.Locks {
		nobody(t, "holders at the end", mu.Holders())
		nobody(t, "waiters at the end", mu.Waiters())
	}
	t.Logf("seed %d: %d pairs, %d deadlocks, %d deaths", seed, job.Done.Load(), job.Told.Load(), dead)
	if dead == 0 || job.Told.Load() == 0 {
		t.Errorf("%d deaths and %d deadlocks", dead, job.Told.Load())
	}
}
