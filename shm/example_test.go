package shm_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/shm"
)

// tally is an entry: a function that children can be started in. TestMain, or main, has
// to call multiproc.Main or multiproc.Init.
var tally = multiproc.Proc("tally", func(_ context.Context, total *shm.Value[int64]) error {
	for range 1000 {
		shm.Add(total, 1)
	}
	return nil
})

func ExampleValue() {
	total, err := shm.NewValue[int64](0)
	if err != nil {
		log.Fatal(err)
	}
	defer total.Close()

	group, _ := multiproc.NewGroup(context.Background())
	for range 3 {
		group.Start(tally.With(total))
	}
	if err := group.Wait(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(total.Load())
	// Output: 3000
}

func ExampleValue_Update() {
	type account struct {
		Balance int64
		Changed int64 // Unix time
	}
	v, err := shm.NewValue(account{Balance: 100})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()

	errPoor := errors.New("not enough money")
	withdraw := func(amount int64) error {
		return v.Update(context.Background(), func(a *account) error {
			a.Balance -= amount
			a.Changed = time.Now().Unix()
			if a.Balance < 0 {
				return errPoor // and nothing has happened
			}
			return nil
		})
	}
	fmt.Println(withdraw(70), v.Load().Balance)
	fmt.Println(withdraw(70), v.Load().Balance)
	// Output:
	// <nil> 30
	// not enough money 30
}

func ExampleNewValue_refused() {
	type person struct {
		Age  int
		Name string
	}
	_, err := shm.NewValue(person{})
	fmt.Println(errors.Is(err, shm.ErrType))
	fmt.Println(err)
	// Output:
	// true
	// shm: shm_test.person cannot be shared: person.Name is a string, which points into the memory of one process
}

func ExampleCompareAndSwap() {
	leader, err := shm.NewValue[int32](0)
	if err != nil {
		log.Fatal(err)
	}
	defer leader.Close()

	for _, candidate := range []int32{7, 8} {
		fmt.Println(candidate, shm.CompareAndSwap(leader, 0, candidate))
	}
	// Output:
	// 7 true
	// 8 false
}

// square works on a part of an array that nobody else touches, so it needs no lock.
var square = multiproc.Proc("square", func(_ context.Context, p part) error {
	s := p.Array.Slice()[p.From:p.To]
	for i := range s {
		s[i] *= s[i]
	}
	return nil
})

func ExampleArray() {
	a, err := shm.NewArrayOf([]float64{1, 2, 3, 4, 5, 6})
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()

	group, _ := multiproc.NewGroup(context.Background())
	group.Start(square.With(part{a, 0, 3}))
	group.Start(square.With(part{a, 3, 6}))
	if err := group.Wait(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(a.Slice())
	// Output: [1 4 9 16 25 36]
}

func ExampleArray_Repair() {
	ctx := context.Background()
	a, err := shm.NewArrayOf([]int32{1, 2, 3})
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()

	double := func(s []int32) error {
		for i := range s {
			s[i] *= 2
		}
		return nil
	}
	err = a.Update(ctx, 0, 3, double)
	if errors.Is(err, shm.ErrAbandoned) { // a process was killed inside an Update
		err = a.Repair(ctx, func(s []int32) error {
			copy(s, []int32{1, 2, 3}) // what the elements must be
			return double(s)
		})
	}
	fmt.Println(a.Slice(), err)
	// Output: [2 4 6] <nil>
}
