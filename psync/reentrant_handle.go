package psync

import "github.com/multiproc-go/multiproc/internal/family"

// BindMember makes m the handle of a member of this process; multiproc calls it
// where an argument arrives in goroutine mode.
func (m *ReentrantMutex) BindMember(member *family.Member) { m.mu.BindMember(member) }

// MarshalBinary encodes the handle for another process of the family.
func (m *ReentrantMutex) MarshalBinary() ([]byte, error) {
	return m.mu.marshal(m.mu.ref.AppendBinary, reentrantShape)
}

// UnmarshalBinary makes m the handle that b encodes. It returns a [*HandleError] for
// anything that is no handle to an open lock of this kind of this family.
func (m *ReentrantMutex) UnmarshalBinary(b []byte) error {
	return decode(family.DecodeBinary, b, reentrantShape, m.set)
}

// MarshalText is MarshalBinary as one word of ASCII, for a flag or the environment.
func (m *ReentrantMutex) MarshalText() ([]byte, error) {
	return m.mu.marshal(m.mu.ref.AppendText, reentrantShape)
}

// UnmarshalText undoes MarshalText.
func (m *ReentrantMutex) UnmarshalText(text []byte) error {
	return decode(family.DecodeText, text, reentrantShape, m.set)
}
