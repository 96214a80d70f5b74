package pool

import (
	"context"
	"fmt"
	"reflect"
	"sync"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/handoff"
)

// coders are those of an entry.
type coders[A, R any] struct {
	argument *handoff.Coder[A]
	result   *handoff.Coder[R]
}

// codersOf returns the coders of an entry's types. The error is a *handoff.TypeError for types with Files.
func codersOf[A, R any]() (c coders[A, R], err error) {
	if c.argument, err = handoff.NewCoder[A](); err == nil {
		c.result, err = handoff.NewCoder[R]()
	}
	if err != nil {
		return c, fmt.Errorf("pool: %w", err)
	}
	return c, nil
}

// A Future is a task that was submitted.
type Future[R any] struct {
	p    *Pool
	j    *job
	done chan struct{}

	result []byte // with err, written before done is closed
	err    error

	decode sync.Once
	coder  *handoff.Coder[R]
	value  R
}

// Submit queues one task and returns at once. The task is cancelled when ctx ends, as by [Future.Cancel] but with ctx's cause. Every error, also
// that the argument cannot be encoded, is that of [Future.Result].
func Submit[A, R any](ctx context.Context, p *Pool, e *multiproc.Entry[A, R], arg A) *Future[R] {
	f := &Future[R]{p: p, done: make(chan struct{})}
	fail := func(err error) *Future[R] {
		f.err = err
		close(f.done)
		return f
	}
	c, err := codersOf[A, R]()
	if err != nil {
		return fail(err)
	}
	if ctx.Err() != nil {
		return fail(context.Cause(ctx))
	}
	args, err := sized(nil, func(b []byte) ([]byte, error) { return c.argument.Append(b, &arg) })
	if err != nil {
		return fail(fmt.Errorf("the argument: %w", err))
	}
	j := &job{p: p, entry: e.Name(), chunk: p.o.Chunk}
	f.j, f.coder = j, c.result
	stop := func() bool { return true }
	if ctx.Done() != nil {
		stop = context.AfterFunc(ctx, func() { p.cancelJob(j, context.Cause(ctx)) })
	}
	j.then = func(c piece) {
		c.each(func(_ int, result []byte, err error) { f.result, f.err = result, err })
		close(f.done)
		stop()
	}
	if err := p.submit(&batch{job: j, count: 1, args: args}); err != nil {
		stop()
		f.j = nil
		return fail(err)
	}
	return f
}

// Done is closed when the task has ended.
func (f *Future[R]) Done() <-chan struct{} { return f.done }

// Result waits for the end of the task and returns its result, or its error: a *multiproc.ChildError, a [*WorkerError], [ErrCanceled], the
// cause of Submit's context, [ErrClosed] or [ErrBroken]. If ctx ends first, Result returns its error, and the task goes on.
// It looks for the result for up to 50 µs, as long as the machine has more than one CPU, before it sleeps.
func (f *Future[R]) Result(ctx context.Context) (R, error) {
	if !isClosed(f.done) {
		f.p.listen(f.done)
	}
	if !isClosed(f.done) {
		select {
		case <-f.done:
		case <-ctx.Done():
			return *new(R), ctx.Err()
		}
	}
	f.decode.Do(func() {
		if f.err != nil {
			return
		}
		if err := f.coder.Decode(f.result, &f.value, f.p.member); err != nil {
			f.err = fmt.Errorf("the result: %w", err)
		}
		f.result = nil
	})
	return f.value, f.err
}

// Cancel drops the task if no worker has begun it. Else the task's context ends, and after the grace time its worker is killed. If the task
// ends with a result all the same, that is the result.
func (f *Future[R]) Cancel() {
	if f.j != nil {
		f.p.cancelJob(f.j, ErrCanceled)
	}
}

// First waits for the first of several futures, or of anything else with a Done channel, and returns its index; if several have ended, any of
// theirs. If ctx ends first, it returns -1 and ctx's error. It panics without any.
func First[F interface{ Done() <-chan struct{} }](ctx context.Context, futures ...F) (int, error) {
	if len(futures) == 0 {
		panic("pool: First of no futures")
	}
	cases := make([]reflect.SelectCase, 0, len(futures)+1)
	for i, f := range futures {
		if isClosed(f.Done()) {
			return i, nil
		}
		cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(f.Done())})
	}
	cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(ctx.Done())})
	i, _, _ := reflect.Select(cases)
	if i == len(futures) {
		return -1, ctx.Err()
	}
	return i, nil
}
