package psync

import (
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
)

// BindMember makes b the handle of a member of this process; multiproc calls it
// where an argument arrives in goroutine mode.
func (b *Barrier) BindMember(member *family.Member) { b.bindMember(member) }

// MarshalBinary encodes the handle for another process of the family.
func (b *Barrier) MarshalBinary() ([]byte, error) {
	return b.encode(b.ref.AppendBinary, barrierShape, b.closing())
}

// UnmarshalBinary makes b the handle that data encodes. It returns a [*HandleError] for
// anything that is no handle to an open barrier of this family.
func (b *Barrier) UnmarshalBinary(data []byte) error { return b.unmarshal(family.DecodeBinary, data) }

// MarshalText is MarshalBinary as one word of ASCII, for a flag or the environment.
func (b *Barrier) MarshalText() ([]byte, error) {
	return b.encode(b.ref.AppendText, barrierShape, b.closing())
}

// UnmarshalText undoes MarshalText.
func (b *Barrier) UnmarshalText(text []byte) error { return b.unmarshal(family.DecodeText, text) }

func (b *Barrier) unmarshal(how func([]byte, family.Shape) (family.Ref, error), data []byte) error {
	ref, err := how(data, barrierShape)
	if err != nil {
		return err
	}
	var c Barrier // what b is must not change if something is wrong
	c.set(ref)
	declared := uint64(c.barrier.X.Declared)
	if c.barrier.Closed() {
		return &HandleError{Kind: barrierShape.Name(), Err: ErrClosed}
	}
	if declared < 1 || ref.Bytes() != layout.BarrierSeatsAt+4*declared {
		return &HandleError{Kind: barrierShape.Name(), Reason: "its size is wrong", Err: ErrHandle}
	}
	b.set(ref)
	b.barrier.Bind()
	return nil
}

func (b *Barrier) closing() bool { return b.ref.Live() && b.barrier.Closed() }
