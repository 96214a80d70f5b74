package psync

import (
	"context"
	"fmt"
	"math/bits"
	"sync/atomic"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/race"
	"github.com/multiproc-go/multiproc/internal/sema"
)

// A Semaphore is a number of permits between processes. It is a handle, as a [Mutex] is.
//
// It can be used in two ways, also at the same time. Acquire gives a [Permit], which has an owner: it comes back by Release, or
// when its process dies. Wait takes a permit that nobody owns, and Post adds one: these are for signals, or for permits that one
// process takes and another gives back; no death changes them. What was done before a Release or Post is seen after the Acquire or Wait
// that gets its permit.
//
// Each process keeps the permits that it has given back until others want them, so Acquire and Release of one that nobody else
// wants meanwhile cost an atomic instruction each, as Wait and Post do, and no system call. To get one that another process had is
// several times as much: permits move under a lock, and where none is in sight the records of all processes are looked at
// that ever had one.
//
// Who finds too few permits waits in a queue. The first in it can be overtaken by those who come when there is something free, until it has
// waited for a millisecond: then nobody gets anything before it, however many it wants. So nobody is starved by those
// who want less. Goroutines of one process stand in the queue in the order in which they came; between processes there is no order. A
// process that is stopped while it is the first holds up the others. Release and Post wait for nobody.
type Semaphore struct {
	object
	sema sema.Sema
	hold atomic.Pointer[layout.Hold] // of this process; nil until it is needed, and in goroutine mode
}

var semaphoreShape = family.Shape{Kind: layout.KindSemaphore, Bytes: sema.Bytes}

// MostPermits is the largest number of permits of a new [Semaphore], and the most that can be acquired at a time.
const MostPermits = layout.MostPermits

// NewSemaphore makes a semaphore with n permits in the family's shared memory. It panics if n is less than 0 or more
// than [MostPermits]. The error says that there is no memory left, or that this process cannot be a member of a
// family.
func NewSemaphore(n int) (*Semaphore, error) { return newSemaphore("NewSemaphore", n, 0, 0) }

// NewBoundedSemaphore makes one that never has more than n permits, those that are held included: a Post beyond that is [ErrBound]. It panics if n is
// less than 1 or more than [MostPermits]. The error is as of [NewSemaphore].
func NewBoundedSemaphore(n int) (*Semaphore, error) {
	return newSemaphore("NewBoundedSemaphore", n, 1, n)
}

func newSemaphore(op string, n, least, bound int) (*Semaphore, error) {
	if n < least || n > MostPermits {
		panic(fmt.Sprintf("psync: %s(%d): want %d to %d permits", op, n, least, MostPermits))
	}
	ref, err := family.NewRef(semaphoreShape)
	if err != nil {
		return nil, fmt.Errorf("psync: %s: %w", op, err)
	}
	s := new(Semaphore)
	s.set(ref)
	s.sema.Begin(uint32(n), uint32(bound))
	return s, nil
}

// Acquire waits until it has a permit, which is this process's until it is released. An error means that there is none: ctx's,
// [ErrClosed], or that there is no memory in which to record it. If ctx has ended, Acquire succeeds all the same where it need not wait.
func (s *Semaphore) Acquire(ctx context.Context) (Permit, error) {
	if h := s.hold.Load(); h != nil && !race.Enabled {
		w := h.Word.Load()
		if w&sema.Ready == s.sema.Opened() && w&layout.PermitBits != 0 && sema.Room(w) && s.ref.Live() && h.Word.CompareAndSwap(w, (w|(w+1))-layout.Permit) {
			slot := uint32(bits.TrailingZeros32(^uint32(w)))
			return Permit{s, s.me, sema.Held(h, slot, 1)}, nil
		}
	}
	return s.acquire(ctx, 1)
}

// AcquireN is Acquire of n permits: of all or none. It panics if n is less than 1 or more than [MostPermits], and returns [ErrBound] if the
// semaphore never has as many.
func (s *Semaphore) AcquireN(ctx context.Context, n int) (Permit, error) {
	checkPermits("AcquireN", n)
	return s.acquire(ctx, n)
}

func checkPermits(op string, n int) {
	if n < 1 || n > MostPermits {
		panic(fmt.Sprintf("psync: %s(%d): want 1 to %d permits", op, n, MostPermits))
	}
}

// acquire is Acquire where more is to be done.
func (s *Semaphore) acquire(ctx context.Context, n int) (Permit, error) {
	me, err := s.as(ctx)
	if err != nil {
		return Permit{}, err
	}
	if bound := s.sema.X.Bound; bound != 0 && n > int(bound) && s.ref.Live() {
		return Permit{}, ErrBound
	}
	h, err := s.sema.Acquire(ctx, sema.Want{N: uint32(n)}, me)
	if err != nil {
		s.left()
		return Permit{}, err
	}
	return s.permit(me, h), nil
}

