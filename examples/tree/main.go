// Tree grows a tree of processes: an entry that starts itself.
//
//	go run ./examples/tree
//	go run ./examples/tree -depth 4 -fan 3
//
// Each process counts itself, starts its branches, and returns what has grown out of
// them, so that the results come together at the root. Any process of the family may
// start others, and pass its handles on.
package main

import (
	"context"
	"flag"
	"fmt"
	"strings"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/shm"
)

// seed is the argument of a process.
type seed struct {
	Count *shm.Value[int64] // of the processes that have grown
	Depth int               // levels to grow, this one included
	Fan   int               // branches of each process
}

// tree is its result.
type tree struct {
	Root     string // name and pid
	Branches []tree
}

// An entry whose function starts the same entry cannot be declared in one step,
//
//	var grow = multiproc.Func("grow", branchOut) // initialization cycle
//
// for then grow would depend on branchOut and branchOut on grow. So it is declared first,
// and given its function in an init function.
var grow = multiproc.Declare[seed, tree]("grow")

func init() { grow.Handle(branchOut) }

func branchOut(ctx context.Context, s seed) (tree, error) {
	shm.Add(s.Count, 1) // one step: no lock is needed
	self := multiproc.Self(ctx)
	t := tree{Root: self.String()}
	s.Depth--
	if s.Depth == 0 {
		return t, nil
	}
	// All are started before the first is waited for: branches grow side by side.
	var calls []*multiproc.Call[tree]
	for i := range s.Fan {
		name := fmt.Sprintf("%s.%d", self.Name, i+1)
		call, err := grow.StartWith(ctx, s, multiproc.Options{Name: name})
		if err != nil {
			return t, err
		}
		calls = append(calls, call)
	}
	for _, call := range calls {
		branch, err := call.Result(ctx)
		if err != nil {
			return t, err
		}
		t.Branches = append(t.Branches, branch)
	}
	return t, nil
}

func main() { multiproc.Main(run) }

func run(ctx context.Context) error {
	depth := flag.Int("depth", 3, "levels of the tree")
	fan := flag.Int("fan", 2, "branches of each process")
	flag.Parse()
	if err := reasonable(*depth, *fan); err != nil {
		return err
	}

	count, err := shm.NewValue[int64](0)
	if err != nil {
		return err
	}
	defer count.Close()
	call, err := grow.StartWith(ctx, seed{count, *depth, *fan}, multiproc.Options{Name: "1"})
	if err != nil {
		return err
	}
	t, err := call.Result(ctx)
	if err != nil {
		return err
	}
	fmt.Println(t.Root)
	t.print("")
	fmt.Printf("\n%d processes have counted themselves.\n", count.Load())
	return nil
}

// reasonable refuses trees that would fill the machine: every process lives until
// its branches have ended.
func reasonable(depth, fan int) error {
	const limit = 200
	if depth < 1 || fan < 0 {
		return fmt.Errorf("-depth %d -fan %d: no such tree", depth, fan)
	}
	processes, width := 0, 1
	for level := 0; level < depth && width > 0; level++ {
		processes += width
		if processes > limit {
			return fmt.Errorf("-depth %d -fan %d: more than %d processes", depth, fan, limit)
		}
		width *= min(fan, limit+1) // enough to be refused, too little to overflow
	}
	return nil
}

// print prints the branches; indent is what stands before them.
func (t tree) print(indent string) {
	for i, branch := range t.Branches {
		twig, below := "├── ", "│   "
		if i == len(t.Branches)-1 {
			twig, below = "└── ", strings.Repeat(" ", 4)
		}
		fmt.Println(indent + twig + branch.Root)
		branch.print(indent + below)
	}
}
