// Deadlock lets two processes wait for each other, and shows who notices.
//
//	go run ./examples/deadlock
//	MULTIPROC_DEADLOCK=1 go run ./examples/deadlock
//
// To move money between two accounts takes the locks of both. Two tellers move some in opposite directions, so that one takes the
// locks in the order in which the other does not; each takes one of them, and waits for the other. In a program without such a mistake
// everybody takes locks in the same order.
//
// First the locks are ordinary ones. After a second and a half it is reported who holds what and who waits for what: as a warning to
// the logger of the program, in one of the two processes, once. It is only suspected to be a deadlock, since another goroutine might
// unlock. Nothing else becomes of it: what ends it is that this program's logger tells the first teller to give up.
//
// Then they are made with MutexOptions.Deadlock, as all are under MULTIPROC_DEADLOCK=1. Now it is known which goroutine holds what, and the
// circle is proven: one of the two gets ErrDeadlock, unlocks, and tries again in the order of the other. (In its own order
// it might be back in the circle at once.)
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
)

type job struct {
	From, To *psync.Mutex
	Ready    *psync.Barrier // each holds the lock of its account
	Reported *psync.Event   // set when the deadlock is
	GivesUp  bool           // when it is
	Second   bool           // waits until the other one waits, so that it is the one that closes the circle
}

var teller = multiproc.Proc("teller", func(ctx context.Context, j job) error {
	reported.Store(j.Reported)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if j.GivesUp {
		go func() {
			if j.Reported.Wait(ctx) == nil {
				cancel()
			}
		}()
	}
	name := multiproc.Self(ctx).Name
	err := j.move(ctx)
	if errors.Is(err, psync.ErrDeadlock) {
		fmt.Printf("%s: was told of the deadlock, and unlocked\n", name)
		err = j.To.Do(ctx, func() error { return j.From.Do(ctx, move) })
	}
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Printf("%s: gave up, and unlocked\n", name)
	case err == nil:
		fmt.Printf("%s: moved the money\n", name)
	default:
		return err
	}
	return nil
})

// move takes both locks.
func (j job) move(ctx context.Context) error {
	return j.From.Do(ctx, func() error {
		if _, err := j.Ready.Wait(ctx); err != nil {
			return err
		}
		for j.Second && len(j.From.Waiters()) == 0 {
			time.Sleep(time.Millisecond)
		}
		return j.To.Do(ctx, move)
	})
}

func move() error { return nil } // what is done under both

// reporter gets the warnings. Without a Logger in the Config they go to slog.Default(), and so to standard error.
type reporter struct{ slog.Handler }

// reported is the event of this process's teller.
var reported atomic.Pointer[psync.Event]

func (reporter) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

func (reporter) Handle(_ context.Context, r slog.Record) error {
	fmt.Println(r.Message)
	return reported.Load().Set()
}

func main() { multiproc.Config{Logger: slog.New(reporter{slog.DiscardHandler})}.Main(run) }

func run(ctx context.Context) error {
	if os.Getenv(psync.EnvDeadlock) == "" {
		fmt.Println("ordinary mutexes:")
		if err := both(ctx, false); err != nil {
			return err
		}
	}
	fmt.Println("mutexes that know their goroutines:")
	return both(ctx, true)
}

// both lets two tellers work at the same time.
func both(ctx context.Context, checked bool) error {
	o := psync.MutexOptions{Deadlock: checked}
	a, err := psync.NewMutexWith(o)
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := psync.NewMutexWith(o)
	if err != nil {
		return err
	}
	defer b.Close()
	ready, err := psync.NewBarrier(2)
	if err != nil {
		return err
	}
	defer ready.Close()

	event, err := psync.NewEvent()
	if err != nil {
		return err
	}
	defer event.Close()

	group, _ := multiproc.NewGroup(ctx)
	start := func(name string, j job) {
		group.Start(teller.With(j).WithOptions(multiproc.Options{Name: name}))
	}
	start("first", job{From: a, To: b, Ready: ready, Reported: event, GivesUp: !checked})
	start("second", job{From: b, To: a, Ready: ready, Reported: event, Second: true})
	return group.Wait()
}
