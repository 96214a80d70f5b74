package multiproc_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/multiproc-go/multiproc"
)

// programs are the main functions that this test binary can have.
var programs = map[string]func(){
	"foreign": func() {
		multiproc.Init()
		fmt.Println("root")
	},
	"nothing": func() {},
	"wrong entry": func() {
		defer func() { fmt.Println(recover()) }()
		multiproc.Proc("wrong", func(context.Context, chan int) error { return nil })
		multiproc.Init()
	},
	"not initialized": func() {
		_, err := double.Start(context.Background(), 1)
		fmt.Println(errors.Is(err, multiproc.ErrNotInitialized), err)
	},
	"ok":        func() { multiproc.Main(func(context.Context) error { return nil }) },
	"error":     func() { multiproc.Main(func(context.Context) error { return errOwn }) },
	"interrupt": func() { multiproc.Main(interruptible) },
	"stubborn":  func() { multiproc.Main(startStubborn) },
	"leave":     func() { multiproc.Main(leaveChildren) },
	"chain": func() {
		multiproc.Main(func(ctx context.Context) error { return chainOn(ctx, chainArg{os.Getenv(addrEnv), 3}) })
	},
	"stubborn orphan": func() {
		multiproc.Main(func(ctx context.Context) error {
			_, err := stubborn.StartWith(ctx, os.Getenv(addrEnv), multiproc.Options{Grace: time.Millisecond})
			return err
		})
	},
	"stubborn daemon": func() {
		multiproc.Main(func(ctx context.Context) error {
			_, err := stubborn.StartWith(ctx, os.Getenv(addrEnv), multiproc.Options{Daemon: true, Grace: time.Millisecond})
			return err
		})
	},
	"log": func() {
		logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelDebug}))
		multiproc.Config{Logger: logger}.Main(runDouble)
	},
	"goroutines": func() { multiproc.Config{Mode: multiproc.Goroutines, ArenaLimit: 64 << 20}.Main(runDouble) },
	"processes":  func() { multiproc.Config{Mode: multiproc.Processes}.Main(runDouble) },
	"deleted": func() {
		multiproc.Main(func(ctx context.Context) error {
			if err := os.Remove(os.Args[1]); err != nil {
				return err
			}
			return runDouble(ctx)
		})
	},
	"late": func() {
		multiproc.Init()
		defer func() { fmt.Println(recover()) }()
		multiproc.Config{Grace: 1}.Init()
	},
}

func runDouble(ctx context.Context) error {
	c, err := double.Start(ctx, 21)
	if err != nil {
		return err
	}
	n, err := c.Result(ctx)
	fmt.Println(n, c.Pid() == os.Getpid())
	return err
}

// interruptible starts children of all sorts and waits for those that end with
// its context.
func interruptible(ctx context.Context) error {
	addr := os.Getenv(addrEnv)
	multiproc.AtExit(ctx, func() { fmt.Println("exit function") })
	if _, err := linger.StartWith(context.Background(), addr, multiproc.Options{Name: "on no context"}); err != nil {
		return err
	}
	if _, err := linger.StartWith(ctx, addr, multiproc.Options{Name: "daemon", Daemon: true}); err != nil {
		return err
	}
	if _, err := chain.Start(ctx, chainArg{addr, 1}); err != nil {
		return err
	}
	group, _ := multiproc.NewGroup(ctx)
	for range 2 {
		group.Start(linger.With(addr))
	}
	return group.Wait()
}

func startStubborn(ctx context.Context) error {
	for range 2 {
		if _, err := stubborn.StartWith(ctx, os.Getenv(addrEnv), multiproc.Options{Grace: time.Hour}); err != nil {
			return err
		}
	}
	<-ctx.Done()
	select {} // and so are we
}

func leaveChildren(ctx context.Context) error {
	multiproc.AtExit(ctx, func() { fmt.Println("exit function") })
	addr := os.Getenv(addrEnv)
	if _, err := linger.StartWith(context.Background(), addr, multiproc.Options{Daemon: true}); err != nil {
		return err
	}
	_, err := released.Start(ctx, addr)
	fmt.Println("left")
	return err
}
