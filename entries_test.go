package multiproc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/multiproc-go/multiproc"
)

var errOwn = multiproc.Sentinel("multiproc_test: own")

var double = multiproc.Func("double", func(_ context.Context, n int) (int, error) { return 2 * n, nil })

type parcel struct {
	Name  string
	Sizes map[string][]int
	At    time.Time
	Next  *parcel
}

var mirror = multiproc.Func("mirror", func(_ context.Context, p parcel) (parcel, error) { return p, nil })

var swapEnds = multiproc.Func("swap ends", func(_ context.Context, b []byte) ([]byte, error) {
	last := len(b) - 1
	b[0], b[last] = b[last], b[0]
	return b, nil
})

// fail ends in the way that its argument says.
var fail = multiproc.Proc("fail", func(_ context.Context, how string) error {
	switch how {
	case "not at all":
		return nil
	case "own":
		return fmt.Errorf("wrapped: %w", errOwn)
	case "several":
		return errors.Join(errOwn, fmt.Errorf("deep: %w", io.ErrUnexpectedEOF))
	case "file":
		_, err := os.Open("/nowhere/at/all")
		return err
	case "panic":
		explode()
	case "panic with error":
		panic(fmt.Errorf("wrapped: %w", errOwn))
	case "panic with nil":
		panic(nil) //nolint:govet // meant
	case "panic by the runtime":
		var none []int
		_ = none[len(how)]
	case "broken error":
		return brokenError{}
	case "goexit":
		runtime.Goexit()
	}
	return errors.New("unknown: " + how)
})

//go:noinline
func explode() { panic("boom") }

type brokenError struct{}

func (brokenError) Error() string { panic("an error that panics") }

// linger stays until its context ends, and returns the cause.
var linger = multiproc.Proc("linger", func(ctx context.Context, addr string) error {
	return untilCancelled(ctx, addr, "linger")
})

var declaredOnly = multiproc.Declare[int, int]("declared only")

type branch struct {
	Depth, Width int
}

// tree counts itself and what it starts.
var tree = multiproc.Declare[branch, int]("tree")

func init() {
	tree.Handle(func(ctx context.Context, f branch) (int, error) {
		n := 1
		if f.Depth == 0 {
			return n, nil
		}
		var calls []*multiproc.Call[int]
		for range f.Width {
			c, err := tree.Start(ctx, branch{f.Depth - 1, f.Width})
			if err != nil {
				return 0, err
			}
			calls = append(calls, c)
		}
		for _, c := range calls {
			k, err := c.Result(ctx)
			if err != nil {
				return 0, err
			}
			n += k
		}
		return n, nil
	})
}

type whoAnswer struct {
	Self, Parent multiproc.Info
	Children     []string
}

var whoami = multiproc.Func("whoami", func(ctx context.Context, addr string) (whoAnswer, error) {
	var a whoAnswer
	var ok bool
	if a.Parent, ok = multiproc.Parent(ctx); !ok {
		return a, errors.New("no parent")
	}
	child, err := linger.StartWith(ctx, addr, multiproc.Options{Name: "kid", Daemon: true})
	if err != nil {
		return a, err
	}
	for _, c := range multiproc.Children(ctx) {
		a.Children = append(a.Children, c.Name())
	}
	a.Self = multiproc.Self(ctx)
	_ = child
	return a, nil
})

// brood starts lingering children, on a context that does not end, and returns
// at once.
type broodArg struct {
	Addr    string
	Options []string // "daemon" or ""
	Fail    bool
}

var brood = multiproc.Proc("brood", func(ctx context.Context, a broodArg) error {
	for _, o := range a.Options {
		start := released.StartWith
		if o == "daemon" {
			start = linger.StartWith
		}
		if _, err := start(context.WithoutCancel(ctx), a.Addr, multiproc.Options{Daemon: o == "daemon"}); err != nil {
			return err
		}
	}
	if a.Fail {
		return errOwn
	}
	return nil
})

// released returns when it is told to.
var released = multiproc.Proc("released", func(ctx context.Context, addr string) error {
	v, err := call(addr, "released")
	if err != nil {
		return err
	}
	defer v.conn.Close()
	_, err = v.hear()
	return err
})

type exitArg struct {
	Addr  string
	Panic bool
}

var atExit = multiproc.Proc("at exit", func(ctx context.Context, a exitArg) error {
	v, err := call(a.Addr, "entry")
	if err != nil {
		return err
	}
	multiproc.AtExit(ctx, func() { v.tell("first"); v.conn.Close() })
	if a.Panic {
		multiproc.AtExit(ctx, func() { panic("at exit") })
		multiproc.AtExit(ctx, func() { runtime.Goexit() })
	}
	multiproc.AtExit(ctx, func() { v.tell("last") })
	return nil
})

// far cannot be encoded: its year has five digits.
var far = multiproc.Func("far", func(context.Context, multiproc.None) (time.Time, error) {
	return time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC), nil
})

var nothing = multiproc.Proc("nothing", func(context.Context, multiproc.None) error { return nil })

// stubborn tells that its context has ended and stays all the same, until it
// is told to end.
var stubborn = multiproc.Proc("stubborn", stay)

func stay(ctx context.Context, addr string) error {
	v, err := call(addr, "stubborn %d", os.Getpid())
	if err != nil {
		return err
	}
	defer v.conn.Close()
	<-ctx.Done()
	v.tell("%v", context.Cause(ctx))
	_, err = v.hear()
	return err
}

// chain starts itself, so many deep, and each link stays when its context has
// ended, until it is told to end.
type chainArg struct {
	Addr  string
	Depth int
}

var chain = multiproc.Declare[chainArg, multiproc.None]("chain")

func init() {
	chain.Handle(func(ctx context.Context, a chainArg) (multiproc.None, error) {
		if a.Depth > 0 {
			if err := chainOn(ctx, a); err != nil {
				return multiproc.None{}, err
			}
		}
		v, err := call(a.Addr, "chain")
		if err != nil {
			return multiproc.None{}, err
		}
		defer v.conn.Close()
		<-ctx.Done()
		v.tell("%v", context.Cause(ctx))
		_, err = v.hear()
		return multiproc.None{}, err
	})
}

func chainOn(ctx context.Context, a chainArg) error {
	_, err := chain.StartWith(context.WithoutCancel(ctx), chainArg{a.Addr, a.Depth - 1}, multiproc.Options{Grace: watchdog})
	return err
}
