package shm

import "github.com/multiproc-go/multiproc/internal/family"

// BindMember makes v the handle of a member of this process; multiproc calls it
// where an argument arrives in goroutine mode.
func (v *Value[T]) BindMember(m *family.Member) { v.ref.Bind(m) }

// MarshalBinary encodes the handle for another process of the family.
func (v *Value[T]) MarshalBinary() ([]byte, error) {
	return v.ref.AppendBinary(nil, valueShape(infoOf[T]()))
}

// UnmarshalBinary makes v the handle that b encodes. It returns a [*HandleError] for
// anything that is no handle to an open value of this type and family.
func (v *Value[T]) UnmarshalBinary(b []byte) error { return v.decode(b, family.DecodeBinary) }

// MarshalText is MarshalBinary as one word of ASCII, for a flag or the environment.
func (v *Value[T]) MarshalText() ([]byte, error) {
	return v.ref.AppendText(nil, valueShape(infoOf[T]()))
}

// UnmarshalText undoes MarshalText.
func (v *Value[T]) UnmarshalText(text []byte) error { return v.decode(text, family.DecodeText) }

func (v *Value[T]) decode(b []byte, how func([]byte, family.Shape) (family.Ref, error)) error {
	info := infoOf[T]()
	if info.err != nil {
		return info.err
	}
	ref, err := how(b, valueShape(info))
	if err != nil {
		return err
	}
	v.set(ref)
	return nil
}
