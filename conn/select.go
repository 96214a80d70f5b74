package conn

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// A Waitable is something that can be waited for beside others, by [Select]: a [Conn], a [Framed], a queue.Queue or
// queue.JoinableQueue, a psync.Event, a multiproc.Process or multiproc.Call, and whatever else has this method.
type Waitable interface {
	// WaitReady waits until it is ready, and takes nothing away: when it has returned nil, what is to be had is there, or the
	// news of an end. It returns nil also when ctx has ended, if it is ready then; else the error of ctx. Any other error
	// says that it cannot be waited for.
	WaitReady(ctx context.Context) error
}

// Select waits until something of what it is given is ready, and returns all that is, in the order given; one that is given twice
// may be returned twice. It is Python's multiprocessing.connection.wait.
//
//	for {
//		ready, err := conn.Select(ctx, worker, results, process)
//		…
//		for _, r := range ready {
//			switch r {
//			case worker:
//				m, err := worker.Recv(ctx)
//			case results:
//				v, err := results.TryGet()
//			case process:
//				…
//
// What is ready can be received, or is at its end, as a call that receives will say at once:
//
//	Conn, Framed               a message, the beginning of one, or the end: closed at either end, dead, moved
//	queue.Queue                an item to be taken, or none will come: drained or closed
//	psync.Event                it is set, or was during the call; or it is closed
//	multiproc.Process, Call    it has ended and was waited for
//
// Where others take from the same queue or connection, they may be faster: use TryGet, or a Recv that may wait. While Select waits for a connection no
// other goroutine receives from it, and an end of a pipe cannot move.
//
// If something is ready, ctx does not matter: with a ctx that has ended, Select is a look. Otherwise the error is that of ctx. An error of a
// WaitReady is returned too, with nothing else; of what is listed here, only a connection in the mode of [Framed.Block] has one, errors.ErrUnsupported. With
// nothing to wait for, Select waits for the end of ctx.
//
// It first looks at all, and then waits with a goroutine for each, which have ended when it returns. So a call that has to wait costs some microseconds for each of what it
// is given: ten thousand connections are better served by a goroutine each, which receives.
func Select(ctx context.Context, from ...Waitable) ([]Waitable, error) {
	is := make([]bool, len(from))
	if n, err := look(ctx, from, is); n > 0 || err != nil {
		return those(from, is, n), err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := sleep(ctx, from, is); err != nil {
		return nil, err
	}
	// Others may have become ready since.
	n, err := look(ctx, from, is)
	switch {
	case err != nil:
		return nil, err
	case n == 0:
		return nil, ctx.Err() // for nothing else ends a sleep
	}
	return those(from, is, n), nil
}

// look marks what is ready now, leaves what is marked as it is, and counts both.
func look(ctx context.Context, from []Waitable, is []bool) (n int, err error) {
	now, cancel := context.WithCancel(ctx) // whose values tell who waits, in goroutine mode
	cancel()
	for i, w := range from {
		if !is[i] {
			if is[i], err = ready(now, w); err != nil {
				return 0, err
			}
		}
		if is[i] {
			n++
		}
	}
	return n, nil
}

// sleep returns when one is ready, and marks it, or when ctx has ended.
func sleep(ctx context.Context, from []Waitable, is []bool) error {
	if len(from) == 0 {
		<-ctx.Done()
		return nil
	}
	one, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(from))
	var all sync.WaitGroup
	for i, w := range from {
		all.Go(func() {
			if is[i], errs[i] = ready(one, w); is[i] || errs[i] != nil {
				cancel() // the others
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// ready waits until w is ready, or ctx has ended.
func ready(ctx context.Context, w Waitable) (bool, error) {
	err := w.WaitReady(ctx)
	switch {
	case err == nil:
		return true, nil
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return false, nil
	}
	return false, fmt.Errorf("conn: Select: %T: %w", w, err)
}

// those are the n that are marked.
func those(from []Waitable, is []bool, n int) []Waitable {
	if n == 0 {
		return nil
	}
	list := make([]Waitable, 0, n)
	for i, w := range from {
		if is[i] {
			list = append(list, w)
		}
	}
	return list
}

// WaitReady is for [Select]: f is ready when [Framed.Poll] would say so, and when it is closed. A connection in the mode of [Framed.Block]
// that is not ready is errors.ErrUnsupported, for such a wait cannot be given up.
func (f *Framed) WaitReady(ctx context.Context) error {
	ready, err := f.Poll(context.Background(), 0)
	if errors.Is(err, errors.ErrUnsupported) {
		return err // elsewhere than on Linux
	}
	if ready || err != nil {
		return nil // as Recv will say
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if f.isBlocked() {
		return errors.ErrUnsupported
	}
	if _, err := f.wait(ctx); err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return err
	}
	return nil
}
