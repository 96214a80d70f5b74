// Manager is what bench measures of packages manager and pickle. It is a program of its own so that the processes that
// bench itself starts are as small as those of a program without a Manager.
//
//	manager serve                    a server, until standard input ends; prints its address, key and pid
//	manager set one|four|batch|many MS   a dict's Set of a server in another process: one call at a time, on one connection or on each of
//	                                 four; in batches of 100; one at a time among 10,000 other objects
//	manager redis one|four|batch MS  the same of a Redis
//	manager bare threads|poller MS   as many bytes, there and back between two processes
//	manager decode|encode MS         the pickle of a request, and of its reply
//
// All but the first print nanoseconds per operation.
package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/manager"
)

func main() { multiproc.Config{Mode: multiproc.Processes}.Main(run) }

func run(ctx context.Context) error {
	args := os.Args[1:]
	command := map[string]func(context.Context, time.Duration) (float64, error){
		"set one": setOne, "set four": setFour, "set batch": setBatch, "set many": setMany,
		"redis one": redisOne, "redis four": redisFour, "redis batch": redisBatch,
		"bare threads": bareThreads, "bare poller": barePoller, "decode": decode, "encode": encode,
	}
	switch len(args) {
	case 1:
		if args[0] == "serve" {
			return serve(ctx)
		}
	case 2, 3:
		name := args[0]
		if len(args) == 3 {
			name += " " + args[1]
		}
		ms, err := strconv.Atoi(args[len(args)-1])
		if measure := command[name]; measure != nil && err == nil {
			ns, err := measure(ctx, time.Duration(ms)*time.Millisecond)
			if err == nil {
				fmt.Println(ns)
			}
			return err
		}
	}
	return fmt.Errorf("no such command: %q", args)
}

func serve(ctx context.Context) error {
	c, err := manager.Start(ctx, manager.Options{})
	if err != nil {
		return err
	}
	_, address := c.Address()
	fmt.Println(address, hex.EncodeToString(c.Authkey()), c.Process().Pid())
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, c.Close())
}

// lap is how many operations are made between two looks at the clock.
const lap = 200

// perOp repeats f for about d, and returns the nanoseconds of one.
func perOp(d time.Duration, f func() error) (float64, error) {
	for range lap { // connections, caches, threads
		if err := f(); err != nil {
			return 0, err
		}
	}
	begin := time.Now()
	for n := lap; ; n += lap {
		for range lap {
			if err := f(); err != nil {
				return 0, err
			}
		}
		if took := time.Since(begin); took >= d {
			return float64(took.Nanoseconds()) / float64(n), nil
		}
	}
}
