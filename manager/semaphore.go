package manager

import "context"

// A Semaphore has a number of permits in the server: Python's Semaphore, or BoundedSemaphore. Who waits first gets one
// first. A [Permit] comes back when its process dies; what Wait has taken has no owner, as in Python. Permits are taken one at a time, as Python's
// are, where a psync.Semaphore has AcquireN: beside stock clients nobody could be made to leave several for one who waits.
type Semaphore struct{ base }

// NewSemaphore makes a Semaphore of n permits in the server.
func NewSemaphore(ctx context.Context, c *Client, n int) (*Semaphore, error) {
	b, err := newBase(ctx, c, "Semaphore", int64(n))
	if err != nil {
		return nil, err
	}
	return &Semaphore{b}, nil
}

// NewBoundedSemaphore makes one in which Post beyond the n permits of the beginning is [ErrValue].
func NewBoundedSemaphore(ctx context.Context, c *Client, n int) (*Semaphore, error) {
	b, err := newBase(ctx, c, "BoundedSemaphore", int64(n))
	if err != nil {
		return nil, err
	}
	return &Semaphore{b}, nil
}

// Permit is one of a Semaphore's, for a while. It is good for one Release; that of a copy counts.
type Permit struct{ g guard }

// Acquire waits for a permit, which belongs to this process until Release. An error means that it has none. Servers of CPython know only
// [Semaphore.Wait]: [ErrUnsupported].
func (m *Semaphore) Acquire(ctx context.Context) (Permit, error) {
	if err := m.supported(ctx, "#acquire"); err != nil {
		return Permit{}, err
	}
	p, err := m.pin(ctx, "#acquire", "#release", nil)
	if err != nil {
		return Permit{}, err
	}
	return Permit{newGuard(p)}, nil
}

// TryAcquire is Acquire if there is a permit; otherwise ok is false.
func (m *Semaphore) TryAcquire(ctx context.Context) (permit Permit, ok bool, err error) {
	if err := m.supported(ctx, "#acquire"); err != nil {
		return Permit{}, false, err
	}
	p, err := m.pin(ctx, "#acquire", "#release", int64(0))
	if p == nil || err != nil {
		return Permit{}, false, err
	}
	return Permit{newGuard(p)}, true, nil
}

// Release gives the permit back. It panics with a [*GuardError] if that was done.
func (p Permit) Release() { p.g.finish("Release") }

// Do runs fn while it has a permit, and releases that whatever fn does. It returns fn's error, or an error of [Semaphore.Acquire]. If ctx has ended, Do
// does not begin.
func (m *Semaphore) Do(ctx context.Context, fn func() error) error {
	p, err := m.Acquire(ctx)
	if err != nil {
		return err
	}
	defer p.Release()
	return fn()
}

// Wait takes a permit that belongs to nobody: Python's acquire. When it is given up none is taken, of CPython's servers either; see
// [Mutex.Lock].
func (m *Semaphore) Wait(ctx context.Context) error {
	slices, err := m.foreign(ctx)
	if err != nil {
		return err
	}
	if !slices {
		return none(m.call(ctx, "acquire"))
	}
	_, err = inSlices(ctx, &m.base, "acquire", func(ctx context.Context, seconds float64) (any, bool, error) {
		v, err := m.call(ctx, "acquire", true, seconds)
		return v, v == true, err
	})
	return err
}

// TryWait is Wait if there is a permit; otherwise it is false.
func (m *Semaphore) TryWait(ctx context.Context) (bool, error) {
	v, err := m.call(ctx, "acquire", false)
	return result[bool](&m.base, "acquire", v, err)
}

// Post adds n permits, which has to be 1 or more: Python's release. CPython 3.8 only adds one at a time.
func (m *Semaphore) Post(ctx context.Context, n int) error {
	if n == 1 { // Python 3.8 knows no more
		return none(m.call(ctx, "release"))
	}
	return none(m.call(ctx, "release", int64(n)))
}

// Value returns how many permits are free. Servers of CPython do not tell: [ErrUnsupported].
func (m *Semaphore) Value(ctx context.Context) (int, error) {
	if err := m.supported(ctx, "#value"); err != nil {
		return 0, err
	}
	v, err := m.call(ctx, "#value")
	return wantInt(&m.base, "#value", v, err)
}
