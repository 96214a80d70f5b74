package shm_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/internal/race"
	"github.com/multiproc-go/multiproc/shm"
)

// sealed is a value that shows when it was put together from two.
type sealed struct {
	Seed  uint64
	Words [29]uint64
	Odd   [5]byte
}

func seal(seed uint64) (s sealed) {
	s.Seed = seed
	x := seed
	for i := range s.Words {
		x = x*6364136223846793005 + 1442695040888963407
		s.Words[i] = x
	}
	for i := range s.Odd {
		s.Odd[i] = byte(x >> (8 * i))
	}
	return s
}

func (s sealed) check() error {
	if s != seal(s.Seed) {
		return fmt.Errorf("torn: %+v", s)
	}
	return nil
}

type tearWork struct {
	Big    *shm.Value[sealed]
	Small  *shm.Value[b8]
	Stop   *shm.Value[bool]
	Loads  *shm.Value[int64]
	Writer uint64 // 0 is a reader
}

const tearWrites = 3000

// tearing writes, or reads until it is told to stop.
var tearing = multiproc.Proc("tearing", func(ctx context.Context, w tearWork) error {
	if w.Writer != 0 {
		for i := range uint64(tearWrites) {
			x := w.Writer<<32 | i
			if i%4 == 0 {
				err := w.Big.Update(ctx, func(s *sealed) error {
					if err := s.check(); err != nil {
						return err
					}
					*s = seal(x)
					return nil
				})
				if err != nil {
					return err
				}
			} else {
				w.Big.Store(seal(x))
			}
			w.Small.Store(b8{float32(i), -float32(i)})
		}
		return nil
	}
	loads := int64(0)
	for !w.Stop.Load() {
		if err := w.Big.Load().check(); err != nil {
			return err
		}
		if s := w.Small.Load(); s.A != -s.B {
			return fmt.Errorf("torn: %v", s)
		}
		if loads++; loads == 1 {
			shm.Add(w.Loads, 1)
		}
	}
	return nil
})

func TestNeverTears(t *testing.T) {
	if race.Enabled {
		t.Skip("NOT RUN with -race: there a Load beside a Store is reported, as it should be; see TestRaceReports")
	}
	w := tearWork{
		Big:   newValue(t, seal(0)),
		Small: newValue(t, b8{}),
		Stop:  newValue(t, false),
		Loads: newValue(t, int64(0)),
	}
	const readers, writers = 2, 2
	var reading, writing []*multiproc.Process
	start := func(list *[]*multiproc.Process, writer uint64) {
		w.Writer = writer
		p, err := multiproc.Start(t.Context(), tearing.With(w))
		if err != nil {
			t.Fatal(err)
		}
		*list = append(*list, p)
	}
	for range readers {
		start(&reading, 0)
	}
	var here sync.WaitGroup
	here.Go(func() { // and one of each in this process
		for !w.Stop.Load() {
			if err := w.Big.Load().check(); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for i := range writers {
		start(&writing, uint64(i+1))
	}
	for i := range uint64(tearWrites) {
		w.Big.Store(seal(i))
	}
	var errs []error
	for _, p := range writing {
		errs = append(errs, p.Wait(modetest.Patient(t)))
	}
	for w.Loads.Load() < readers && errors.Join(errs...) == nil { // each has read at least once
		for i := range uint64(100) {
			w.Big.Store(seal(i))
		}
		for _, p := range reading {
			if !p.Alive() {
				errs = append(errs, p.Wait(modetest.Patient(t)))
			}
		}
	}
	w.Stop.Store(true)
	for _, p := range reading {
		errs = append(errs, p.Wait(modetest.Patient(t)))
	}
	here.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
}

// TestStarvedLoad: a reader that never finds quiet asks for the lock in the end.
func TestStarvedLoad(t *testing.T) {
	if race.Enabled {
		t.Skip("NOT RUN with -race: there a Load beside a Store is reported, as it should be; see TestRaceReports")
	}
	type large [1 << 16]uint64 // takes long to copy
	v := newValue(t, large{})
	stop := make(chan bool)
	var wg sync.WaitGroup
	wg.Go(func() {
		var x large
		for {
			select {
			case <-stop:
				return
			default:
			}
			x[0]++
			x[len(x)-1] = x[0]
			v.Store(x)
		}
	})
	for range 20 {
		if x := v.Load(); x[0] != x[len(x)-1] {
			t.Errorf("torn: %d and %d", x[0], x[len(x)-1])
		}
	}
	close(stop)
	wg.Wait()
}
