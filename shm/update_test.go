package shm_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/shm"
)

var errTest = errors.New("test")

// An updater hides whether a value is small or big.
type updater struct {
	update func(ctx context.Context, fn func(n *int64) error) error
	load   func() int64
	store  func(int64)
	close  func() error
}

type wide struct {
	Pad [5]int64
	N   int64
}

// eachSize runs test with a value of one word and with one of several.
func eachSize(t *testing.T, test func(t *testing.T, u updater)) {
	t.Run("small", func(t *testing.T) {
		v := newValue(t, int64(0))
		test(t, updater{v.Update, v.Load, v.Store, v.Close})
	})
	t.Run("big", func(t *testing.T) {
		v := newValue(t, wide{})
		test(t, updater{
			func(ctx context.Context, fn func(*int64) error) error {
				return v.Update(ctx, func(w *wide) error { return fn(&w.N) })
			},
			func() int64 { return v.Load().N },
			func(n int64) { v.Store(wide{N: n}) },
			v.Close,
		})
	})
}

func set(n int64) func(*int64) error {
	return func(p *int64) error { *p = n; return nil }
}

func TestUpdateErrorKeepsTheOld(t *testing.T) {
	eachSize(t, func(t *testing.T, u updater) {
		u.store(3)
		err := u.update(t.Context(), func(p *int64) error { *p = 4; return errTest })
		if err != errTest || u.load() != 3 {
			t.Errorf("%v, %v", err, u.load())
		}
		if err := u.update(t.Context(), set(5)); err != nil || u.load() != 5 {
			t.Errorf("the next: %v, %v", err, u.load())
		}
	})
}

func TestUpdateWorksOnACopy(t *testing.T) {
	eachSize(t, func(t *testing.T, u updater) {
		var kept *int64
		if err := u.update(t.Context(), func(p *int64) error { kept = p; *p = 1; return nil }); err != nil {
			t.Fatal(err)
		}
		*kept = 99
		if u.load() != 1 {
			t.Errorf("written through a pointer that was kept: %v", u.load())
		}
	})
}

func TestUpdatePanic(t *testing.T) {
	eachSize(t, func(t *testing.T, u updater) {
		if p := modetest.PanicOf(func() { u.update(t.Context(), func(p *int64) error { *p = 4; panic(errTest) }) }); p != errTest {
			t.Errorf("panic %v", p)
		}
		ended := make(chan bool)
		go func() {
			defer close(ended)
			u.update(t.Context(), func(p *int64) error { *p = 5; runtime.Goexit(); return nil })
		}()
		<-ended
		if u.load() != 0 {
			t.Errorf("a cut Update left %v", u.load())
		}
		if err := u.update(modetest.Patient(t), set(6)); err != nil || u.load() != 6 {
			t.Errorf("the next: %v, %v", err, u.load())
		}
	})
}

func TestUpdateContext(t *testing.T) {
	eachSize(t, func(t *testing.T, u updater) {
		if err := u.update(modetest.Ended(), set(1)); err != nil || u.load() != 1 {
			t.Errorf("nobody is there, and ctx has ended: %v, %v", err, u.load())
		}
		inside, leave, left := make(chan bool), make(chan bool), make(chan error)
		go func() {
			left <- u.update(modetest.Patient(t), func(p *int64) error { close(inside); <-leave; *p = 2; return nil })
		}()
		<-inside
		if err := u.update(modetest.Ended(), set(3)); !errors.Is(err, context.Canceled) {
			t.Errorf("ctx had ended: %v", err)
		}
		sleeping := onSleep(t)
		ctx, cancel := context.WithCancel(t.Context())
		waited := make(chan error, 1)
		go func() { waited <- u.update(ctx, set(4)) }()
		<-sleeping
		cancel()
		if err := modetest.Receive(t, waited, "error"); !errors.Is(err, context.Canceled) {
			t.Errorf("ctx ended while it waited: %v", err)
		}
		close(leave)
		if err := modetest.Receive(t, left, "end of the Update"); err != nil || u.load() != 2 {
			t.Errorf("the holder: %v, %v", err, u.load())
		}
	})
}

// onSleep tells of each goroutine that is about to sleep in the kernel, or in
// goroutine mode in the parking lot, for a lock.
func onSleep(t *testing.T) <-chan bool {
	sleeping := make(chan bool, 1000)
	crashpoint.Set(func(name string) {
		if name == "lock.sleep" {
			select {
			case sleeping <- true:
			default:
			}
		}
	})
	t.Cleanup(func() { crashpoint.Set(nil) })
	return sleeping
}

// TestUpdateRunsAgain: what came between is not overwritten.
func TestUpdateRunsAgain(t *testing.T) {
	for name, between := range map[string]func(*shm.Value[int64]){
		"Add":            func(v *shm.Value[int64]) { shm.Add(v, 10) },
		"Store":          func(v *shm.Value[int64]) { v.Store(10) },
		"CompareAndSwap": func(v *shm.Value[int64]) { shm.CompareAndSwap(v, 0, 10) },
	} {
		v := newValue(t, int64(0))
		var seen []int64
		err := v.Update(t.Context(), func(p *int64) error {
			seen = append(seen, *p)
			if len(seen) == 1 {
				between(v)
			}
			*p++
			return nil
		})
		if err != nil || v.Load() != 11 || len(seen) != 2 || seen[1] != 10 {
			t.Errorf("%s between: %v, it saw %v and left %v", name, err, seen, v.Load())
		}
	}
}

// TestStoreWaitsForUpdate: of a big value.
func TestStoreWaitsForUpdate(t *testing.T) {
	v := newValue(t, wide{})
	sleeping := onSleep(t)
	stored := make(chan bool)
	err := v.Update(t.Context(), func(w *wide) error {
		go func() {
			defer close(stored)
			v.Store(wide{N: 2})
		}()
		<-sleeping
		if n := v.Load().N; n != 0 {
			t.Errorf("during Update it is %d", n)
		}
		w.N++
		return nil
	})
	modetest.Receive(t, stored, "end of Store")
	if err != nil || v.Load().N != 2 {
		t.Errorf("%v, %v", err, v.Load())
	}
}
