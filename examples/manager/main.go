// Manager shares a dict and a list between two processes.
//
//	go run ./examples/manager
//	MULTIPROC_MODE=goroutines go run ./examples/manager
//
// It is article.py, which stands beside it, line by line, and prints the same. A third process, the
// server, has the dict and the list; run and the child use them through proxies, so that what
// one of them changes the other sees. A program in Python could use the same two at the same time:
// see examples/python.
package main

import (
	"context"
	"fmt"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/manager"
)

// job is what the child needs: two handles.
type job struct {
	Dict *manager.Dict[any, any] // a dict of Python may have keys of all types
	List *manager.List[int]
}

var worker = multiproc.Proc("worker", func(ctx context.Context, j job) error {
	if err := j.Dict.Set(ctx, 1, "a"); err != nil {
		return err
	}
	if err := j.Dict.Set(ctx, "2", 2); err != nil {
		return err
	}
	return j.List.Reverse(ctx)
})

func main() { multiproc.Main(run) } // in a child, Main runs the entry instead of run

func run(ctx context.Context) error {
	m, err := manager.Start(ctx, manager.Options{})
	if err != nil {
		return err
	}
	defer m.Close()

	sharedDict, err := manager.NewDict[any, any](ctx, m)
	if err != nil {
		return err
	}
	sharedList, err := manager.NewList(ctx, m, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	if err != nil {
		return err
	}

	p, err := worker.Start(ctx, job{sharedDict, sharedList})
	if err != nil {
		return err
	}
	if err := p.Wait(ctx); err != nil {
		return err
	}

	// String would name the proxies. Repr asks the server how Python would print what they stand for.
	dict, err := sharedDict.Repr(ctx)
	if err != nil {
		return err
	}
	list, err := sharedList.Repr(ctx)
	if err != nil {
		return err
	}
	fmt.Println("共享字典:", dict)
	fmt.Println("共享列表 (已反转):", list)
	return m.Close()
}
