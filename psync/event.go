package psync

import (
	"context"
	"errors"
	"fmt"

	"github.com/multiproc-go/multiproc/internal/event"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
)

// An Event is a flag between processes that can be waited for. It is not set when it is new.
//
// What was done before a Set is seen after an IsSet or a Wait that finds it set. The death of a process
// has no effect on an event: neither that of a waiter, nor that of whoever has set it, at
// whatever instruction.
//
// IsSet, and Wait for an event that is set, cost a few loads; Set and Clear an atomic instruction, and Set a
// system call if somebody waits.
type Event struct {
	object
	event event.Event
}

var eventShape = family.Shape{Kind: layout.KindEvent, Bytes: 4}

// NewEvent makes an event in the family's shared memory. The error says that there is
// no memory left, or that this process cannot be a member of a family.
func NewEvent() (*Event, error) {
	ref, err := family.NewRef(eventShape)
	if err != nil {
		return nil, fmt.Errorf("psync: NewEvent: %w", err)
	}
	e := new(Event)
	e.set(ref)
	e.event.Begin()
	return e, nil
}

// Set sets e and lets all go who wait for it, also those who see it only when somebody has
// cleared it again. It returns [ErrClosed] if e was closed.
func (e *Event) Set() error {
	if e.env == nil {
		return ErrClosed
	}
	return e.event.Set()
}

// Clear ends what Set began. It returns [ErrClosed] if e was closed.
func (e *Event) Clear() error {
	if e.env == nil {
		return ErrClosed
	}
	return e.event.Clear()
}

// IsSet reports whether e is set. A closed event is not.
func (e *Event) IsSet() bool { return e.env != nil && e.event.IsSet() }

// Wait waits until e is set, or was set at least once after Wait began. An error is ctx's, or [ErrClosed]. An event that is
// set is had even if ctx has ended.
//
// Ten thousand goroutines of one process that wait for e take one thread.
func (e *Event) Wait(ctx context.Context) error {
	if e.env == nil {
		return ErrClosed
	}
	me, err := e.as(ctx)
	if err != nil {
		return err
	}
	return e.event.Wait(ctx, me)
}

// WaitReady is Wait for conn.Select, to which a closed event is ready.
func (e *Event) WaitReady(ctx context.Context) error {
	if e.env == nil || e.event.IsSet() || e.event.Closed() {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	me, err := e.as(ctx)
	if err == nil {
		err = e.event.Wait(ctx, me)
	}
	if errors.Is(err, ErrClosed) {
		return nil
	}
	return err
}

// Close frees the event for all processes. Those who wait for it, and all who use it
// later, get [ErrClosed], as does a second Close.
func (e *Event) Close() error {
	if e.env == nil || !e.ref.Live() {
		return ErrClosed
	}
	first := e.event.Close()
	// Also if it is not the first, who may have died before he came to this.
	e.ref.Forget()
	_ = e.ref.Close(nil)
	if !first {
		return ErrClosed
	}
	return nil
}

// Equal reports whether both name the same event.
func (e *Event) Equal(o *Event) bool { return o != nil && e.ref.Equal(&o.ref) }

// String names the event for people.
func (e *Event) String() string { return fmt.Sprintf("event@%#x", e.ref.Off) }

// BindMember makes e the handle of a member of this process; multiproc calls it
// where an argument arrives in goroutine mode.
func (e *Event) BindMember(member *family.Member) { e.bindMember(member) }

// MarshalBinary encodes the handle for another process of the family.
func (e *Event) MarshalBinary() ([]byte, error) {
	return e.encode(e.ref.AppendBinary, eventShape, e.closing())
}

// UnmarshalBinary makes e the handle that b encodes. It returns a [*HandleError] for
// anything that is no handle to an open event of this family.
func (e *Event) UnmarshalBinary(b []byte) error {
	return decode(family.DecodeBinary, b, eventShape, e.set)
}

// MarshalText is MarshalBinary as one word of ASCII, for a flag or the environment.
func (e *Event) MarshalText() ([]byte, error) {
	return e.encode(e.ref.AppendText, eventShape, e.closing())
}

// UnmarshalText undoes MarshalText.
func (e *Event) UnmarshalText(text []byte) error {
	return decode(family.DecodeText, text, eventShape, e.set)
}

func (e *Event) closing() bool { return e.ref.Live() && e.event.Closed() }
