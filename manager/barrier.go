package manager

import "context"

// A Barrier is a place in the server where a number of parties meet: Python's Barrier, without an action. It breaks when one that waits is
// given up or dies: all others get [ErrBrokenBarrier], and so does who comes later, until Reset. With a psync.Barrier the others wait on when one gives
// up; here they may be Python's, whose programs count on what their Barrier does.
type Barrier struct{ base }

// NewBarrier makes a Barrier for so many parties in the server.
func NewBarrier(ctx context.Context, c *Client, parties int) (*Barrier, error) {
	b, err := newBase(ctx, c, "Barrier", int64(parties))
	if err != nil {
		return nil, err
	}
	return &Barrier{b}, nil
}

// Wait waits until all are there, and returns which one this was to come, from 0. When ctx ends the error is that of ctx, and the barrier is broken.
func (b *Barrier) Wait(ctx context.Context) (int, error) {
	v, err := b.call(ctx, "wait")
	return wantInt(&b.base, "wait", v, err)
}

// Reset makes it as new. Who waits gets [ErrBrokenBarrier].
func (b *Barrier) Reset(ctx context.Context) error { return none(b.call(ctx, "reset")) }

// Abort breaks it.
func (b *Barrier) Abort(ctx context.Context) error { return none(b.call(ctx, "abort")) }

// Parties returns how many have to come.
func (b *Barrier) Parties(ctx context.Context) (int, error) {
	v, err := b.call(ctx, "__getattribute__", "parties")
	return wantInt(&b.base, "parties", v, err)
}

// Waiting returns how many wait.
func (b *Barrier) Waiting(ctx context.Context) (int, error) {
	v, err := b.call(ctx, "__getattribute__", "n_waiting")
	return wantInt(&b.base, "n_waiting", v, err)
}

// Broken reports whether it is broken.
func (b *Barrier) Broken(ctx context.Context) (bool, error) {
	v, err := b.call(ctx, "__getattribute__", "broken")
	return result[bool](&b.base, "broken", v, err)
}
