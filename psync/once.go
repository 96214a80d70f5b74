package psync

import (
	"context"
	"fmt"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/race"
)

// A Once is something that is done once in the family, whoever comes first. What was done is seen by all whose Do has returned nil.
//
// Who dies in the middle, panics or returns an error has not done it: the next one does it. So the function must be able to begin
// again where another has left off. It is called once more too if its process is killed after it has returned and before that
// is recorded.
//
// Do costs a few loads when it is done.
type Once struct {
	mu Mutex // of the same block
	x  *layout.Once
}

var onceShape = family.Shape{Kind: layout.KindOnce, Bytes: onceBytes}

// NewOnce makes a Once in the family's shared memory. The error says that there is
// no memory left, or that this process cannot be a member of a family.
func NewOnce() (*Once, error) {
	ref, err := family.NewRef(onceShape)
	if err != nil {
		return nil, fmt.Errorf("psync: NewOnce: %w", err)
	}
	o := new(Once)
	o.set(ref)
	o.mu.begin()
	return o, nil
}

// Do runs fn unless it was done, and waits for whoever is doing it. Nil means that it is done, by this call or another. An error is fn's, ctx's
// or [ErrClosed]: then this call has not done it. If it was not done and ctx has ended, Do does not begin.
//
// A Do of the same Once inside fn waits for itself.
func (o *Once) Do(ctx context.Context, fn func() error) error {
	if o.Done() {
		return nil
	}
	if err := ctx.Err(); err != nil {
		if !o.mu.ref.Live() {
			return ErrClosed
		}
		return err
	}
	g, err := o.mu.Lock(ctx)
	if err != nil {
		return err
	}
	defer g.Unlock()
	g.Repaired() // it is known that it is not done
	if o.Done() {
		return nil
	}
	if err := fn(); err != nil {
		return err
	}
	crashpoint.At("once.did")
	race.Release(o.mu.ref.PayloadAt())
	o.x.Done.Store(1)
	crashpoint.At("once.done")
	return nil
}

// Done reports whether it is done. A closed Once is not.
func (o *Once) Done() bool {
	if o.x == nil || o.x.Done.Load() == 0 || !o.mu.ref.Live() || o.mu.place.Closing() {
		return false
	}
	race.Acquire(o.mu.ref.PayloadAt())
	return true
}

// Close is as [Mutex.Close]. Whoever is doing it goes on.
func (o *Once) Close() error { return o.mu.Close() }

// Equal reports whether both name the same Once.
func (o *Once) Equal(p *Once) bool { return p != nil && o.mu.ref.Equal(&p.mu.ref) }

// String names the Once for people.
func (o *Once) String() string { return fmt.Sprintf("once@%#x", o.mu.ref.Off) }

// BindMember makes o the handle of a member of this process; multiproc calls it
// where an argument arrives in goroutine mode.
func (o *Once) BindMember(member *family.Member) { o.mu.BindMember(member) }

// MarshalBinary encodes the handle for another process of the family.
func (o *Once) MarshalBinary() ([]byte, error) {
	return o.mu.marshal(o.mu.ref.AppendBinary, onceShape)
}

// UnmarshalBinary makes o the handle that b encodes. It returns a [*HandleError] for
// anything that is no handle to an open Once of this family.
func (o *Once) UnmarshalBinary(b []byte) error {
	return decode(family.DecodeBinary, b, onceShape, o.set)
}

// MarshalText is MarshalBinary as one word of ASCII, for a flag or the environment.
func (o *Once) MarshalText() ([]byte, error) { return o.mu.marshal(o.mu.ref.AppendText, onceShape) }

// UnmarshalText undoes MarshalText.
func (o *Once) UnmarshalText(text []byte) error {
	return decode(family.DecodeText, text, onceShape, o.set)
}
