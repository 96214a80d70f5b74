package crashtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

const (
	workers  = 6
	accounts = 3
)

// An account is what one lock protects. A and B are equal whenever it is free.
type account struct {
	Holder int64 // 1 + the worker inside, or 0
	Before int64 // Own[Holder-1] when it came in
	A, B   int64
	Own    [workers]int64
}

type bank struct {
	Locks    [accounts]*psync.Mutex
	Accounts *shm.Array[account]
	Large    *shm.Value[ledger]
	Stop     *shm.Value[bool]
	Stall    *shm.Value[int64] // the longest wait for a lock, in nanoseconds
	Worker   int
	Seed     uint64
}

// clerk books increments under the locks until it is told to stop, or dies.
var clerk = multiproc.Proc("clerk", func(ctx context.Context, b bank) error {
	rnd := rand.New(rand.NewPCG(b.Seed, uint64(b.Worker)))
	for !b.Stop.Load() {
		var err error
		switch rnd.IntN(20) {
		case 0:
			err = b.patience(ctx, rnd)
		case 1:
			err = b.blocks(rnd)
		case 2:
			b.Large.Store(entry(rnd.Int64()))
			if l := b.Large.Load(); l != entry(l[0]) {
				err = fmt.Errorf("torn: %v", l)
			}
		default:
			err = b.book(ctx, rnd.IntN(accounts))
		}
		if err != nil {
			return err
		}
	}
	return nil
})

func (b *bank) book(ctx context.Context, i int) error {
	began := time.Now()
	g, err := b.Locks[i].Lock(ctx)
	if err != nil {
		return err
	}
	waited := int64(time.Since(began))
	for old := b.Stall.Load(); waited > old && !shm.CompareAndSwap(b.Stall, old, waited); old = b.Stall.Load() {
	}
	acc := &b.Accounts.Slice()[i]
	if g.Abandoned() {
		acc.repair()
		g.Repaired()
	}
	if acc.Holder != 0 {
		return fmt.Errorf("worker %d is in account %d with worker %d", b.Worker, i, acc.Holder-1)
	}
	if acc.A != acc.B {
		return fmt.Errorf("account %d: %d and %d", i, acc.A, acc.B)
	}
	acc.Before = acc.Own[b.Worker]
	acc.Holder = 1 + int64(b.Worker)
	acc.A++
	acc.Own[b.Worker]++
	acc.B++
	acc.Holder = 0
	g.Unlock()
	return nil
}

// repair finishes what a dead worker had begun.
func (acc *account) repair() {
	if acc.Holder != 0 && acc.A != acc.B {
		acc.Own[acc.Holder-1] = acc.Before + 1
		acc.B = acc.A
	}
	acc.Holder = 0
}

// patience gives up soon.
func (b *bank) patience(ctx context.Context, rnd *rand.Rand) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(rnd.IntN(200))*time.Microsecond)
	defer cancel()
	err := b.Locks[rnd.IntN(accounts)].Repair(ctx, func() error { return errors.ErrUnsupported })
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// blocks makes an array and closes it.
func (b *bank) blocks(rnd *rand.Rand) error {
	a, err := shm.NewArray[byte](1 + rnd.IntN(100<<10))
	if err != nil {
		return err
	}
	return a.Close()
}

func envInt(name string, otherwise int64) int64 {
	if n, err := strconv.ParseInt(os.Getenv(name), 10, 64); err == nil {
		return n
	}
	return otherwise
}

// TestKillAtRandom kills workers at random moments and replaces them. Set
// MULTIPROC_KILL_SECONDS for a longer run and MULTIPROC_KILL_SEED to repeat one.
func TestKillAtRandom(t *testing.T) {
	m := needProcess(t)
	seconds := envInt("MULTIPROC_KILL_SECONDS", 2)
	seed := uint64(envInt("MULTIPROC_KILL_SEED", time.Now().UnixNano()))
	t.Logf("MULTIPROC_KILL_SEED=%d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	slots := taken(m)

	b := bank{Large: newValue(t, entry(0)), Stop: newValue(t, false), Stall: newValue[int64](t, 0)}
	var err error
	if b.Accounts, err = shm.NewArray[account](accounts); err != nil {
		t.Fatal(err)
	}
	defer b.Accounts.Close()
	for i := range b.Locks {
		if b.Locks[i], err = psync.NewMutex(); err != nil {
			t.Fatal(err)
		}
		defer b.Locks[i].Close()
	}
	hire := func(worker int) *multiproc.Process {
		b := b
		b.Worker, b.Seed = worker, rnd.Uint64()
		p, err := multiproc.Start(context.WithoutCancel(t.Context()), clerk.With(b))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	var staff [workers]*multiproc.Process
	for i := range staff {
		staff[i] = hire(i)
	}
	kills := 0
	for end := time.Now().Add(time.Duration(seconds) * time.Second); time.Now().Before(end); kills++ {
		time.Sleep(time.Duration(rnd.IntN(8000)) * time.Microsecond)
		i := rnd.IntN(workers)
		staff[i].Kill()
		err := staff[i].Wait(patient(t))
		if _, ok := errors.AsType[*multiproc.SignalError](err); !ok {
			t.Fatalf("after %d kills, worker %d: %v", kills, i, err)
		}
		staff[i] = hire(i)
	}
	b.Stop.Store(true)
	for _, p := range staff {
		succeeded(t, p)
	}
	total := int64(0)
	for i, mu := range b.Locks {
		acc := &b.Accounts.Slice()[i]
		g, err := mu.Lock(patient(t))
		if err != nil {
			t.Fatal(err)
		}
		if g.Abandoned() {
			acc.repair()
			g.Repaired()
		}
		g.Unlock()
		sum := int64(0)
		for _, n := range acc.Own {
			sum += n
		}
		if acc.A != acc.B || acc.A != sum {
			t.Errorf("account %d: %d and %d, and the workers booked %d", i, acc.A, acc.B, sum)
		}
		total += sum
	}
	slotsBack(t, m, slots)
	inOrder(t, m)
	t.Logf("%d kills, %d bookings, longest wait for a lock %v", kills, total, time.Duration(b.Stall.Load()))
	if total == 0 {
		t.Error("nothing was booked")
	}
}
