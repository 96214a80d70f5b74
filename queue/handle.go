package queue

import (
	"fmt"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/ring"
)

// Equal reports whether both name the same queue.
func (q *Queue[T]) Equal(o *Queue[T]) bool {
	return o != nil && (q.r == o.r || q.r != nil && o.r != nil && q.r.Equal(o.r))
}

// String names the queue for people; it does not read it.
func (q *Queue[T]) String() string {
	if q.r == nil {
		return "queue@0"
	}
	return fmt.Sprintf("%s[%d]", q.r.Name(), q.r.Cap())
}

// BindMember makes q the handle of a member of this process; multiproc calls it where an argument
// arrives in goroutine mode.
func (q *Queue[T]) BindMember(m *family.Member) {
	if q.r != nil {
		q.r = q.r.BoundTo(m)
	}
}

// MarshalBinary encodes the handle for another process of the family.
func (q *Queue[T]) MarshalBinary() ([]byte, error) { return q.marshal((*ring.Ring).AppendBinary) }

// UnmarshalBinary makes q the handle that b encodes. It returns a [*HandleError] for anything that is no handle to an
// open queue of this type and family.
func (q *Queue[T]) UnmarshalBinary(b []byte) error {
	return q.decodeHandle(b, layout.KindQueue, family.DecodeBinary)
}

// MarshalText is MarshalBinary as one word of ASCII, for a flag or the environment.
func (q *Queue[T]) MarshalText() ([]byte, error) { return q.marshal((*ring.Ring).AppendText) }

// UnmarshalText undoes MarshalText.
func (q *Queue[T]) UnmarshalText(text []byte) error {
	return q.decodeHandle(text, layout.KindQueue, family.DecodeText)
}

func (q *Queue[T]) marshal(how func(*ring.Ring, []byte, ring.Config) ([]byte, error)) ([]byte, error) {
	if q.r == nil {
		return nil, &HandleError{Kind: "queue", Err: ErrClosed}
	}
	return how(q.r, nil, q.config())
}

func (q *Queue[T]) decodeHandle(b []byte, kind uint32, how func([]byte, family.Shape) (family.Ref, error)) error {
	e, err := elementOf[T]()
	if err != nil {
		return err
	}
	x := Queue[T]{e: e, kind: kind, inSlot: e.form == slots}
	if x.r, err = ring.Decode(b, x.config(), how); err != nil {
		return err
	}
	*q = x
	return nil
}
