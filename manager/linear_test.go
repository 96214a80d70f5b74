package manager_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/internal/sys"
	"github.com/multiproc-go/multiproc/manager"
)

type linearJob struct {
	Kind   string
	Client int // from 1
	Seed   uint64
	Log    *multiproc.File

	Dict  *manager.Dict[int, int]
	Queue *manager.Queue[int]
	Mutex *manager.Mutex
}

const linearOps = 40 // of a client, about

// A linearLog tells each operation before it is begun and after it has ended, so that who reads knows of all, however the process ends.
type linearLog struct {
	f    *os.File
	errs error
}

func (l *linearLog) do(kind string, key, arg int, f func() (out int, ok bool, err error)) (out int, ok bool) {
	fmt.Fprintf(l.f, "c %s %d %d %d\n", kind, key, arg, sys.Monotonic())
	out, ok, err := f()
	fmt.Fprintf(l.f, "r %d %v %d\n", out, ok, sys.Monotonic())
	l.errs = errors.Join(l.errs, err)
	return out, ok
}

// linearClient uses an object at random.
var linearClient = multiproc.Proc("manager_test.linear", func(ctx context.Context, j linearJob) error {
	f, err := j.Log.File()
	if err != nil {
		return err
	}
	log := &linearLog{f: f}
	random := rand.New(rand.NewPCG(j.Seed, uint64(j.Client)))
	for n := 1; n <= linearOps && log.errs == nil; n++ {
		unique := j.Client*1000 + n
		switch j.Kind {
		case "dict":
			log.dict(ctx, j.Dict, random, unique)
		case "queue":
			log.queue(ctx, j.Queue, random, unique)
		case "lock":
			log.lock(ctx, j.Mutex, random)
		}
	}
	fmt.Fprintln(f, "end")
	return errors.Join(log.errs, f.Close())
})

func keyed(v int, err error) (int, bool, error) {
	if errors.Is(err, manager.ErrKey) {
		return 0, false, nil
	}
	return v, err == nil, err
}

func (l *linearLog) dict(ctx context.Context, d *manager.Dict[int, int], random *rand.Rand, unique int) {
	key := random.IntN(2)
	switch random.IntN(5) {
	case 0:
		l.do("set", key, unique, func() (int, bool, error) { return 0, true, d.Set(ctx, key, unique) })
	case 1:
		l.do("pop", key, 0, func() (int, bool, error) { return keyed(d.Pop(ctx, key)) })
	case 2:
		l.do("setdefault", key, unique, func() (int, bool, error) { return keyed(d.SetDefault(ctx, key, unique)) })
	default:
		old, ok := l.do("get", key, 0, func() (int, bool, error) { return keyed(d.Get(ctx, key)) })
		if ok {
			l.do("cas", key, unique, func() (int, bool, error) {
				swapped, err := d.CompareAndSwap(ctx, key, old, unique)
				return old, swapped, err
			})
		}
	}
}

func (l *linearLog) queue(ctx context.Context, q *manager.Queue[int], random *rand.Rand, unique int) {
	switch random.IntN(5) {
	case 0, 1:
		l.do("put", 0, unique, func() (int, bool, error) { return 0, true, q.Put(ctx, unique) })
	case 2, 3:
		l.do("get", 0, 0, func() (int, bool, error) { return q.TryGet(ctx) })
	default: // three in a batch, of which each is an operation
		b := q.Client()
		defer b.Close()
		batch := b.NewBatch()
		gets := []*manager.Future[int]{q.In(batch).TryGet(), q.In(batch).TryGet(), q.In(batch).TryGet()}
		fmt.Fprintf(l.f, "c gets 0 %d %d\n", len(gets), sys.Monotonic())
		batch.Flush(ctx)
		text := "r"
		for _, get := range gets {
			v, err := get.Result()
			ok := err == nil
			if errors.Is(err, manager.ErrEmpty) {
				err = nil
			}
			l.errs = errors.Join(l.errs, err)
			text += fmt.Sprintf(" %d %v", v, ok)
		}
		fmt.Fprintf(l.f, "%s %d\n", text, sys.Monotonic())
	}
}

