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
	return m.guard(ctx, "#lock", "release_write")
}

// RLock waits until it holds m for reading, with others. Its guard is Abandoned if a writer died. Errors are as of Lock.
func (m *RWMutex) RLock(ctx context.Context) (Guard, error) {
	return m.guard(ctx, "#rlock", "release_read")
}

func (m *RWMutex) guard(ctx context.Context, take, release string) (Guard, error) {
	if err := m.supported(ctx, take); err != nil {
		return Guard{}, err
	}
	p, err := m.pin(ctx, take, release, nil)
	if err != nil {
		return Guard{}, err
	}
	return Guard{newGuard(p)}, nil
}
