package manager_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/manager"
)

// scores is the argument of a process: a handle.
type scores struct {
	Dict *manager.Dict[string, int]
}

// An entry is declared in a package variable.
var score = multiproc.Proc("example.score", func(ctx context.Context, s scores) error {
	defer s.Dict.Close()
	for range 100 {
		_, err := s.Dict.Update(ctx, "goals", func(n int, _ bool) (int, error) { return n + 1, nil })
		if err != nil {
			return err
		}
	}
	return nil
})

// Three processes count up the same item of a dict. TestMain, or main, has called multiproc.Init or Main.
func ExampleStart() {
	ctx := context.Background()
	m, err := manager.Start(ctx, manager.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	dict, err := manager.NewDict(ctx, m, manager.Item[string, int]{Key: "goals", Value: 0})
	if err != nil {
		log.Fatal(err)
	}
	group, ctx := multiproc.NewGroup(ctx)
	for range 3 {
		group.Start(score.With(scores{dict}))
	}
	if err := group.Wait(); err != nil {
		log.Fatal(err)
	}
	text, err := dict.Repr(context.WithoutCancel(ctx))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(text)
	// Output: {'goals': 300}
}

// exampleClient is a Client of a server in this process.
func exampleClient(ctx context.Context) (*manager.Client, func()) {
	s, err := manager.NewServer(manager.Options{})
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	c, err := manager.Dial(ctx, s.Addr().Network(), s.Addr().String(), manager.DialOptions{Authkey: s.Authkey()})
	if err != nil {
		log.Fatal(err)
	}
	return c, func() {
		c.Close()
		s.Close()
		<-done
	}
}

// What was got from the dict is the list itself, and not a copy.
func ExampleDict_nested() {
	ctx := context.Background()
	c, end := exampleClient(ctx)
	defer end()
	baskets, err := manager.NewDict[string, *manager.List[string]](ctx, c)
	if err != nil {
		log.Fatal(err)
	}
	apples, err := manager.NewList(ctx, c, "apple")
	if err != nil {
		log.Fatal(err)
	}
	if err := baskets.Set(ctx, "fruit", apples); err != nil {
		log.Fatal(err)
	}

	fruit, err := baskets.Get(ctx, "fruit")
	if err != nil {
		log.Fatal(err)
	}
	if err := fruit.Append(ctx, "pear"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(apples.Values(ctx))
	// Output: [apple pear] <nil>
}

func ExampleDict_All() {
	ctx := context.Background()
	c, end := exampleClient(ctx)
	defer end()
	stock, err := manager.NewDict(ctx, c, manager.Item[string, int]{Key: "apples", Value: 3}, manager.Item[string, int]{Key: "pears", Value: 5})
	if err != nil {
		log.Fatal(err)
	}
	for item, err := range stock.All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(item.Key, item.Value)
	}
	// Output:
	// apples 3
	// pears 5
}

func ExampleException() {
	ctx := context.Background()
	c, end := exampleClient(ctx)
	defer end()
	stock, err := manager.NewDict[string, int](ctx, c)
	if err != nil {
		log.Fatal(err)
	}
	_, err = stock.Get(ctx, "plums")
	fmt.Println(errors.Is(err, manager.ErrKey))
	fmt.Println(err)
	// Output:
	// true
	// manager: KeyError: 'plums'
}

func ExampleDict_CompareAndSwap() {
	ctx := context.Background()
	c, end := exampleClient(ctx)
	defer end()
	doors, err := manager.NewDict(ctx, c, manager.Item[string, string]{Key: "front", Value: "free"})
	if err != nil {
		log.Fatal(err)
	}
	for _, who := range []string{"first", "second"} {
		taken, err := doors.CompareAndSwap(ctx, "front", "free", who)
		fmt.Println(who, taken, err)
	}
	// Output:
	// first true <nil>
	// second false <nil>
}

// A method by Python's name for it, with a keyword argument.
func ExampleProxy_CallWith() {
	ctx := context.Background()
	c, end := exampleClient(ctx)
	defer end()
	p, err := c.Create(ctx, "list", []int{3, 1, 2})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := p.CallWith(ctx, "sort", nil, map[string]any{"reverse": true}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.Repr(ctx))
	// Output: [3, 2, 1] <nil>
}

// Many calls in one round trip. What each of them returns is there after Flush.
func ExampleClient_NewBatch() {
	ctx := context.Background()
	m, err := manager.Start(ctx, manager.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	dict, err := manager.NewDict[string, int](ctx, m)
	if err != nil {
		log.Fatal(err)
	}
	b := m.NewBatch()
	for i := range 100 {
		dict.In(b).Set(fmt.Sprint(i), i*i)
	}
	nine := dict.In(b).Get("9")
	if err := b.Flush(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(nine.Result())
	// Output: 81 <nil>
}
