package pool_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/internal/wait"
	"github.com/multiproc-go/multiproc/multiproctest"
	"github.com/multiproc-go/multiproc/pool"
	"github.com/multiproc-go/multiproc/shm"
)

// A wake that was lost is a test that hangs.
var _ = os.Setenv(wait.EnvLastResort, "1h")

func TestMain(m *testing.M) { multiproctest.Main(m) }

func TestInOtherModes(t *testing.T) { modetest.RunInOtherModes(t, "^TestInOtherModes$") }

var errOdd = multiproc.Sentinel("pool_test: odd")

type point struct {
	X, Y int
	Name string
	Tags []string
}

var (
	square = multiproc.Func("square", func(_ context.Context, n int) (int, error) { return n * n, nil })

	halve = multiproc.Func("halve", func(_ context.Context, n int) (int, error) {
		if n%2 != 0 {
			return 0, errOdd
		}
		return n / 2, nil
	})

	mirror = multiproc.Func("mirror", func(_ context.Context, p point) (point, error) {
		p.X, p.Y = p.Y, p.X
		return p, nil
	})

	echo = multiproc.Func("echo", func(_ context.Context, b []byte) ([]byte, error) { return b, nil })

	whoami = multiproc.Func("whoami", func(ctx context.Context, _ multiproc.None) (string, error) {
		return multiproc.Self(ctx).Name, nil
	})

	// farAway returns what cannot be encoded.
	farAway = multiproc.Func("far-away", func(context.Context, multiproc.None) (time.Time, error) {
		return time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC), nil
	})

	panics = multiproc.Func("panics", func(_ context.Context, text string) (int, error) { panic(text) })

	exits = multiproc.Func("exits", func(ctx context.Context, code int) (int, error) {
		os.Exit(code)
		return 0, nil
	})

	goexits = multiproc.Func("goexits", func(context.Context, multiproc.None) (int, error) {
		runtime.Goexit()
		return 0, nil
	})

	// dies is killed by itself, as by somebody else, unless n is another number.
	dies = multiproc.Func("dies", func(_ context.Context, n int) (int, error) {
		if n == 7 {
			suicide()
		}
		return n, nil
	})

	// waits waits for the end of its context.
	waits = multiproc.Func("waits", func(ctx context.Context, begun *shm.Value[int64]) (int, error) {
		shm.Add(begun, 1)
		<-ctx.Done()
		return 0, context.Cause(ctx)
	})

	// stubborn does not heed its context.
	stubborn = multiproc.Func("stubborn", func(_ context.Context, a stubbornness) (int, error) {
		shm.Add(a.Begun, 1)
		for shm.Add(a.End, 0) == 0 {
			time.Sleep(time.Millisecond)
		}
		return 1, nil
	})

	initOK   = multiproc.Proc("init-ok", func(_ context.Context, v *shm.Value[int64]) error { shm.Add(v, 1); return nil })
	initFail = multiproc.Proc("init-fail", func(context.Context, string) error { return errOdd })

	// initHangs does not heed its context.
	initHangs = multiproc.Proc("init-hangs", func(_ context.Context, a stubbornness) error {
		shm.Add(a.Begun, 1)
		for shm.Add(a.End, 0) == 0 {
			time.Sleep(time.Millisecond)
		}
		return nil
	})
)

type stubbornness struct{ Begun, End *shm.Value[int64] }

func suicide() {
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Signal(syscall.SIGKILL)
	}
	if err != nil {
		panic(err)
	}
	select {}
}

// newPool makes a pool that ends with the test.
func newPool(t testing.TB, o pool.Options) *pool.Pool {
	t.Helper()
	p, err := pool.New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Terminate()
		if err := p.Wait(modetest.Patient(t)); err != nil && !errors.Is(err, pool.ErrBroken) {
			t.Error("Wait:", err)
		}
	})
	return p
}

func newValue(t testing.TB) *shm.Value[int64] {
	t.Helper()
	v, err := shm.NewValue[int64](0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

func await(t testing.TB, v *shm.Value[int64], n int64) {
	t.Helper()
	for ctx := modetest.Patient(t); shm.Add(v, 0) < n; time.Sleep(time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatalf("%d of %d", v.Load(), n)
		}
	}
}
