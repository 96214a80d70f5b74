package psync

import "github.com/multiproc-go/multiproc/internal/family"

func (m *Mutex) bind(ref family.Ref) {
	m.ref = ref
	m.env = &ref.Member.Env
	m.me = 0
	if ref.Member.Mode() == family.Processes && !m.place.Checked {
		m.me = ref.ID()
	}
}

// BindMember makes m the handle of a member of this process; multiproc calls it
// where an argument arrives in goroutine mode.
func (m *Mutex) BindMember(member *family.Member) {
	ref := m.ref
	ref.Bind(member)
	m.bind(ref)
}

// MarshalBinary encodes the handle for another process of the family.
func (m *Mutex) MarshalBinary() ([]byte, error) { return m.marshal(m.ref.AppendBinary, mutexShape) }

func (m *Mutex) marshal(how func([]byte, family.Shape) ([]byte, error), s family.Shape) ([]byte, error) {
	if m.ref.Live() && m.place.Closing() {
		return nil, &HandleError{Kind: s.Name(), Err: ErrClosed}
	}
	return how(nil, s)
}

// UnmarshalBinary makes m the handle that b encodes. It returns a [*HandleError] for
// anything that is no handle to an open lock of this family.
func (m *Mutex) UnmarshalBinary(b []byte) error {
	ref, err := family.DecodeBinary(b, mutexShape)
	if err != nil {
		return err
	}
	m.set(ref)
	return nil
}

// MarshalText is MarshalBinary as one word of ASCII, for a flag or the environment.
func (m *Mutex) MarshalText() ([]byte, error) { return m.marshal(m.ref.AppendText, mutexShape) }

// UnmarshalText undoes MarshalText.
func (m *Mutex) UnmarshalText(text []byte) error {
	ref, err := family.DecodeText(text, mutexShape)
	if err != nil {
		return err
	}
	m.set(ref)
	return nil
}
