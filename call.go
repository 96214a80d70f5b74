package multiproc

import (
	"context"
	"fmt"
	"sync"

	"github.com/multiproc-go/multiproc/internal/handoff"
)

// A Call is a process whose entry has a result.
type Call[R any] struct {
	*Process

	decode sync.Once
	value  R
	err    error
}

// Result waits for the end of the process and returns what its entry returned.
// The errors are those of [Process.Wait]. If the entry returned a result and the
// process came to harm afterwards, while it waited for its own children or ran
// exit functions, Result returns both the result and the error.
func (c *Call[R]) Result(ctx context.Context) (R, error) {
	err := c.Wait(ctx)
	if c.Alive() {
		var none R
		return none, err // ctx ended
	}
	c.decode.Do(c.read)
	if err == nil {
		err = c.err
	}
	return c.value, err
}

func (c *Call[R]) read() {
	if c.result == nil {
		return
	}
	m, err := c.owner.member()
	if err == nil {
		err = c.lost
	}
	if err == nil {
		_, err = handoff.Decode(*c.result, &c.value, m) // Files are the caller's
	}
	if err != nil {
		c.err = fmt.Errorf("multiproc: the result of %s: %w", c, err)
	}
}

// A Task is an entry with its argument and options, ready to be started.
type Task struct {
	entry   *entry
	arg     any
	options Options
}

// With binds an argument. The argument is encoded when the task is started, each
// time anew.
func (e *Entry[A, R]) With(arg A) Task { return Task{entry: e.entry, arg: arg} }

// WithOptions is the same task with other options.
func (t Task) WithOptions(o Options) Task {
	t.options = o
	return t
}

// Start starts a child in the entry, with arg. See the function [Start].
func (e *Entry[A, R]) Start(ctx context.Context, arg A) (*Call[R], error) {
	return e.StartWith(ctx, arg, Options{})
}

// StartWith is Start with options.
func (e *Entry[A, R]) StartWith(ctx context.Context, arg A, o Options) (*Call[R], error) {
	p, err := start(ctx, e.With(arg).WithOptions(o), true)
	if err != nil {
		return nil, err
	}
	return &Call[R]{Process: p}, nil
}
