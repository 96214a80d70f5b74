package manager

import "context"

// A Counter is an int in the server that is added to in one step. Python has none, and gets it by M.register("Counter"); there it may
// be of any size. Servers of CPython do not have it.
type Counter struct{ base }

// NewCounter makes a Counter in the server.
func NewCounter(ctx context.Context, c *Client, start int64) (*Counter, error) {
	b, err := newBase(ctx, c, "Counter", start)
	if err != nil {
		return nil, err
	}
	return &Counter{b}, nil
}

// Add adds n, which may be negative, and returns the sum.
func (c *Counter) Add(ctx context.Context, n int64) (int64, error) {
	v, err := c.call(ctx, "add", n)
	return result[int64](&c.base, "add", v, err)
}

// Load returns the count.
func (c *Counter) Load(ctx context.Context) (int64, error) {
	v, err := c.call(ctx, "get")
	return result[int64](&c.base, "get", v, err)
}

// Store sets the count.
func (c *Counter) Store(ctx context.Context, n int64) error { return none(c.call(ctx, "set", n)) }

// CompareAndSwap sets the count to new if it is old, and reports whether it did.
func (c *Counter) CompareAndSwap(ctx context.Context, old, new int64) (bool, error) {
	v, err := c.call(ctx, "compare_and_set", old, new)
	return result[bool](&c.base, "compare_and_set", v, err)
}
