// Crash kills processes of a family, ten thousand and more, and checks that nothing was
// lost. It prints its seed; with the same one it makes the same choices again.
//
//	go run ./internal/crashtest/crash -kills 10000 -processes 7
//	go run ./internal/crashtest/crash -kills 10000 -processes 300 -wait futex
//	go run ./internal/crashtest/crash -kills 10000 -processes 2,7 -release store
//	go run ./internal/crashtest/crash -kills 10000 -processes 7 -queue
//	go run ./internal/crashtest/crash -kills 10000 -processes 7 -semaphore -wait futex
//	go run ./internal/crashtest/crash -kills 10000 -processes 3 -pool
//
// What there is to do beside queues, semaphores and pools: see -help.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/crashtest/soak"
	"github.com/multiproc-go/multiproc/internal/lock"
	"github.com/multiproc-go/multiproc/internal/wait"
)

func main() {
	// These are chosen before the family is made, and children inherit them.
	chosen := map[string]string{"wait": wait.EnvVar, "release": lock.EnvRelease}
	for i, arg := range os.Args[1:] {
		name, value, ok := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if !ok && i+2 < len(os.Args) {
			value = os.Args[i+2]
		}
		if env := chosen[name]; env != "" && arg != name {
			os.Setenv(env, value)
		}
	}
	multiproc.Main(run)
}

// runs is what there is to do for those who are to die.
var runs = map[string]struct {
	what string
	run  func(context.Context, soak.Options) (fmt.Stringer, error)
}{
	"locks":     {"let them use mutexes, values and the allocator, and have children; this is what they do if nothing is said", stringer(soak.Run)},
	"queue":     {"let them put and take items of a queue instead", stringer(soak.RunQueue)},
	"semaphore": {"let them hold permits of a semaphore instead", stringer(soak.RunSemaphore)},
	"rwmutex":   {"let them read and write under an RWMutex instead", stringer(soak.RunRWMutex)},
	"cond":      {"let them wait for each other's signals instead", stringer(soak.RunCond)},
	"barrier":   {"let them meet at a barrier instead", stringer(soak.RunBarrier)},
	"event":     {"let them wait for an event instead", stringer(soak.RunEvent)},
	"reentrant": {"let them use a reentrant mutex, and Onces, instead", stringer(soak.RunReentrant)},
	"pool":      {"let them be the workers of pools instead", stringer(soak.RunPool)},
}

func stringer[R fmt.Stringer](run func(context.Context, soak.Options) (R, error)) func(context.Context, soak.Options) (fmt.Stringer, error) {
	return func(ctx context.Context, o soak.Options) (fmt.Stringer, error) { return run(ctx, o) }
}

func run(ctx context.Context) error {
	kills := flag.Int("kills", 1000, "how many processes are to die, for each number of processes")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "makes the same choices again")
	processes := flag.String("processes", "2,7,100", "how many processes live at a time; several numbers are run one after another")
	way := flag.String("wait", "", "waitv or futex; what the kernel has, if empty")
	release := flag.String("release", "", "swap or store; swap, and store in processes that live longer, if empty")
	limit := flag.Duration("for", 0, "end after this time, whatever has died")
	patience := flag.Duration("patience", time.Minute, "how long one may wait for what it must get")
	run := runs["locks"]
	for name, r := range runs {
		flag.BoolFunc(name, r.what, func(string) error {
			run = r
			return nil
		})
	}
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	chosen, err := wait.ChooseWay()
	if err != nil {
		return err
	}
	if !slices.Contains([]string{"", "swap", "store"}, *release) {
		return fmt.Errorf("-release %s: want swap or store", *release)
	}
	if *way == "" {
		*way = chosen.String()
	}
	for text := range strings.SplitSeq(*processes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("-processes %s: want numbers above 0", *processes)
		}
		fmt.Printf("%d processes, %s, -release %q, -seed %d: ", n, *way, *release, *seed)
		began := time.Now()
		report, err := run.run(ctx, soak.Options{Processes: n, Kills: *kills, For: *limit, Seed: *seed, Patience: *patience})
		fmt.Printf("%v, in %v\n", report, time.Since(began).Round(time.Millisecond))
		if err != nil {
			return errors.Join(errors.New("something was lost"), err)
		}
	}
	return nil
}
