package psync_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/internal/sys"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// lockDeed is what a client has done with a lock.
type lockDeed string

const (
	locked     lockDeed = "locked"
	missed     lockDeed = "found held" // by TryLock
	read       lockDeed = "began to read"
	wroteLeft  lockDeed = "wrote and unlocked"
	wroteReads lockDeed = "wrote and reads on" // by Downgrade
	readLeft   lockDeed = "ended reading"
)

// lockOp is an operation of a history.
type lockOp struct {
	Client          int
	Deed            lockDeed
	Saw             int64 // by locked and read: how often was written
	Called, Returns int64
}

// lockJob has one of the locks.
type lockJob struct {
	Mutex   *psync.Mutex
	RW      *psync.RWMutex
	Written *shm.Array[int64] // one number, which the lock protects
	Process int
	Seed    uint64
	Ready   *shm.Value[int64] // processes that are, so that all begin at the same time
}

const (
	lockProcesses = 3
	lockClients   = 2 // goroutines of each process
)

// useLock locks and unlocks at random, and returns what happened when. What was given up has not happened.
var useLock = multiproc.Func("useLock", func(ctx context.Context, j lockJob) ([]lockOp, error) {
	return together(ctx, j.Ready, lockProcesses, lockClients, func(g int) ([]lockOp, error) {
		c := lockClient{job: j, id: j.Process*lockClients + g}
		c.rnd = rand.New(rand.NewPCG(j.Seed, uint64(c.id)))
		err := c.run(ctx)
		return c.ops, err
	})
})

type lockClient struct {
	job    lockJob
	id     int
	rnd    *rand.Rand
	unlock func()                 // nil while it holds nothing
	lower  func() (func(), error) // Downgrade, which returns what to unlock with
	writes bool
	ops    []lockOp
}

func (c *lockClient) run(ctx context.Context) error {
	for step := 0; step < 60 || c.unlock != nil; step++ {
		var err error
		if c.unlock == nil {
			err = c.take(ctx)
		} else {
			err = c.leave()
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		if c.rnd.IntN(4) == 0 {
			time.Sleep(time.Duration(c.rnd.IntN(200)) * time.Microsecond) // so that others find it held, and must wait
		}
	}
	return nil
}

// did notes what f did, if it did something.
func (c *lockClient) did(deed lockDeed, f func() (done bool, err error)) error {
	op := lockOp{Client: c.id, Deed: deed, Called: int64(sys.Monotonic())}
	done, err := f()
	op.Returns = int64(sys.Monotonic())
	switch {
	case err != nil:
		return err
	case done && (deed == locked || deed == read):
		op.Saw = c.job.Written.At(0)
		c.writes = deed == locked
	case !done && deed == locked && c.job.Mutex != nil:
		op.Deed = missed
	case !done:
		return nil // that an RWMutex could not be had at once may be because another was just looking
	}
	c.ops = append(c.ops, op)
	return nil
}

// take locks, in one of the ways that there are.
func (c *lockClient) take(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(1+c.rnd.IntN(2000))*time.Microsecond)
	defer cancel()
	try := c.rnd.IntN(3) == 0
	switch m, rw := c.job.Mutex, c.job.RW; {
	case m != nil && try:
		return c.did(locked, func() (bool, error) {
			g, ok := m.TryLock()
			return c.has(ok, nil, g.Unlock, nil)
		})
	case m != nil:
		return c.did(locked, func() (bool, error) {
			g, err := m.Lock(ctx)
			return c.has(err == nil, err, g.Unlock, nil)
		})
	case c.rnd.IntN(3) > 0:
		return c.did(read, func() (bool, error) {
			if try {
				g, ok := rw.TryRLock()
				return c.has(ok, nil, g.Unlock, nil)
			}
			g, err := rw.RLock(ctx)
			return c.has(err == nil, err, g.Unlock, nil)
		})
	default:
		return c.did(locked, func() (bool, error) {
			var g psync.WriteGuard
			ok, err := false, error(nil)
			if try {
				g, ok = rw.TryLock()
			} else {
				g, err = rw.Lock(ctx)
				ok = err == nil
			}
			return c.has(ok, err, g.Unlock, func() (func(), error) {
				r, err := g.Downgrade()
				return r.Unlock, err
			})
		})
	}
}

// has remembers how to unlock what was had.
func (c *lockClient) has(ok bool, err error, unlock func(), lower func() (func(), error)) (bool, error) {
	if ok {
		c.unlock, c.lower = unlock, lower
	}
	return ok, err
}

// leave writes, if that is allowed, and unlocks, or reads on.
func (c *lockClient) leave() error {
	if !c.writes {
		return c.did(readLeft, func() (bool, error) {
			c.unlock()
			c.unlock = nil
			return true, nil
		})
	}
	c.job.Written.Set(0, c.job.Written.At(0)+1)
	c.writes = false
	if c.lower != nil && c.rnd.IntN(3) == 0 {
		return c.did(wroteReads, func() (_ bool, err error) {
			c.unlock, err = c.lower()
			return true, err
		})
	}
	return c.did(wroteLeft, func() (bool, error) {
		c.unlock()
		c.unlock = nil
		return true, nil
	})
}

