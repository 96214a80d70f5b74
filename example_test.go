package multiproc_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/multiproc-go/multiproc"
)

var square = multiproc.Func("square", func(_ context.Context, n int) (int, error) {
	return n * n, nil
})

func Example() {
	run := func(ctx context.Context) error {
		call, err := square.Start(ctx, 7)
		if err != nil {
			return err
		}
		n, err := call.Result(ctx)
		fmt.Println(n)
		return err
	}
	// A program would say: func main() { multiproc.Main(run) }
	if err := run(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: 49
}

var greet = multiproc.Proc("greet", func(_ context.Context, name string) error {
	if name == "" {
		return errNameless
	}
	fmt.Println("hello,", name)
	return nil
})

var errNameless = multiproc.Sentinel("example: nobody to greet")

func ExampleProc() {
	ctx := context.Background()
	call, err := greet.Start(ctx, "world")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(call.Wait(ctx))
	// Output:
	// hello, world
	// <nil>
}

// An error that was made by Sentinel, or registered, is still the same when it
// comes from a child.
func ExampleSentinel() {
	ctx := context.Background()
	call, err := greet.Start(ctx, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(errors.Is(call.Wait(ctx), errNameless))
	// Output: true
}

func ExampleGroup() {
	group, _ := multiproc.NewGroup(context.Background())
	group.Start(greet.With("group"))
	if err := group.Wait(); err != nil {
		fmt.Println(err)
	}
	// Output: hello, group
}

var fibonacci = multiproc.Declare[int, int]("fibonacci")

func init() {
	fibonacci.Handle(func(ctx context.Context, n int) (int, error) {
		if n < 2 {
			return n, nil
		}
		left, err := fibonacci.Start(ctx, n-1)
		if err != nil {
			return 0, err
		}
		right, err := fibonacci.Start(ctx, n-2)
		if err != nil {
			return 0, err
		}
		a, errA := left.Result(ctx)
		b, errB := right.Result(ctx)
		return a + b, errors.Join(errA, errB)
	})
}

// An entry that starts itself is declared first and given its function in init.
func ExampleDeclare() {
	ctx := context.Background()
	call, err := fibonacci.Start(ctx, 4)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(call.Result(ctx))
	// Output: 3 <nil>
}

func ExampleEntry_StartWith() {
	ctx := context.Background()
	call, err := square.StartWith(ctx, 3, multiproc.Options{Name: "nine"})
	if err != nil {
		fmt.Println(err)
		return
	}
	n, err := call.Result(ctx)
	code, _ := call.ExitCode()
	fmt.Println(call.Name(), n, err, code)
	// Output: nine 9 <nil> 0
}

// Whoever waits can tell how a child ended by the type of the error.
func ExampleProcess_Wait() {
	ctx := context.Background()
	call, err := greet.Start(ctx, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	switch err := call.Wait(ctx).(type) {
	case nil:
		fmt.Println("well")
	case *multiproc.ChildError:
		fmt.Println("it returned:", err.Err)
	case *multiproc.PanicError:
		fmt.Println("it panicked:", err.Value)
	case *multiproc.ExitError:
		fmt.Println("it called os.Exit:", err.Code)
	case *multiproc.SignalError:
		fmt.Println("it was killed:", err.Signal)
	}
	// Output: it returned: example: nobody to greet
}

func ExampleAtExit() {
	// In a child these functions run when its entry has ended, in the root when
	// Main ends.
	run := func(ctx context.Context) error {
		file, err := os.CreateTemp("", "example")
		if err != nil {
			return err
		}
		multiproc.AtExit(ctx, func() { os.Remove(file.Name()) })
		return nil
	}
	main := func() { multiproc.Main(run) }
	_ = main
}
