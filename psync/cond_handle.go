package psync

import "github.com/multiproc-go/multiproc/internal/family"

// BindMember makes c the handle of a member of this process; multiproc calls it
// where an argument arrives in goroutine mode.
func (c *Cond) BindMember(member *family.Member) {
	c.bindMember(member)
	c.cond.Ref = c.ref
	if c.mu != nil {
		c.mu.BindMember(member)
	}
}

// MarshalBinary encodes the handle, and with it that of its mutex, for another process of the family.
func (c *Cond) MarshalBinary() ([]byte, error) {
	return c.encode(c.ref.AppendBinary, condShape, c.closing())
}

// UnmarshalBinary makes c the handle that b encodes. It returns a [*HandleError] for
// anything that is no handle to an open condition variable of this family, with an open mutex.
func (c *Cond) UnmarshalBinary(b []byte) error { return c.unmarshal(family.DecodeBinary, b) }

// MarshalText is MarshalBinary as one word of ASCII, for a flag or the environment.
func (c *Cond) MarshalText() ([]byte, error) {
	return c.encode(c.ref.AppendText, condShape, c.closing())
}

// UnmarshalText undoes MarshalText.
func (c *Cond) UnmarshalText(text []byte) error { return c.unmarshal(family.DecodeText, text) }

func (c *Cond) unmarshal(how func([]byte, family.Shape) (family.Ref, error), b []byte) error {
	ref, err := how(b, condShape)
	if err != nil {
		return err
	}
	var d Cond // what c is must not change if something is wrong
	d.set(ref)
	off, gen := d.cond.X.Mutex, d.cond.X.MutexGen
	if !d.cond.Open() {
		return &HandleError{Kind: condShape.Name(), Err: ErrClosed}
	}
	mutex, err := ref.Member.RefAt(off, gen, mutexShape)
	if err != nil {
		return err
	}
	c.set(ref)
	c.mu = new(Mutex)
	c.mu.set(mutex)
	return nil
}

func (c *Cond) closing() bool { return c.ref.Live() && !c.cond.Open() }
