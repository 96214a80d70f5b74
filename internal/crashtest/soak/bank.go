package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

const (
	accounts = 3
	owners   = 16 // workers share the columns of an account
	pageSize = 4 << 20
)

// account is what one lock protects. A and B are equal whenever it is free.
type account struct {
	Holder int64 // 1 + the column of the worker inside, or 0
	Before int64 // Own[Holder-1] when it came in
	A, B   int64
	Own    [owners]int64
}

// ledger is larger than a word, and all its numbers are the same.
type ledger [25]int64

func entry(n int64) (l ledger) {
	for i := range l {
		l[i] = n
	}
	return l
}

// bank is what the workers share.
type bank struct {
	Locks    [accounts]*psync.Mutex
	Accounts *shm.Array[account]
	Large    *shm.Value[ledger]
	PageLock *psync.Mutex
	Page     *shm.Array[byte]
	Stop     *shm.Value[bool]
	Stall    *shm.Value[int64] // the longest wait for a lock, in nanoseconds
}

// job is one worker's.
type job struct {
	Bank   bank
	Worker int
	Seed   uint64
	Point  string // of crashpoint.At, at which it dies; "" is nowhere
	Nth    int
	Branch bool // a worker's child, which has none itself and ends soon
}

var clerk = multiproc.Declare[job, multiproc.None]("soak clerk")

func init() { clerk.Handle(work) }

// work does random things until it is told to stop, or dies.
func work(ctx context.Context, j job) (multiproc.None, error) {
	w := worker{job: j, rnd: rand.New(rand.NewPCG(j.Seed, uint64(j.Worker)))}
	w.arm()
	for i := 0; !j.Bank.Stop.Load() && ctx.Err() == nil; i++ {
		if j.Branch && i == 200 {
			break
		}
		if err := w.act(ctx); err != nil && ctx.Err() == nil {
			return multiproc.None{}, fmt.Errorf("worker %d: %w", j.Worker, err)
		}
	}
	return multiproc.None{}, nil
}

type worker struct {
	job
	rnd *rand.Rand
}

func (w *worker) arm() {
	var n atomic.Int64
	crashpoint.Set(func(name string) {
		if name != w.Point {
			return
		}
		if n.Add(1) == int64(w.Nth) {
			die()
		}
	})
}

// die kills this process. Where that cannot be done it dies otherwise: who only stood still would look like a hang.
func die() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {} // the signal is on its way
}

func (w *worker) act(ctx context.Context) error {
	switch n := w.rnd.IntN(1000); {
	case n < 40:
		return w.giveUp(ctx)
	case n < 90:
		return w.blocks()
	case n < 140:
		return w.store()
	case n < 145:
		return w.read(ctx)
	case n < 147 && !w.Branch:
		return w.branch(ctx)
	default:
		return w.book(ctx, w.rnd.IntN(accounts))
	}
}

// book adds 1 to an account, in three places one after another.
func (w *worker) book(ctx context.Context, i int) error {
	began := time.Now()
	g, err := w.Bank.Locks[i].Lock(ctx)
	if err != nil {
		return err
	}
	waited, stall := int64(time.Since(began)), w.Bank.Stall
	for old := stall.Load(); waited > old && !shm.CompareAndSwap(stall, old, waited); old = stall.Load() {
	}
	acc := &w.Bank.Accounts.Slice()[i]
	if g.Abandoned() {
		acc.repair()
		g.Repaired()
	}
	if acc.Holder != 0 {
		return fmt.Errorf("it is in account %d with worker %d", i, acc.Holder-1)
	}
	if acc.A != acc.B {
		return fmt.Errorf("account %d: %d and %d", i, acc.A, acc.B)
	}
	column := w.Worker % owners
	acc.Before = acc.Own[column]
	acc.Holder = 1 + int64(column)
	acc.A++
	acc.Own[column]++
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

// giveUp waits for a lock for a short time only.
func (w *worker) giveUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(w.rnd.IntN(200))*time.Microsecond)
	defer cancel()
	err := w.Bank.Locks[w.rnd.IntN(accounts)].Repair(ctx, func() error { return errors.ErrUnsupported })
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// blocks makes an array and closes it.
func (w *worker) blocks() error {
	a, err := shm.NewArray[byte](1 + w.rnd.IntN(100<<10))
	if err != nil {
		return err
	}
	for i, b := range a.Slice() {
		if b != 0 {
			return fmt.Errorf("byte %d of a new array of %d is %d", i, a.Len(), b)
		}
	}
	for i := 0; i < a.Len(); i += 64 {
		a.Set(i, 255)
	}
	return a.Close()
}

// store replaces the large value and looks at whosever is there then.
func (w *worker) store() error {
	w.Bank.Large.Store(entry(w.rnd.Int64()))
	if l := w.Bank.Large.Load(); l != entry(l[0]) {
		return fmt.Errorf("torn: %v", l)
	}
	return nil
}

// read lets the kernel write zeros into the page, and then writes something else there
// itself. A zero that turns up later was written by a dead process.
func (w *worker) read(ctx context.Context) error {
	zero, err := os.Open("/dev/zero")
	if err != nil {
		return err
	}
	defer zero.Close()
	g, err := w.Bank.PageLock.Lock(ctx)
	if err != nil {
		return err
	}
	defer g.Unlock()
	if g.Abandoned() {
		g.Repaired()
	}
	page := w.Bank.Page.Slice()
	for i := 0; i < len(page); i += 512 {
		page[i] = 1
	}
	for i := 0; i < len(page); i += 512 {
		if page[i] != 1 {
			return fmt.Errorf("byte %d of the page was overwritten by another", i)
		}
	}
	_, err = zero.Read(page)
	return err
}

// branch starts a child of its own. Whether it waits for it or dies first is chance.
func (w *worker) branch(ctx context.Context) error {
	j := w.job
	j.Branch, j.Seed = true, w.rnd.Uint64()
	c, err := clerk.StartWith(ctx, j, multiproc.Options{Grace: grace})
	if err != nil {
		return err
	}
	if _, err := c.Result(ctx); err != nil {
		if _, ok := errors.AsType[*multiproc.SignalError](err); !ok {
			return err
		}
	}
	return nil
}
