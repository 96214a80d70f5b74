package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/multiproc-go/multiproc"
)

func main() {
	multiproc.Config{Mode: multiproc.Processes}.Main(func(ctx context.Context) error {
		err := run(ctx, os.Args[1:], os.Stdout)
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	})
}

// run is the program, but for the process that it runs in.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := flags.String("only", "", "comma-separated `names` of workloads")
	quick := flags.Bool("quick", false, "few repetitions: under a minute, and rough")
	list := flags.Bool("list", false, "print the names of the workloads, and end")
	jsonFile := flags.String("json", "", "write the results to `file`, a list of {workload, system, unit, median, min, max, n}")
	markdownFile := flags.String("markdown", "", "write a report to `file`")
	readmes := flags.String("readme", "", "put a short table into these comma-separated `files`")
	svgFile := flags.String("svg", "", "draw the results to `file`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("bench: no such argument: %s", flags.Arg(0))
	}
	workloads, err := choose(allWorkloads(size{quick: *quick}), *only)
	if err != nil {
		return err
	}
	if *list {
		for _, w := range workloads {
			fmt.Fprintf(stdout, "%-20s %s\n", w.name, w.title)
		}
		return nil
	}

	peers, err := newPeers()
	if err != nil {
		return err
	}
	defer peers.remove()
	report := &report{Machine: describeMachine(ctx), Command: command(args)}
	for _, line := range report.Machine {
		fmt.Fprintln(stdout, line)
	}
	for _, w := range workloads {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		section := w.measure(ctx, peers)
		report.Sections = append(report.Sections, section)
		section.print(stdout)
	}
	for name := range strings.SplitSeq(*readmes, ",") {
		if name == "" {
			continue
		}
		if err := report.readme(name); err != nil {
			return err
		}
	}
	return errors.Join(
		write(*jsonFile, func(w io.Writer) error {
			e := json.NewEncoder(w)
			e.SetIndent("", "  ")
			return e.Encode(report.results())
		}),
		write(*markdownFile, report.markdown),
		write(*svgFile, report.draw),
	)
}

// command is how a reader repeats the run.
func command(args []string) string {
	return strings.TrimSpace("go run ./bench " + strings.Join(args, " "))
}

func write(name string, content func(io.Writer) error) error {
	if name == "" {
		return nil
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(content(file), file.Close())
}
