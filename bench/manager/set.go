package main

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/multiproc-go/multiproc/manager"
)

const (
	batch   = 100    // calls
	objects = 10_000 // of "many"
)

func setOne(ctx context.Context, d time.Duration) (float64, error) { return set(ctx, d, 1, 0) }

func setFour(ctx context.Context, d time.Duration) (float64, error) { return set(ctx, d, 4, 0) }

func setMany(ctx context.Context, d time.Duration) (float64, error) { return set(ctx, d, 1, objects) }

// set has goroutines set items, each of a dict of its own, beside so many other dicts.
func set(ctx context.Context, d time.Duration, goroutines, others int) (ns float64, err error) {
	c, err := manager.Start(ctx, manager.Options{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	kept := make([]*manager.Dict[string, int], others)
	for i := range kept {
		if kept[i], err = manager.NewDict(ctx, c, manager.Item[string, int]{Key: "key", Value: 1}); err != nil {
			return 0, err
		}
	}
	defer runtime.KeepAlive(kept)
	var calls []func() error
	for range goroutines {
		dict, err := manager.NewDict[string, int](ctx, c)
		if err != nil {
			return 0, err
		}
		n := 0
		calls = append(calls, func() error {
			n++
			return dict.Set(ctx, "key", 1000+n&0xff)
		})
	}
	return sideBySide(d, 1, calls)
}

func setBatch(ctx context.Context, d time.Duration) (ns float64, err error) {
	c, err := manager.Start(ctx, manager.Options{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	dict, err := manager.NewDict[string, int](ctx, c)
	if err != nil {
		return 0, err
	}
	b := c.NewBatch()
	return sideBySide(d, batch, []func() error{func() error {
		for i := range batch {
			dict.In(b).Set("key", 1000+i)
		}
		return b.Flush(ctx)
	}})
}

// sideBySide repeats functions, each in a goroutine, and returns the time divided by n times the number of all calls.
func sideBySide(d time.Duration, n int, calls []func() error) (float64, error) {
	per := make([]float64, len(calls))
	errs := make([]error, len(calls))
	var all sync.WaitGroup
	for i, call := range calls {
		all.Go(func() { per[i], errs[i] = perOp(d, call) })
	}
	all.Wait()
	rate := 0.0
	for _, ns := range per {
		rate += float64(n) / ns
	}
	return 1 / rate, errors.Join(errs...)
}
