package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/multiproc-go/multiproc"
)

// Toll is how many workers there were and how many of them died: by the parent, and at named moments.
type Toll struct{ Kills, Deaths, Workers int }

// A Recruit is what a new worker is told.
type Recruit struct {
	Index int // of all that there ever were
	Seed  uint64
	Point string // where it dies, at its Nth arrival; "" if not by itself
	Nth   int
}

// mostWorkers is how many there may be in a shift.
func (o Options) mostWorkers() int {
	if o.Kills == 0 {
		return 1 << 16
	}
	return 4*o.Kills + 16*o.Processes + 1
}

// shift keeps o.Processes workers at work, kills them at random and puts another in the place of each that has died, until o.Kills have
// died or o.For is over. Then it calls stop and waits for the rest. It returns an error if a worker ends otherwise, or does not end.
func (o Options) shift(ctx context.Context, stream uint64, points []string, start func(Recruit) (*multiproc.Process, error), stop func()) (toll Toll, err error) {
	most := o.mostWorkers()
	rnd := rand.New(rand.NewPCG(o.Seed, stream))
	staff, ended := make([]hired, o.Processes), make(chan int, o.Processes)
	hire := func(i int) error {
		r := Recruit{Index: toll.Workers, Seed: rnd.Uint64()}
		if rnd.IntN(2) == 0 {
			r.Point, r.Nth = points[rnd.IntN(len(points))], 1+rnd.IntN(30)
		}
		toll.Workers++
		p, err := start(r)
		if err != nil {
			return err
		}
		staff[i] = hired{Process: p, point: r.Point}
		go func() {
			<-p.Done()
			ended <- i
		}()
		return nil
	}
	for i := range staff {
		if err := hire(i); err != nil {
			return toll, err
		}
	}
	var timeUp <-chan time.Time
	if o.For > 0 {
		timeUp = time.After(o.For)
	}
	for next := time.NewTimer(0); err == nil && toll.Workers < most && (o.Kills == 0 || toll.Kills+toll.Deaths < o.Kills); {
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-timeUp:
			most = 0
		case i := <-ended:
			h := staff[i]
			e := h.Wait(context.Background())
			if sig, ok := errors.AsType[*multiproc.SignalError](e); !ok || sig.Signal != syscall.SIGKILL {
				err = fmt.Errorf("%v ended with %w", h.Process, e)
				break
			}
			if h.killed {
				toll.Kills++
			} else {
				toll.Deaths++
			}
			err = hire(i)
		case <-next.C:
			next.Reset(time.Duration(rnd.IntN(6000)) * time.Microsecond)
			if h := &staff[rnd.IntN(len(staff))]; !h.killed && h.Alive() {
				h.killed = h.Kill() == nil
			}
		}
	}
	stop()
	patient, cancel := context.WithTimeout(context.Background(), o.Patience)
	defer cancel()
	for _, h := range staff {
		e := h.Wait(patient)
		if _, ok := errors.AsType[*multiproc.SignalError](e); e != nil && !ok {
			err = errors.Join(err, fmt.Errorf("stuck, or failed: %v: %w", h.Process, e))
			h.Kill()
			<-h.Done()
		}
	}
	return toll, err
}
