package soak

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// grace is how long a process may outlive the death of its parent.
const grace = 200 * time.Millisecond

// Points are the named moments at which a worker may die.
var Points = []string{
	"lock.sleep", "lock.woken", "lock.steal", "lock.giveup", "lock.freed", "lock.nobody", "lock.cleared", "lock.coming", "lock.overtaken",
	"lease.reserved", "lease.claim", "lease.announce", "lease.epoch", "lease.waking", "lease.told", "lease.reaping", "lease.reaped",
	"arena.planned", "arena.writing", "arena.written", "arena.pending", "arena.block", "arena.head", "arena.applied", "arena.limbo", "arena.given",
	"value.half", "value.flip",
}

// Options say how long to run. At least one of Kills and For must be set; the run ends
// with the first that is reached.
type Options struct {
	Processes int
	Kills     int
	For       time.Duration
	Seed      uint64
	Patience  time.Duration // how long the last workers may take to end; 0 is a minute
}

// Report tells what happened.
type Report struct {
	Kills    int            // by the parent, at random
	Deaths   map[string]int // by a worker's own hand, by point
	Bookings int64
	Stall    time.Duration // the longest wait for a lock
}

// Total is the number of processes that died.
func (r Report) Total() int {
	n := r.Kills
	for _, k := range r.Deaths {
		n += k
	}
	return n
}

func (r Report) String() string {
	s := fmt.Sprintf("%d deaths: %d at random", r.Total(), r.Kills)
	for _, point := range slices.Sorted(maps.Keys(r.Deaths)) {
		s += fmt.Sprintf(", %d at %s", r.Deaths[point], point)
	}
	return s + fmt.Sprintf("; %d bookings, longest wait for a lock %v", r.Bookings, r.Stall)
}

// run is one Run under way.
type run struct {
	Options
	rnd    *rand.Rand
	member *family.Member
	bank   bank
	staff  []hired
	ended  chan int // indexes into staff
	report Report
}

type hired struct {
	*multiproc.Process
	point  string
	killed bool
}

// complete sets what the zero value stands for.
func (o Options) complete() Options {
	if o.Patience == 0 {
		o.Patience = time.Minute
	}
	return o
}

// Run is the whole: it returns an error if anything was lost, torn, left or stuck. The
// program must have called multiproc.Main or Init.
func Run(ctx context.Context, o Options) (Report, error) {
	member, err := family.Current()
	if err != nil {
		return Report{}, err
	}
	o = o.complete()
	r := &run{
		Options: o, member: member,
		rnd:    rand.New(rand.NewPCG(o.Seed, 0)),
		staff:  make([]hired, o.Processes),
		ended:  make(chan int, o.Processes),
		report: Report{Deaths: make(map[string]int)},
	}
	before := takeStock(member)
	closeAll, err := r.open()
	defer closeAll()
	if err != nil {
		return r.report, err
	}
	err = errors.Join(r.work(ctx), r.finish())
	if err != nil {
		return r.report, err
	}
	if err := r.balance(); err != nil {
		return r.report, err
	}
	closeAll()
	return r.report, before.nothingLeft(member, o.Patience)
}

// open makes what the workers share; the function that it returns closes it.
func (r *run) open() (closeAll func(), err error) {
	var closers []func() error
	closeAll = func() {
		for _, f := range closers {
			f()
		}
		closers = nil
	}
	b := &r.bank
	for _, mu := range []**psync.Mutex{&b.PageLock, &b.Locks[0], &b.Locks[1], &b.Locks[2]} {
		if *mu, err = psync.NewMutex(); err != nil {
			return closeAll, err
		}
		closers = append(closers, (*mu).Close)
	}
	if b.Accounts, err = shm.NewArray[account](accounts); err != nil {
		return closeAll, err
	}
	closers = append(closers, b.Accounts.Close)
	if b.Page, err = shm.NewArray[byte](pageSize); err != nil {
		return closeAll, err
	}
	closers = append(closers, b.Page.Close)
	if b.Large, err = shm.NewValue(entry(0)); err != nil {
		return closeAll, err
	}
	closers = append(closers, b.Large.Close)
	if b.Stop, err = shm.NewValue(false); err != nil {
		return closeAll, err
	}
	closers = append(closers, b.Stop.Close)
	b.Stall, err = shm.NewValue[int64](0)
	if err == nil {
		closers = append(closers, b.Stall.Close)
	}
	return closeAll, err
}

func (r *run) hire(i int) error {
	j := job{Bank: r.bank, Worker: i, Seed: r.rnd.Uint64()}
	if r.rnd.IntN(2) == 0 {
		j.Point, j.Nth = Points[r.rnd.IntN(len(Points))], 1+r.rnd.IntN(30)
	}
	c, err := clerk.StartWith(context.Background(), j, multiproc.Options{Grace: grace})
	if err != nil {
		return err
	}
	r.staff[i] = hired{Process: c.Process, point: j.Point}
	go func() {
		<-c.Done()
		r.ended <- i
	}()
	return nil
}

// work keeps the staff complete while it is killed.
func (r *run) work(ctx context.Context) error {
	for i := range r.staff {
		if err := r.hire(i); err != nil {
			return err
		}
	}
	var timeUp <-chan time.Time
	if r.For > 0 {
		timeUp = time.After(r.For)
	}
	for next := time.NewTimer(0); r.Kills == 0 || r.report.Total() < r.Kills; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timeUp:
			return nil
		case i := <-r.ended:
			if err := r.bury(i); err != nil {
				return err
			}
			if err := r.hire(i); err != nil {
				return err
			}
		case <-next.C:
			next.Reset(time.Duration(r.rnd.IntN(6000)) * time.Microsecond)
			if h := &r.staff[r.rnd.IntN(len(r.staff))]; !h.killed && h.Alive() {
				h.killed = h.Kill() == nil
			}
		}
	}
	return nil
}

// bury looks how a worker ended.
func (r *run) bury(i int) error {
	h := r.staff[i]
	err := h.Wait(context.Background())
	sig, ok := errors.AsType[*multiproc.SignalError](err)
	switch {
	case !ok || sig.Signal != syscall.SIGKILL:
		return fmt.Errorf("%v ended with %v", h.Process, err)
	case h.killed:
		r.report.Kills++
	default:
		r.report.Deaths[h.point]++
	}
	return nil
}

// finish tells the staff to stop, and waits for it.
func (r *run) finish() error {
	r.bank.Stop.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), r.Patience)
	defer cancel()
	var errs []error
	for _, h := range r.staff {
		if h.Process == nil {
			continue
		}
		err := h.Wait(ctx)
		if _, ok := errors.AsType[*multiproc.SignalError](err); err != nil && !ok {
			errs = append(errs, fmt.Errorf("stuck, or failed: %v: %w", h.Process, err))
			h.Kill()
			<-h.Done()
		}
	}
	r.report.Stall = time.Duration(r.bank.Stall.Load())
	return errors.Join(errs...)
}

// balance adds up the accounts.
func (r *run) balance() error {
	for i, mu := range r.bank.Locks {
		acc := &r.bank.Accounts.Slice()[i]
		if err := mu.Repair(context.Background(), func() error { acc.repair(); return nil }); err != nil {
			return err
		}
		sum := int64(0)
		for _, n := range acc.Own {
			sum += n
		}
		if acc.A != acc.B || acc.A != sum {
			return fmt.Errorf("account %d: %d and %d, and the workers booked %d", i, acc.A, acc.B, sum)
		}
		r.report.Bookings += sum
	}
	if r.report.Bookings == 0 {
		return errors.New("nothing was booked")
	}
	return nil
}
