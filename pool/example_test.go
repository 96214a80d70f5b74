package pool_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/multiproc-go/multiproc/pool"
)

func ExampleMap() {
	ctx := context.Background()
	p, err := pool.New(ctx, pool.Options{Workers: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Wait(ctx)
	defer p.Terminate()
	squares, err := pool.Map(ctx, p, square, []int{1, 2, 3, 4})
	fmt.Println(squares, err)
	// Output: [1 4 9 16] <nil>
}

// A failure is one item's; the loop goes on.
func ExampleMapSeq() {
	ctx := context.Background()
	p, err := pool.New(ctx, pool.Options{Workers: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Wait(ctx)
	defer p.Terminate()
	for half, err := range pool.MapSeq(ctx, p, halve, slices.Values([]int{2, 3, 8})) {
		switch {
		case errors.Is(err, errOdd):
			fmt.Println("an odd number")
		case err != nil:
			fmt.Println(err)
		default:
			fmt.Println(half)
		}
	}
	// Output:
	// 1
	// an odd number
	// 4
}

func ExampleMapUnordered() {
	ctx := context.Background()
	p, err := pool.New(ctx, pool.Options{Workers: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Wait(ctx)
	defer p.Terminate()
	sum := 0
	for n, err := range pool.MapUnordered(ctx, p, square, maps.Values(map[string]int{"a": 3, "b": 4})) {
		if err != nil {
			fmt.Println(err)
		}
		sum += n
	}
	fmt.Println(sum)
	// Output: 25
}

func ExampleSubmit() {
	ctx := context.Background()
	p, err := pool.New(ctx, pool.Options{Workers: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Wait(ctx)
	defer p.Terminate()
	future := pool.Submit(ctx, p, square, 12)
	n, err := future.Result(ctx)
	fmt.Println(n, err)
	// Output: 144 <nil>
}