func (l *linearLog) lock(ctx context.Context, m *manager.Mutex, random *rand.Rand) {
	var g manager.Guard
	got := func(try bool) (out int, ok bool, err error) {
		if ok = true; try {
			g, ok, err = m.TryLock(ctx)
		} else {
			g, err = m.Lock(ctx)
		}
		if !ok || err != nil {
			return 0, false, err
		}
		if out = 1; g.Abandoned() {
			out = 2
		}
		return out, true, nil
	}
	kind := []string{"lock", "trylock"}[random.IntN(2)]
	out, ok := l.do(kind, 0, 0, func() (int, bool, error) { return got(kind == "trylock") })
	if !ok {
		return
	}
	if out == 2 && random.IntN(2) == 0 {
		l.do("repaired", 0, 0, func() (int, bool, error) { return 0, true, g.Repaired(ctx) })
	}
	l.do("unlock", 0, 0, func() (int, bool, error) { g.Unlock(); return 0, true, nil })
}

// linearHistory reads the log of a client; kill is called when so many lines were read.
func linearHistory(t *testing.T, client int, r io.Reader, after int, kill func()) (ops []linearOp, ended bool) {
	var called *linearOp
	lines := 0
	for in := bufio.NewScanner(r); in.Scan(); lines++ {
		if lines == after {
			kill()
		}
		line := in.Text()
		switch {
		case line == "end":
			ended = true
		case line[0] == 'c':
			called = &linearOp{Client: client, Pending: true}
			if _, err := fmt.Sscan(line[1:], &called.Kind, &called.Key, &called.Arg, &called.Called); err != nil {
				t.Errorf("%q: %v", line, err)
			}
		case called.Kind == "gets":
			words := strings.Fields(line)[1:]
			for i := 0; i+2 < len(words)+1 && i < 2*called.Arg; i += 2 {
				op := *called
				op.Kind, op.Pending = "get", false
				fmt.Sscan(words[i]+" "+words[i+1]+" "+words[len(words)-1], &op.Out, &op.OK, &op.Returns)
				ops = append(ops, op)
			}
			called = nil
		default:
			called.Pending = false
			if _, err := fmt.Sscan(line[1:], &called.Out, &called.OK, &called.Returns); err != nil {
				t.Errorf("%q: %v", line, err)
			}
			ops = append(ops, *called)
			called = nil
		}
	}
	if called != nil {
		n := 1
		if called.Kind == "gets" {
			n, called.Kind = called.Arg, "get"
		}
		for range n {
			ops = append(ops, *called)
		}
	}
	return ops, ended
}

// TestLinearizable: of dicts, queues and locks that clients use at random, some of whom are killed at a random moment, each history is one
// that such an object can have.
func TestLinearizable(t *testing.T) {
	modetest.NeedProcess(t, "kills some")
	const clients, killed = 5, 2
	rounds := 5
	if testing.Short() {
		rounds = 1
	}
	models := map[string]porcupine.Model{
		"dict":  linearModel(missing, dictStep, byKey),
		"queue": linearModel(queueState{}, queueStep, nil),
		"lock":  linearModel(lockState{}, lockStep, nil),
	}
	for kind, model := range models {
		t.Run(kind, func(t *testing.T) {
			pending, operations := 0, 0
			for range rounds {
				seed := rand.Uint64()
				random := rand.New(rand.NewPCG(seed, 0))
				ctx, c := modetest.Patient(t), dialOurs(t, manager.Options{})
				j := linearJob{Kind: kind, Seed: seed, Dict: must(manager.NewDict[int, int](ctx, c))(t),
					Queue: must(manager.NewQueue[int](ctx, c, 0))(t), Mutex: must(manager.NewMutex(ctx, c))(t)}
				var mu sync.Mutex
				var history []porcupine.Operation
				var all sync.WaitGroup
				for i := 1; i <= clients; i++ {
					r, w, err := os.Pipe()
					ok(t, err)
					j.Client, j.Log = i, multiproc.NewFile(w)
					call := must(linearClient.Start(ctx, j))(t)
					w.Close()
					after, killedAt := math.MaxInt, int64(0)
					if i <= killed {
						after = 2 + random.IntN(linearOps)
					}
					all.Go(func() {
						defer r.Close()
						ops, ended := linearHistory(t, i, r, after, func() {
							killedAt = int64(sys.Monotonic())
							call.Kill()
						})
						err := call.Wait(context.Background())
						if i > killed && (err != nil || !ended) {
							t.Errorf("client %d: %v", i, err)
						}
						mu.Lock()
						defer mu.Unlock()
						operations += len(ops)
						for _, op := range ops {
							if op.Pending {
								pending++
							}
							history = append(history, op.operation())
						}
						if killedAt != 0 && kind != "dict" {
							last := ops[len(ops)-1]
							death := linearOp{Client: i, Kind: "death", Pending: true, Called: killedAt, OK: last.Pending && strings.Contains(last.Kind, "lock")}
							history = append(history, death.operation())
						}
					})
				}
				all.Wait()
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
				switch porcupine.CheckOperationsTimeout(model, history, modetest.Watchdog) {
				case porcupine.Illegal:
					for _, op := range history {
						t.Logf("%+v", op.Input)
					}
					t.Fatalf("seed %d: no %s has this history", seed, kind)
				case porcupine.Unknown:
					t.Logf("seed %d: a history of %d operations is too long to check", seed, len(history))
				}
			}
			t.Logf("%d operations, %d were under way at a death", operations, pending)
		})
	}
}

