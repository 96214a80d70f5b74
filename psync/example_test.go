package psync_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

// ledger is two numbers whose sum is always the same, and the lock that makes it so.
type ledger struct {
	Mu       *psync.Mutex
	Accounts *shm.Array[int64]
}

func newLedger() ledger {
	mu, err := psync.NewMutex()
	if err != nil {
		log.Fatal(err)
	}
	accounts, err := shm.NewArrayOf([]int64{1000, 0})
	if err != nil {
		log.Fatal(err)
	}
	return ledger{mu, accounts}
}

func (l ledger) close() {
	l.Mu.Close()
	l.Accounts.Close()
}

// pay is an entry: a function that children can be started in. TestMain, or main, has
// to call multiproc.Main or multiproc.Init.
var pay = multiproc.Proc("pay", func(ctx context.Context, l ledger) error {
	for range 100 {
		err := l.Mu.Do(ctx, func() error {
			l.Accounts.Set(0, l.Accounts.At(0)-1)
			l.Accounts.Set(1, l.Accounts.At(1)+1)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
})

// The same lock in four processes: the handle travels in the argument.
func ExampleMutex() {
	l := newLedger()
	defer l.close()
	group, _ := multiproc.NewGroup(context.Background())
	for range 4 {
		group.Start(pay.With(l))
	}
	if err := group.Wait(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(l.Accounts.Slice())
	// Output: [600 400]
}

// halfPaid dies between the two halves of a payment.
var halfPaid = multiproc.Proc("half paid", func(ctx context.Context, l ledger) error {
	if _, err := l.Mu.Lock(ctx); err != nil {
		return err
	}
	l.Accounts.Set(0, l.Accounts.At(0)-1)
	return errors.New("never to be seen again") // and the guard is still held
})

// A holder died inside. Do refuses to touch the data until somebody has repaired it.
func ExampleMutex_Repair() {
	ctx := context.Background()
	l := newLedger()
	defer l.close()
	child, err := halfPaid.Start(ctx, l)
	if err != nil {
		log.Fatal(err)
	}
	child.Wait(ctx)

	err = l.Mu.Do(ctx, func() error { return nil })
	fmt.Println(errors.Is(err, psync.ErrAbandoned), l.Accounts.Slice())
	err = l.Mu.Repair(ctx, func() error {
		l.Accounts.Set(1, 1000-l.Accounts.At(0))
		return nil
	})
	fmt.Println(err, l.Accounts.Slice())
	// Output:
	// true [999 0]
	// <nil> [999 1]
}

// Without Do the guard tells of the death, and what to do about it is up to the holder.
func ExampleGuard_Abandoned() {
	ctx := context.Background()
	l := newLedger()
	defer l.close()
	child, err := halfPaid.Start(ctx, l)
	if err != nil {
		log.Fatal(err)
	}
	child.Wait(ctx)

	g, err := l.Mu.Lock(ctx)
	if err != nil {
		log.Fatal(err) // and the lock is not held
	}
	defer g.Unlock()
	if g.Abandoned() {
		l.Accounts.Set(1, 1000-l.Accounts.At(0))
		g.Repaired()
	}
	fmt.Println(l.Accounts.Slice(), g.Abandoned())
	// Output: [999 1] false
}

func ExampleMutex_TryLock() {
	mu, err := psync.NewMutex()
	if err != nil {
		log.Fatal(err)
	}
	defer mu.Close()

	g, ok := mu.TryLock()
	fmt.Println(ok)
	_, again := mu.TryLock()
	fmt.Println(again)
	g.Unlock()
	// Output:
	// true
	// false
}

// A handle is also one word of text, for an environment variable or a flag.
func ExampleMutex_MarshalText() {
	mu, err := psync.NewMutex()
	if err != nil {
		log.Fatal(err)
	}
	defer mu.Close()

	text, err := mu.MarshalText()
	if err != nil {
		log.Fatal(err)
	}
	var same psync.Mutex
	if err := same.UnmarshalText(text); err != nil {
		log.Fatal(err)
	}
	fmt.Println(same.Equal(mu))
	// Output: true
}

type download struct {
	Slots *psync.Semaphore
	Now   *shm.Value[int64] // how many are at it
	Most  *shm.Value[int64]
}

// fetch does ten things, but never at the same time as more than one other.
var fetch = multiproc.Proc("fetch", func(ctx context.Context, d download) error {
	for range 10 {
		err := d.Slots.Do(ctx, func() error {
			n := shm.Add(d.Now, 1)
			for most := shm.Add(d.Most, 0); n > most && !shm.CompareAndSwap(d.Most, most, n); most = shm.Add(d.Most, 0) {
			}
			shm.Add(d.Now, -1)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
})

// At most two of four processes at a time.
func ExampleSemaphore() {
	slots, err := psync.NewSemaphore(2)
	if err != nil {
		log.Fatal(err)
	}
	defer slots.Close()
	now, err := shm.NewValue[int64](0)
	if err != nil {
		log.Fatal(err)
	}
	defer now.Close()
	most, err := shm.NewValue[int64](0)
	if err != nil {
		log.Fatal(err)
	}
	defer most.Close()
	group, _ := multiproc.NewGroup(context.Background())
	for range 4 {
		group.Start(fetch.With(download{slots, now, most}))
	}
	if err := group.Wait(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(most.Load() > 2, slots.Value())
	// Output: false 2
}

// keepTwo ends with two permits that it has not released.
var keepTwo = multiproc.Proc("keep two", func(ctx context.Context, s *psync.Semaphore) error {
	_, err := s.AcquireN(ctx, 2)
	return err
})

// What a process holds when it dies is free again.
func ExampleSemaphore_AcquireN() {
	ctx := context.Background()
	s, err := psync.NewSemaphore(3)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	child, err := keepTwo.Start(ctx, s)
	if err != nil {
		log.Fatal(err)
	}
	child.Wait(ctx)

	p, err := s.AcquireN(ctx, 3)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.Count(), s.Value())
	p.Release()
	// Output: 3 0
}

// rings signals three times.
var rings = multiproc.Proc("rings", func(_ context.Context, s *psync.Semaphore) error {
	return errors.Join(s.Post(), s.Post(), s.Post())
})

// Permits that nobody owns are signals: here three, of another process.
func ExampleSemaphore_Post() {
	ctx := context.Background()
	s, err := psync.NewSemaphore(0)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	child, err := rings.Start(ctx, s)
	if err != nil {
		log.Fatal(err)
	}
	for i := range 3 {
		if err := s.Wait(ctx); err != nil {
			log.Fatal(err)
		}
		fmt.Println("signal", i+1)
	}
	child.Wait(ctx)
	// Output:
	// signal 1
	// signal 2
	// signal 3
}

// accounts are a ledger whose methods lock it, and call each other.
type accounts struct {
	mu     *psync.ReentrantMutex
	ledger ledger
}

func (a accounts) move(ctx context.Context, o psync.Owner, n int64) error {
	return a.mu.Do(ctx, o, func() error {
		if err := a.add(ctx, o, 0, -n); err != nil {
			return err
		}
		return a.add(ctx, o, 1, n)
	})
}

func (a accounts) add(ctx context.Context, o psync.Owner, account int, n int64) error {
	return a.mu.Do(ctx, o, func() error {
		a.ledger.Accounts.Set(account, a.ledger.Accounts.At(account)+n)
		return nil
	})
}

// Functions that lock call each other, and pass on who it is that has the lock.
func ExampleReentrantMutex() {
	mu, err := psync.NewReentrantMutex()
	if err != nil {
		log.Fatal(err)
	}
	defer mu.Close()
	a := accounts{mu, newLedger()}
	defer a.ledger.close()

	owner, err := psync.NewOwner()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(a.move(context.Background(), owner, 5), a.ledger.Accounts.Slice())
	// Output: <nil> [995 5]
}

// prepare is what has to be done once, by whichever child comes first.
var prepare = multiproc.Func("prepare", func(ctx context.Context, o *psync.Once) (did bool, err error) {
	err = o.Do(ctx, func() error {
		did = true
		return nil
	})
	return did, err
})

func ExampleOnce() {
	ctx := context.Background()
	once, err := psync.NewOnce()
	if err != nil {
		log.Fatal(err)
	}
	defer once.Close()
	did := 0
	for range 3 {
		child, err := prepare.Start(ctx, once)
		if err != nil {
			log.Fatal(err)
		}
		if yes, err := child.Result(ctx); err != nil {
			log.Fatal(err)
		} else if yes {
			did++
		}
	}
	fmt.Println(did, once.Done())
	// Output: 1 true
}
