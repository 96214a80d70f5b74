// Crash kills a process while it holds a lock and is in the middle of a change, and
// shows what becomes of the lock and of the data.
//
//	go run ./examples/crash
//	MULTIPROC_MODE=goroutines go run ./examples/crash
//
// Two accounts hold 1000 together. To move money takes two writes, and a lock keeps others away
// while the sum is wrong. Then a process is killed between the two. It cannot
// unlock any more, and with many a lock all others would wait for ever. Here the next one gets
// the lock, and is told that it was abandoned:
//
//   - Mutex.Do is the careful choice: it returns ErrAbandoned and does not run its function
//     on data that may be half-written.
//   - Mutex.Lock leaves it to the caller: Guard.Abandoned says what has happened,
//     and Guard.Repaired says that the data is whole again. From then on all is as before.
//
// In goroutine mode there is nothing that could be killed, and a panic is the death.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/shm"
)

const (
	together = 1000 // what the accounts hold when nobody is moving money
	amount   = 100  // what is moved each time
)

type accounts struct {
	Checking, Savings int64
}

func (a accounts) sum() int64 { return a.Checking + a.Savings }

func (a accounts) String() string {
	return fmt.Sprintf("checking %d, savings %d, together %d", a.Checking, a.Savings, a.sum())
}

type bank struct {
	Accounts *shm.Value[accounts]
	Mu       *psync.Mutex // hold it while the sum is wrong
}

// move moves money to the savings and calls between half-way. The caller holds Mu.
//
// One Store at the end would change both accounts at once, and never be half
// done: a Value is never torn. What takes two writes, in one Value or in several, can be.
func (b bank) move(between func()) {
	a := b.Accounts.Load()
	a.Checking -= amount
	b.Accounts.Store(a)
	between()
	a.Savings += amount
	b.Accounts.Store(a)
}

// unlucky is killed between the two writes.
var unlucky = multiproc.Proc("unlucky", func(ctx context.Context, b bank) error {
	guard, err := b.Mu.Lock(ctx)
	if err != nil {
		return err
	}
	b.move(func() { die(ctx) })
	guard.Unlock()
	return nil
})

// cautious moves money, but only if nothing has happened to the accounts.
var cautious = multiproc.Proc("cautious", func(ctx context.Context, b bank) error {
	return b.Mu.Do(ctx, func() error {
		b.move(func() {})
		fmt.Printf("cautious: moved %d\n", amount)
		return nil
	})
})

// mender knows what to do if something has.
var mender = multiproc.Proc("mender", func(ctx context.Context, b bank) error {
	guard, err := b.Mu.Lock(ctx)
	if err != nil {
		return err
	}
	defer guard.Unlock()
	if guard.Abandoned() {
		// The first write of move was done and the second was not. Undo the first.
		a := b.Accounts.Load()
		missing := together - a.sum()
		a.Checking += missing
		b.Accounts.Store(a)
		guard.Repaired()
		fmt.Printf("mender: the lock was abandoned and %d are missing; put them back\n", missing)
	}
	b.move(func() {})
	fmt.Printf("mender: moved %d\n", amount)
	return nil
})

// die ends this process at once, as the kernel does when memory is short: no deferred
// function runs, and no Unlock.
func die(ctx context.Context) {
	if parent, _ := multiproc.Parent(ctx); parent.Pid == os.Getpid() {
		// Goroutine mode: this is the parent's process too, and SIGKILL would end both.
		fmt.Println("unlucky: took the money out; only a real process can be killed, so now it panics")
		panic("half-way")
	}
	fmt.Println("unlucky: took the money out; now it is killed")
	if process, err := os.FindProcess(os.Getpid()); err == nil {
		process.Kill()
	}
	select {} // the signal is on its way
}

func main() { multiproc.Main(run) }

func run(ctx context.Context) error {
	money, err := shm.NewValue(accounts{Checking: 500, Savings: together - 500})
	if err != nil {
		return err
	}
	defer money.Close()
	mu, err := psync.NewMutex()
	if err != nil {
		return err
	}
	defer mu.Close()
	b := bank{money, mu}

	fmt.Println("main:", money.Load())
	for _, task := range []multiproc.Task{
		unlucky.With(b),  // leaves the lock abandoned
		cautious.With(b), // refuses
		mender.With(b),   // repairs, and goes on
		cautious.With(b), // works as if nothing had happened
	} {
		p, err := multiproc.Start(ctx, task)
		if err != nil {
			return err
		}
		how, err := ending(p.Wait(ctx))
		if err != nil {
			return err
		}
		fmt.Printf("main: %s (pid %d) %s\n", p.Entry(), p.Pid(), how)
		fmt.Println("main:", money.Load())
	}
	return nil
}

// ending puts Wait's error into words. What this program does not expect, it returns.
func ending(err error) (string, error) {
	if err == nil {
		return "ended well", nil
	}
	if e, ok := errors.AsType[*multiproc.SignalError](err); ok {
		return fmt.Sprintf("was ended by a signal: %v", e.Signal), nil
	}
	if e, ok := errors.AsType[*multiproc.PanicError](err); ok {
		return "panicked: " + e.Value, nil
	}
	// It was another process that returned the error, and errors.Is knows it here.
	if errors.Is(err, psync.ErrAbandoned) {
		return "did nothing, for Do returned ErrAbandoned", nil
	}
	return "", err
}