// TestLinearModelsSeeErrors: histories that the objects cannot have.
func TestLinearModelsSeeErrors(t *testing.T) {
	for name, test := range map[string]struct {
		model porcupine.Model
		ops   []linearOp
		fine  bool
	}{
		"a lost item":         {linearModel(queueState{}, queueStep, nil), []linearOp{{Kind: "put", Arg: 1, OK: true}, {Kind: "get"}}, false},
		"an item twice":       {linearModel(queueState{}, queueStep, nil), []linearOp{{Kind: "put", Arg: 1, OK: true}, {Kind: "get", Out: 1, OK: true}, {Kind: "get", Out: 1, OK: true}}, false},
		"the wrong order":     {linearModel(queueState{}, queueStep, nil), []linearOp{{Kind: "put", Arg: 1}, {Kind: "put", Arg: 2}, {Kind: "get", Out: 2, OK: true}}, false},
		"the item of a death": {linearModel(queueState{}, queueStep, nil), []linearOp{{Kind: "put", Arg: 1}, {Kind: "put", Arg: 2}, {Client: 1, Kind: "get", Pending: true}, {Kind: "get", Out: 2, OK: true}, {Client: 1, Kind: "death", Pending: true}, {Kind: "get", Out: 1, OK: true}}, true},
		"two holders":         {linearModel(lockState{}, lockStep, nil), []linearOp{{Client: 1, Kind: "lock", Out: 1, OK: true}, {Client: 2, Kind: "lock", Out: 1, OK: true}}, false},
		"nobody is told":      {linearModel(lockState{}, lockStep, nil), []linearOp{{Client: 1, Kind: "lock", Out: 1, OK: true}, {Client: 1, Kind: "death", Pending: true}, {Client: 2, Kind: "lock", Out: 1, OK: true}}, false},
		"all are told":        {linearModel(lockState{}, lockStep, nil), []linearOp{{Client: 1, Kind: "lock", Out: 1, OK: true}, {Client: 1, Kind: "death", Pending: true}, {Client: 2, Kind: "lock", Out: 2, OK: true}}, true},
		"a lost update":       {linearModel(missing, dictStep, byKey), []linearOp{{Kind: "set", Arg: 5, OK: true}, {Kind: "get", Out: 0}}, false},
		"a wrong swap":        {linearModel(missing, dictStep, byKey), []linearOp{{Kind: "set", Arg: 5, OK: true}, {Kind: "cas", Out: 6, Arg: 7, OK: true}}, false},
	} {
		var history []porcupine.Operation
		for i, op := range test.ops {
			op.Called, op.Returns = int64(2*i), int64(2*i+1)
			history = append(history, op.operation())
		}
		if got := porcupine.CheckOperations(test.model, history); got != test.fine {
			t.Errorf("%s: %v", name, got)
		}
	}
}
