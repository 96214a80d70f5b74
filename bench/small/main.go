// Small is a program of a few lines that uses multiproc, for the measurements in which the size of a program counts: a child
// is its parent's program, and what the benchmark itself imports costs a child of it as much as multiproc does.
//
//	small start N    times N children, from Start to Result, and prints nanoseconds
//	small idle       prints the pid of a child that does nothing, until its standard input ends
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/psync"
)

var nothing = multiproc.Func("nothing", func(context.Context, multiproc.None) (multiproc.None, error) {
	return multiproc.None{}, nil
})

// idling exists until its context ends, and says when it has begun.
var idling = multiproc.Proc("idling", func(ctx context.Context, begun *psync.Event) error {
	if err := begun.Set(); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
})

func main() { multiproc.Main(run) }

func run(ctx context.Context) error {
	switch args := os.Args[1:]; {
	case len(args) == 2 && args[0] == "start":
		n, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		return start(ctx, n)
	case len(args) == 1 && args[0] == "idle":
		return idle(ctx)
	}
	return errors.New("usage: small start N | small idle")
}

func start(ctx context.Context, n int) error {
	for range n {
		begin := time.Now()
		call, err := nothing.Start(ctx, multiproc.None{})
		if err != nil {
			return err
		}
		if _, err := call.Result(ctx); err != nil {
			return err
		}
		fmt.Println(time.Since(begin).Nanoseconds())
	}
	return nil
}

func idle(ctx context.Context) error {
	begun, err := psync.NewEvent()
	if err != nil {
		return err
	}
	defer begun.Close()
	p, err := idling.Start(ctx, begun)
	if err != nil {
		return err
	}
	if err := begun.Wait(ctx); err != nil {
		return err
	}
	fmt.Println(p.Pid())
	_, err = io.Copy(io.Discard, os.Stdin)
	p.Terminate()
	<-p.Done()
	return err
}
