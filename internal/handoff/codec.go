package handoff

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"sync"

	"github.com/multiproc-go/multiproc/internal/family"
)

// A Codec carries many values of one type to where only bytes can go. The encoding is that of [Encode].
type Codec struct {
	n *node
}

// NewCodec returns the codec of t. The error is a [*TypeError], also for a type with Files in it, for descriptors do not
// travel as bytes.
func NewCodec(t reflect.Type) (*Codec, error) {
	n, err := analyze(t)
	if err != nil {
		return nil, err
	}
	if n.files {
		return nil, &TypeError{Type: t, Path: rootName(t), Reason: "a File or an end of a pipe travels in arguments and results only, not in messages and not in shared memory"}
	}
	return &Codec{n}, nil
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Encode encodes *v, of the codec's type, and calls use with the bytes, which are not to be kept.
func (c *Codec) Encode(v any, use func([]byte) error) error {
	if c.n.checks {
		if err := inspect(reflect.ValueOf(v).Elem(), c.n); err != nil {
			return err
		}
	}
	buf := buffers.Get().(*bytes.Buffer)
	buf.Reset()
	defer func() {
		if buf.Cap() <= maxKept {
			buffers.Put(buf)
		}
	}()
	if !isEmpty(c.n.typ) {
		if err := encMode().MarshalToBuffer(v, buf); err != nil {
			return &ValueError{Type: c.n.typ, Path: rootName(c.n.typ), Err: err}
		}
	}
	return use(buf.Bytes())
}

// maxKept is the largest buffer that is kept for the next value.
const maxKept = 64 << 10

// Decode decodes b into *v, a zero value of the codec's type, as [Decode] does.
func (c *Codec) Decode(b []byte, v any, m *family.Member) error {
	if len(b) == 0 && isEmpty(c.n.typ) {
		return nil
	}
	if err := decMode().Unmarshal(b, v); err != nil {
		reflect.ValueOf(v).Elem().SetZero()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return &DecodeError{Type: c.n.typ, Err: err}
	}
	if c.n.binds && m != nil && m.Mode() == family.Goroutines {
		bindAll(reflect.ValueOf(v).Elem(), c.n, m)
	}
	return nil
}
