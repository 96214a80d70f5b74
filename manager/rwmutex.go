package manager

import "context"

// An RWMutex is a lock in the server that many may hold for reading, or one for writing. Who waits first gets it first; a
// reader that comes while a writer waits is behind it. Python has none, and gets it by M.register("RWLock"). What a death does is as
// for a [Mutex]; that of a reader leaves nothing behind. Servers of CPython do not have it.
type RWMutex struct{ base }

// NewRWMutex makes an RWLock in the server.
func NewRWMutex(ctx context.Context, c *Client) (*RWMutex, error) {
	b, err := newBase(ctx, c, "RWLock")
	if err != nil {
		return nil, err
	}
	return &RWMutex{b}, nil
}

// Lock waits until it holds m for writing, and nobody else holds it. An error means that it does not; see [Mutex.Lock].
func (m *RWMutex) Lock(ctx context.Context) (Guard, error) {
	g, _, err := m.guard(ctx, "#lock", "release_write", nil)
	return g, err
}

// TryLock is Lock if nobody holds m; otherwise ok is false.
func (m *RWMutex) TryLock(ctx context.Context) (g Guard, ok bool, err error) {
	return m.guard(ctx, "#lock", "release_write", int64(0))
}

// RLock waits until it holds m for reading, with others. Its guard is Abandoned if a writer died. Errors are as of Lock.
func (m *RWMutex) RLock(ctx context.Context) (Guard, error) {
	g, _, err := m.guard(ctx, "#rlock", "release_read", nil)
	return g, err
}

// TryRLock is RLock if no writer holds m or waits for it; otherwise ok is false.
func (m *RWMutex) TryRLock(ctx context.Context) (g Guard, ok bool, err error) {
	return m.guard(ctx, "#rlock", "release_read", int64(0))
}

func (m *RWMutex) guard(ctx context.Context, take, release string, patience any) (g Guard, ok bool, err error) {
	if err := m.supported(ctx, take); err != nil {
		return Guard{}, false, err
	}
	p, err := m.pin(ctx, take, release, patience)
	if p == nil || err != nil {
		return Guard{}, false, err
	}
	return Guard{newGuard(p)}, true, nil
}

// Do is [Mutex.Do] while it holds m for writing.
func (m *RWMutex) Do(ctx context.Context, fn func() error) error {
	g, err := m.Lock(ctx)
	if err != nil {
		return err
	}
	return g.do(fn)
}

// RDo runs fn while it holds m for reading, and ends that whatever fn does: a panic leaves nothing behind. It returns fn's error, an error of
// [RWMutex.RLock], or [ErrAbandoned] without running fn. If ctx has ended, RDo does not begin.
func (m *RWMutex) RDo(ctx context.Context, fn func() error) error {
	g, err := m.RLock(ctx)
	if err != nil {
		return err
	}
	defer g.Unlock()
	if g.Abandoned() {
		return ErrAbandoned
	}
	return fn()
}

// Repair is [Mutex.Repair] while it holds m for writing. A reader's guard cannot be Repaired: the server refuses it.
func (m *RWMutex) Repair(ctx context.Context, fn func() error) error {
	g, err := m.Lock(ctx)
	if err != nil {
		return err
	}
	return g.repair(ctx, fn)
}