// lockState is a lock and what it protects, as the checker sees them.
type lockState struct {
	writer  int // 1 + the client; 0 is none
	readers int
	written int64
}

func (s lockState) step(op lockOp) (bool, lockState) {
	switch op.Deed {
	case locked:
		ok := s.writer == 0 && s.readers == 0 && s.written == op.Saw
		s.writer = op.Client + 1
		return ok, s
	case missed:
		return s.writer != 0, s
	case read:
		ok := s.writer == 0 && s.written == op.Saw
		s.readers++
		return ok, s
	case readLeft:
		s.readers--
		return s.readers >= 0, s
	}
	ok := s.writer == op.Client+1
	s.writer = 0
	s.written++
	if op.Deed == wroteReads {
		s.readers++
	}
	return ok, s
}

// lockModel is a lock of one writer, or of readers.
var lockModel = porcupine.Model{
	Init: func() any { return lockState{} },
	Step: func(state, input, _ any) (bool, any) {
		ok, next := state.(lockState).step(input.(lockOp))
		return ok, next
	},
	DescribeOperation: func(input, _ any) string {
		op := input.(lockOp)
		return fmt.Sprintf("%s, saw %d", op.Deed, op.Saw)
	},
}

// locksAreLinearizable: each history is one that such a lock can have, with who was inside, who was not let in, and what was seen there.
func locksAreLinearizable(t *testing.T, object string, job func() lockJob) {
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	for range rounds {
		j := job()
		var err error
		j.Written, err = shm.NewArray[int64](1)
		must(t, err)
		defer j.Written.Close()
		j.Seed, j.Ready = rand.Uint64(), newValue(t)
		var calls []*multiproc.Call[[]lockOp]
		for j.Process = range lockProcesses {
			call, err := useLock.Start(t.Context(), j)
			must(t, err)
			calls = append(calls, call)
		}
		var history []porcupine.Operation
		for _, call := range calls {
			ops, err := call.Result(modetest.Patient(t))
			must(t, err)
			for _, op := range ops {
				history = append(history, porcupine.Operation{ClientId: op.Client, Input: op, Call: op.Called, Return: op.Returns})
			}
		}
		linearizable(t, lockModel, history, object, j.Seed)
	}
}

func TestMutexIsLinearizable(t *testing.T) {
	locksAreLinearizable(t, "mutex", func() lockJob { return lockJob{Mutex: newMutex(t)} })
}

func TestRWMutexIsLinearizable(t *testing.T) {
	locksAreLinearizable(t, "RWMutex", func() lockJob { return lockJob{RW: newRWMutex(t)} })
}

// TestLockModel: the checker refuses what no lock does, so that it means something when it does not.
func TestLockModel(t *testing.T) {
	op := func(client int, deed lockDeed, saw, called, returns int64) porcupine.Operation {
		return porcupine.Operation{ClientId: client, Input: lockOp{client, deed, saw, called, returns}, Call: called, Return: returns}
	}
	for name, test := range map[string]struct {
		history []porcupine.Operation
		fine    bool
	}{
		"one after the other": {[]porcupine.Operation{op(0, locked, 0, 0, 1), op(0, wroteLeft, 0, 2, 6), op(1, locked, 1, 3, 5)}, true},
		"two inside":          {[]porcupine.Operation{op(0, locked, 0, 0, 1), op(1, locked, 0, 2, 3), op(0, wroteLeft, 0, 4, 5)}, false},
		"two readers":         {[]porcupine.Operation{op(0, read, 0, 0, 1), op(1, read, 0, 2, 3), op(0, readLeft, 0, 4, 5)}, true},
		"reader and writer":   {[]porcupine.Operation{op(0, read, 0, 0, 1), op(1, locked, 0, 2, 3), op(0, readLeft, 0, 4, 5)}, false},
		"a write unseen":      {[]porcupine.Operation{op(0, locked, 0, 0, 1), op(0, wroteLeft, 0, 2, 3), op(1, locked, 0, 4, 5)}, false},
		"missed a free one":   {[]porcupine.Operation{op(1, missed, 0, 0, 1), op(0, locked, 0, 2, 3)}, false},
		"between two": {[]porcupine.Operation{
			op(0, locked, 0, 0, 1), op(0, wroteReads, 0, 2, 3), op(1, locked, 1, 4, 5), op(0, readLeft, 0, 6, 7),
		}, false},
	} {
		if got := porcupine.CheckOperations(lockModel, test.history); got != test.fine {
			t.Errorf("%s: %v", name, got)
		}
	}
}