func (s *Semaphore) permit(me lease.ID, h sema.Holding) Permit {
	if s.me != 0 {
		s.hold.Store(h.Hold)
	}
	return Permit{s, me, h}
}

// TryAcquire is Acquire if there is a permit, and nobody comes first who has waited for long. As [Mutex.TryLock], it acts in
// goroutine mode for the entry that the handle was passed to.
func (s *Semaphore) TryAcquire() (Permit, bool) { return s.TryAcquireN(1) }

// TryAcquireN is TryAcquire of n permits: of all or none. It panics if n is less than 1 or more than [MostPermits].
func (s *Semaphore) TryAcquireN(n int) (Permit, bool) {
	checkPermits("TryAcquireN", n)
	me, err := s.self()
	if err != nil {
		return Permit{}, false
	}
	h, ok, _ := s.sema.TryAcquire(sema.Want{N: uint32(n)}, me)
	if !ok {
		s.left() // also without an error: it may have stood in the way of a Close
		return Permit{}, false
	}
	return s.permit(me, h), true
}

// Do runs fn while it has a permit, and releases that whatever fn does. It returns fn's error, or an error of
// [Semaphore.Acquire]. If ctx has ended, Do does not begin.
func (s *Semaphore) Do(ctx context.Context, fn func() error) error {
	// Not left to Acquire: a loop that always finds a permit would never notice.
	if err := ctx.Err(); err != nil {
		return err
	}
	p, err := s.Acquire(ctx)
	if err != nil {
		return err
	}
	defer p.Release()
	return fn()
}

// Wait waits for a permit and takes it away: it has no owner, and comes back only if somebody posts it. An error means that it took none:
// ctx's or [ErrClosed]. A permit that is there is taken even if ctx has ended.
func (s *Semaphore) Wait(ctx context.Context) error {
	if s.env != nil && s.sema.Take() {
		return nil
	}
	me, err := s.as(ctx)
	if err != nil {
		return err
	}
	_, err = s.sema.Acquire(ctx, sema.Want{N: 1, Unowned: true}, me)
	s.left() // also without an error: it may have stood in the way of a Close, and nobody will release what it has
	return err
}

// TryWait is Wait if there is a permit, and nobody comes first who has waited for long.
func (s *Semaphore) TryWait() bool {
	if s.env != nil && s.sema.Take() {
		return true
	}
	me, err := s.self()
	if err != nil {
		return false
	}
	_, ok, _ := s.sema.TryAcquire(sema.Want{N: 1, Unowned: true}, me)
	s.left()
	return ok
}

// Post adds a permit. It returns [ErrClosed], or [ErrBound] if there are too many: of a bounded semaphore, all that there may be, free or
// held; of another, [MostPermits] that were posted and nobody took. If it returns an error, it has added nothing.
func (s *Semaphore) Post() error {
	if s.env == nil {
		return ErrClosed
	}
	return s.sema.Post()
}

// Value returns how many permits are free. That may have changed before it returns. A closed semaphore has none.
func (s *Semaphore) Value() int {
	me, err := s.self()
	if err != nil {
		return 0
	}
	n, err := s.sema.Value(me)
	if err != nil {
		s.left()
	}
	return int(n)
}

// Close frees the semaphore for all processes. Those who wait for it, and all who use it later, get [ErrClosed], as does a second Close; permits
// can still be released. The memory is freed when the last of them is; if its holder dies first, when somebody uses the semaphore again or the
// family ends.
func (s *Semaphore) Close() error {
	if !s.ref.Live() {
		return ErrClosed
	}
	if !s.sema.BeginClose() {
		s.left() // whoever began may have died
		return ErrClosed
	}
	s.ref.Forget()
	s.left()
	if s.ref.Live() {
		s.sema.WakeAll()
	}
	return nil
}

// left frees the semaphore if it was closed and nobody has to do with it any more.
func (s *Semaphore) left() {
	if s.ref.Live() && s.sema.Closed() {
		s.sema.Finish(s.ref.Member.As(context.Background()), s.ref.Close)
	}
}

// Equal reports whether both name the same semaphore.
func (s *Semaphore) Equal(o *Semaphore) bool { return o != nil && s.ref.Equal(&o.ref) }

// String names the semaphore for people.
func (s *Semaphore) String() string { return fmt.Sprintf("semaphore@%#x", s.ref.Off) }
