package manager

import "context"

// An Event is a flag in the server that others wait for: Python's Event. No death changes it.
type Event struct{ base }

// NewEvent makes an Event in the server, not set.
func NewEvent(ctx context.Context, c *Client) (*Event, error) {
	b, err := newBase(ctx, c, "Event")
	if err != nil {
		return nil, err
	}
	return &Event{b}, nil
}

// Set sets it, and lets all go on who wait.
func (e *Event) Set(ctx context.Context) error { return none(e.call(ctx, "set")) }

// Clear ends what Set began.
func (e *Event) Clear(ctx context.Context) error { return none(e.call(ctx, "clear")) }

// IsSet reports whether it is set.
func (e *Event) IsSet(ctx context.Context) (bool, error) {
	v, err := e.call(ctx, "is_set")
	return result[bool](&e.base, "is_set", v, err)
}

// Wait waits until it is set.
func (e *Event) Wait(ctx context.Context) error { return none(e.call(ctx, "wait")) }
