// Python has processes in Go and in Python fill one dict and one list.
//
//	go run ./examples/python
//	go run ./examples/python -go 4 -python 4 -rounds 1000
//
// The server is ours; the processes in Python use it as they would use a manager of their
// own, with what comes with Python and nothing else: fill.py has it all. At the end run counts what is there. Every item
// that any of them has put in is there once, for each method of a proxy is one step.
//
// To read a number, add to it and write it back is more than one step. In Go that is Update, here of the item "rounds",
// which all processes in Go count up. Python has nothing like it: there, each process writes to items of its own.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"sync"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/manager"
)

//go:embed fill.py
var script string

// job is the argument of a process in Go.
type job struct {
	Dict   *manager.Dict[string, int]
	List   *manager.List[int]
	Name   string
	Rounds int
}

var fill = multiproc.Proc("fill", func(ctx context.Context, j job) error {
	for i := range j.Rounds {
		if err := j.Dict.Set(ctx, fmt.Sprintf("%s/%d", j.Name, i), i); err != nil {
			return err
		}
		if err := j.List.Append(ctx, i); err != nil {
			return err
		}
		if _, err := j.Dict.Update(ctx, "rounds", func(n int, _ bool) (int, error) { return n + 1, nil }); err != nil {
			return err
		}
	}
	return nil
})

// pythonJob is what fill.py reads. The key is in it: so it goes over a pipe, as the arguments of processes in Go do.
type pythonJob struct {
	Address string `json:"address"`
	Authkey string `json:"authkey"`
	Dict    string `json:"dict"`
	List    string `json:"list"`
	Name    string `json:"name"`
	Rounds  int    `json:"rounds"`
}

func main() { multiproc.Main(run) }

func run(ctx context.Context) error {
	inGo := flag.Int("go", 3, "how many processes in Go there are")
	inPython := flag.Int("python", 3, "how many processes in Python there are")
	rounds := flag.Int("rounds", 200, "how much each of them puts in")
	python := flag.String("interpreter", "python3", "Python, 3.8 or later")
	flag.Parse()

	m, err := manager.Start(ctx, manager.Options{})
	if err != nil {
		return err
	}
	defer m.Close()
	dict, err := manager.NewDict(ctx, m, manager.Item[string, int]{Key: "rounds", Value: 0})
	if err != nil {
		return err
	}
	list, err := manager.NewList[int](ctx, m)
	if err != nil {
		return err
	}

	group, ctx := multiproc.NewGroup(ctx)
	for i := range *inGo {
		group.Start(fill.With(job{dict, list, fmt.Sprintf("go-%d", i), *rounds}))
	}
	errs := make([]error, *inPython)
	var pythons sync.WaitGroup
	for i := range *inPython {
		_, address := m.Address()
		j := pythonJob{address, hex.EncodeToString(m.Authkey()), dict.Ident(), list.Ident(), fmt.Sprintf("python-%d", i), *rounds}
		pythons.Go(func() { errs[i] = runPython(ctx, *python, j) })
	}
	pythons.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return report(context.WithoutCancel(ctx), dict, list, *inGo, *inPython, *rounds)
}

func runPython(ctx context.Context, interpreter string, j pythonJob) error {
	input, err := json.Marshal(j)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, interpreter, "-c", script)
	cmd.Stdin = bytes.NewReader(input)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", j.Name, err)
	}
	return nil
}

// report counts what is there, and compares it with what must be.
func report(ctx context.Context, dict *manager.Dict[string, int], list *manager.List[int], inGo, inPython, rounds int) error {
	counted, err := dict.Pop(ctx, "rounds")
	if err != nil {
		return err
	}
	inDict, sum := 0, 0
	for item, err := range dict.All(ctx) {
		if err != nil {
			return err
		}
		inDict++
		sum += item.Value
	}
	inList := 0
	for n, err := range list.All(ctx) {
		if err != nil {
			return err
		}
		inList++
		sum += n
	}
	fmt.Printf("%d processes in Go, %d in Python, %d rounds each\n", inGo, inPython, rounds)
	fmt.Printf("in the dict: %d items; in the list: %d numbers; the sum of all: %d\n", inDict, inList, sum)
	fmt.Printf("counted up together in Go: %d\n", counted)
	all := (inGo + inPython) * rounds
	if inDict != all || inList != all || sum != (inGo+inPython)*rounds*(rounds-1) || counted != inGo*rounds {
		return fmt.Errorf("want %d items and numbers, the sum %d, and %d", all, (inGo+inPython)*rounds*(rounds-1), inGo*rounds)
	}
	return nil
}
