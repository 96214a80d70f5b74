// Crash kills processes of a family, ten thousand and more, and checks that nothing was
// lost. It prints its seed; with the same one it makes the same choices again.
//
//	go run ./internal/crashtest/crash -kills 10000 -processes 7
//	go run ./internal/crashtest/crash -kills 10000 -processes 300 -wait futex
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/crashtest/soak"
	"github.com/multiproc-go/multiproc/internal/wait"
)

func main() {
	// The way to wait is chosen before the family is made, and children inherit it.
	for i, arg := range os.Args[1:] {
		name, value, ok := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if name == "wait" && !ok && i+2 < len(os.Args) {
			value = os.Args[i+2]
		}
		if name == "wait" {
			os.Setenv(wait.EnvVar, value)
		}
	}
	multiproc.Main(run)
}

func run(ctx context.Context) error {
	kills := flag.Int("kills", 1000, "how many processes are to die, for each number of processes")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "makes the same choices again")
	processes := flag.String("processes", "2,7,100", "how many processes live at a time; several numbers are run one after another")
	way := flag.String("wait", "", "waitv or futex; what the kernel has, if empty")
	limit := flag.Duration("for", 0, "end after this time, whatever has died")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	chosen, err := wait.ChooseWay()
	if err != nil {
		return err
	}
	if *way == "" {
		*way = chosen.String()
	}
	for text := range strings.SplitSeq(*processes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("-processes %s: want numbers above 0", *processes)
		}
		fmt.Printf("%d processes, %s, -seed %d: ", n, *way, *seed)
		began := time.Now()
		report, err := soak.Run(ctx, soak.Options{Processes: n, Kills: *kills, For: *limit, Seed: *seed})
		fmt.Printf("%v, in %v\n", report, time.Since(began).Round(time.Millisecond))
		if err != nil {
			return errors.Join(errors.New("something was lost"), err)
		}
	}
	return nil
}
