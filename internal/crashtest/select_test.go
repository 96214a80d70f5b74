package crashtest

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/psync"
	"github.com/multiproc-go/multiproc/queue"
)

type selectJob struct {
	Q   *queue.Queue[int32]
	E   *psync.Event
	C   *conn.Conn[int32, int32]
	Die death
}

// selectAll waits for all, again and again, and takes nothing.
var selectAll = multiproc.Proc("select all", func(ctx context.Context, j selectJob) error {
	j.Die.arm(nil)
	for {
		if _, err := conn.Select(ctx, j.Q, j.E, j.C); err != nil {
			return err
		}
	}
})

// TestKillSelect: one that waits for a queue, an event and a pipe, and would take nothing, dies at each step of that. Who sleeps
// at the same queue and event gets what comes, and the other end of the pipe is told.
func TestKillSelect(t *testing.T) {
	needProcess(t)
	for _, point := range []string{"queue.sleep", "queue.woken", "queue.giveup", "event.sleep", "event.woken"} {
		t.Run(point, func(t *testing.T) {
			ctx, q, got := patient(t), newPlain(t), newValue(t, int32(0))
			e, err := psync.NewEvent()
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			ours, theirs, err := conn.Pipe[int32, int32]()
			if err != nil {
				t.Fatal(err)
			}
			defer ours.Close()
			victim := start(t, selectAll.With(selectJob{q, e, theirs, death{Point: point, Nth: 1}}))
			before := point == "queue.sleep" || point == "event.sleep"
			if before {
				killed(t, victim)
			} else {
				asleep(t, victim)
			}
			heir := start(t, waitQueue.With(sleepJob{q, got, false, death{}}))
			asleep(t, heir)
			waiter := start(t, waitSelected.With(e))
			asleep(t, waiter)
			if point == "event.woken" {
				err = e.Set()
			} else {
				err = q.Put(ctx, 7) // wakes one
			}
			if err != nil {
				t.Fatal(err)
			}
			if point == "queue.woken" || point == "queue.giveup" {
				// The one that slept first is woken, unless something else has made it look again meanwhile.
				for gone := false; !gone; {
					select {
					case <-victim.Done():
						gone = true
					case <-heir.Done():
						succeeded(t, heir)
						heir = start(t, waitQueue.With(sleepJob{q, got, false, death{}}))
						asleep(t, heir)
						if err := q.Put(ctx, 7); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			if !before {
				killed(t, victim)
			}
			if point == "event.woken" {
				err = q.Put(ctx, 7)
			} else {
				err = e.Set()
			}
			if err != nil {
				t.Fatal(err)
			}
			succeeded(t, heir)
			succeeded(t, waiter)
			if got.Load() != 7 {
				t.Errorf("got %d", got.Load())
			}
			if _, err := ours.Recv(ctx); err != io.EOF {
				t.Errorf("the other end: %v", err)
			}
		})
	}
}

var waitSelected = multiproc.Proc("wait selected", func(ctx context.Context, e *psync.Event) error { return e.Wait(ctx) })

// TestKillSelected: what Select sleeps for dies, each in its way.
func TestKillSelected(t *testing.T) {
	needProcess(t)
	ctx, q := patient(t), newPlain(t)
	e, err := psync.NewEvent()
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ours, theirs, err := conn.Pipe[int32, int32]()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	victim := start(t, selectAll.With(selectJob{q, e, theirs, death{Point: "never"}}))
	all := []conn.Waitable{q, e, ours, victim}
	done := make(chan error, 1)
	go func() {
		var err error
		for len(all) > 2 && err == nil { // the pipe's end and the process's come one after the other
			var ready []conn.Waitable
			if ready, err = conn.Select(ctx, all...); err == nil {
				for _, r := range ready {
					switch r {
					case ours:
						_, err = ours.Recv(ctx)
						all = without(all, r)
					case victim:
						all = without(all, r)
					default:
						err = errors.New("the queue or the event is ready")
					}
					if err == io.EOF {
						err = nil
					}
				}
			}
		}
		done <- err
	}()
	asleep(t, victim)
	if err := victim.Kill(); err != nil {
		t.Fatal(err)
	}
	killed(t, victim)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func without(all []conn.Waitable, w conn.Waitable) (rest []conn.Waitable) {
	for _, x := range all {
		if x != w {
			rest = append(rest, x)
		}
	}
	return rest
}

// freeze takes an item and goes no further while it has the queue's lock, as one that is stopped there.
var freeze = multiproc.Proc("freeze", func(ctx context.Context, j sleepJob) error {
	crashpoint.Set(func(name string) {
		if name == "queue.gone" {
			j.Got.Store(1)
			select {}
		}
	})
	_, err := j.Q.Get(ctx)
	return err
})

// TestKillSelectBehindTheStopped: one that was stopped with a queue's lock keeps Select neither from looking nor from ending; and its
// death lets it go on.
func TestKillSelectBehindTheStopped(t *testing.T) {
	needProcess(t)
	q, got := newPlain(t), newValue(t, int32(0))
	if err := q.Put(patient(t), 1); err != nil {
		t.Fatal(err)
	}
	victim := start(t, freeze.With(sleepJob{q, got, false, death{}}))
	reach(t, got, 1)
	e, err := psync.NewEvent()
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, wait := range []time.Duration{0, 10 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(patient(t), wait)
		ready, err := conn.Select(ctx, q, e)
		cancel()
		if len(ready) > 0 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v: %v, %v", wait, ready, err)
		}
	}
	if err := e.Set(); err != nil {
		t.Fatal(err)
	}
	if ready, err := conn.Select(patient(t), q, e); len(ready) != 1 || err != nil {
		t.Errorf("%v, %v", ready, err)
	}
	if err := errors.Join(e.Clear(), q.Put(patient(t), 2)); err != nil {
		t.Fatal(err)
	}
	if err := victim.Kill(); err != nil {
		t.Fatal(err)
	}
	killed(t, victim)
	if ready, err := conn.Select(patient(t), q, e); len(ready) != 1 || err != nil {
		t.Errorf("%v, %v", ready, err)
	}
	if v, err := q.Get(patient(t)); v != 2 || err != nil {
		t.Errorf("%d, %v", v, err)
	}
}
