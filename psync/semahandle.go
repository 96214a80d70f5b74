package psync

import (
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/holds"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/sema"
)

// set makes s the handle that ref is.
func (s *Semaphore) set(ref family.Ref) {
	s.sema = sema.Sema{Holds: holds.List{
		Env: &ref.Member.Env, Arena: ref.Member.Arena, Block: ref.Block(), Gen: ref.Gen,
	}}
	s.sema.At(ref.Payload(), ref.PayloadAt())
	s.sema.Queue = ref.Place(&s.sema.X.Queue.Lock, 0)
	s.sema.Queue.Mutex = &s.sema.X.Queue
	s.sema.Books = ref.Place(&s.sema.X.Books, layout.SemaphoreBooksAt)
	s.sema.On = ref.On(layout.KindSemaphore)
	s.hold.Store(nil)
	s.bind(ref)
}

// BindMember makes s the handle of a member of this process; multiproc calls it
// where an argument arrives in goroutine mode.
func (s *Semaphore) BindMember(member *family.Member) { s.bindMember(member) }

// MarshalBinary encodes the handle for another process of the family.
func (s *Semaphore) MarshalBinary() ([]byte, error) {
	return s.encode(s.ref.AppendBinary, semaphoreShape, s.closing())
}

// UnmarshalBinary makes s the handle that b encodes. It returns a [*HandleError] for
// anything that is no handle to an open semaphore of this family.
func (s *Semaphore) UnmarshalBinary(b []byte) error {
	return decode(family.DecodeBinary, b, semaphoreShape, s.set)
}

// MarshalText is MarshalBinary as one word of ASCII, for a flag or the environment.
func (s *Semaphore) MarshalText() ([]byte, error) {
	return s.encode(s.ref.AppendText, semaphoreShape, s.closing())
}

// UnmarshalText undoes MarshalText.
func (s *Semaphore) UnmarshalText(text []byte) error {
	return decode(family.DecodeText, text, semaphoreShape, s.set)
}

func (s *Semaphore) closing() bool { return s.ref.Live() && s.sema.Closed() }
