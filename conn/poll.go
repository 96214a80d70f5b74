package conn

import (
	"context"
	"errors"
	"os"
	"time"
)

// Poll reports whether something can be received: a message, the beginning of one, or the
// news that the stream has ended or failed, which Recv will then return. It waits for that up
// to the timeout: not at all if it is 0, and until ctx ends if it is negative. While another goroutine
// receives or polls it is false after the timeout: what comes is for that one. The error is [ErrClosed], that of ctx or of the deadline.
//
// A timeout of 0 is exact for sockets on Linux, and about a millisecond elsewhere. On a
// connection in the mode of [Framed.Block], which cannot give up a wait, positive timeouts are errors.ErrUnsupported.
func (f *Framed) Poll(ctx context.Context, timeout time.Duration) (bool, error) {
	if timeout < 0 {
		return f.wait(ctx)
	}
	if timeout == 0 {
		if !f.in.turn.try() {
			if f.closed.Load() {
				return false, ErrClosed
			}
			return false, ctx.Err()
		}
		ready, err := f.look(ctx, f.peek)
		if !errors.Is(err, errors.ErrUnsupported) {
			return ready, err
		}
		timeout = time.Millisecond
	}
	if f.isBlocked() {
		return false, errors.ErrUnsupported
	}
	soon, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ready, err := f.wait(soon)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return false, nil
	}
	return ready, err
}

func (f *Framed) isBlocked() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.blocked
}

// wait waits for its turn, and then for the stream.
func (f *Framed) wait(ctx context.Context) (bool, error) {
	if err := f.in.turn.take(ctx); err != nil {
		return false, err
	}
	return f.look(ctx, func() (bool, error) {
		err := f.fill(1)
		return err == nil, err
	})
}

// look has the turn. It looks into the buffer, then has stream see to the stream.
func (f *Framed) look(ctx context.Context, stream func() (bool, error)) (bool, error) {
	if err := f.enter(ctx, &f.in.turn, &f.in.watch); err != nil {
		return false, err
	}
	defer f.end(&f.in.turn, &f.in.watch)
	if f.in.begun || f.in.w > f.in.r {
		return true, nil
	}
	ready, err := stream()
	switch {
	case err == nil:
		return ready, nil
	case f.closed.Load() || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, ErrInterrupted):
		return false, f.cause(ctx, err)
	case errors.Is(err, errors.ErrUnsupported):
		return false, err
	}
	return true, nil // Recv will return the error
}
