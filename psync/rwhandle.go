package psync

import (
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/holds"
	"github.com/multiproc-go/multiproc/internal/rwlock"
)

// set makes m the handle that ref is.
func (m *RWMutex) set(ref family.Ref) {
	m.rw = rwlock.Lock{Holds: holds.List{
		Env: &ref.Member.Env, Arena: ref.Member.Arena, Block: ref.Block(), Gen: ref.Gen,
	}}
	m.rw.At(ref.Payload(), ref.PayloadAt())
	m.hold.Store(nil)
	m.bind(ref)
}

// BindMember makes m the handle of a member of this process; multiproc calls it
// where an argument arrives in goroutine mode.
func (m *RWMutex) BindMember(member *family.Member) { m.bindMember(member) }

// MarshalBinary encodes the handle for another process of the family.
func (m *RWMutex) MarshalBinary() ([]byte, error) {
	return m.encode(m.ref.AppendBinary, rwMutexShape, m.closing())
}

// UnmarshalBinary makes m the handle that b encodes. It returns a [*HandleError] for
// anything that is no handle to an open lock of this family.
func (m *RWMutex) UnmarshalBinary(b []byte) error {
	return decode(family.DecodeBinary, b, rwMutexShape, m.set)
}

// MarshalText is MarshalBinary as one word of ASCII, for a flag or the environment.
func (m *RWMutex) MarshalText() ([]byte, error) {
	return m.encode(m.ref.AppendText, rwMutexShape, m.closing())
}

// UnmarshalText undoes MarshalText.
func (m *RWMutex) UnmarshalText(text []byte) error {
	return decode(family.DecodeText, text, rwMutexShape, m.set)
}

func (m *RWMutex) closing() bool { return m.ref.Live() && m.rw.Place.Closing() }
