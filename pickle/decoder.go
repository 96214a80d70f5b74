package pickle

import (
	"bytes"
	"errors"
	"io"
)

// Decode returns the value that a pickle stands for. What follows the pickle in data is ignored, as in Python.
//
// Nothing of data is kept, and nothing in it is run. Errors are *DecodeError with the place and the cause, and
// *LimitError inside of it for what is over one of the default Limits.
func Decode(data []byte) (any, error) { return new(Decoder).DecodeBytes(data) }

// Decoder decodes one pickle after another and reuses its memory. The zero Decoder is ready for DecodeBytes. It is not
// safe for use by several goroutines at once, and must not be copied.
type Decoder struct {
	Limits Limits

	// Reduce, if it is set, is asked before an Object is made of the call of a global: if ok is true, v takes the
	// call's place. Sets, ranges and all else that has a type in this package never come here. What args hold may
	// be incomplete, if it has a part in itself. An error ends the decoding.
	Reduce func(callable *Global, args *Tuple) (v any, ok bool, err error)

	src io.Reader
	buf []byte // what was read from src
	pos int    // and is not decoded yet
	err error  // after which src is of no use

	m machine
}

// NewDecoder returns a Decoder that reads from r. It reads ahead; Buffered has what it read too much.
func NewDecoder(r io.Reader) *Decoder { return &Decoder{src: r} }

// DecodeBytes returns the value that a pickle stands for, as Decode does. It does not touch the reader.
func (d *Decoder) DecodeBytes(data []byte) (any, error) {
	m := &d.m
	m.begin(data, 0, nil, d)
	return m.message()
}

// DecodeValue returns the next value of the reader. At its end, between two pickles, the error is io.EOF. After any
// error the reader is lost, and the error is returned for ever.
func (d *Decoder) DecodeValue() (any, error) {
	if d.src == nil {
		return nil, io.EOF
	}
	if d.err != nil {
		return nil, d.err
	}
	d.err = errPanicked // unless it goes on
	m := &d.m
	m.begin(d.buf, d.pos, d.src, d)
	if d.pos == len(d.buf) {
		m.data, m.pos, m.base = d.buf[:0], 0, 0
		if err := m.fill(1); err != nil {
			if d.err = err; err == io.ErrUnexpectedEOF {
				d.err = io.EOF
			}
			m.end()
			return nil, d.err
		}
	}
	var v any
	v, d.err = m.message()
	if d.buf, d.pos = m.data, m.pos; d.pos == len(d.buf) && cap(d.buf) > 64<<10 {
		d.buf, d.pos = nil, 0
	}
	m.data = nil
	return v, d.err
}

var errPanicked = errors.New("pickle: Reduce has panicked, and the reader is lost")

// Decode stores the next value of the reader in what v points to, as Unmarshal does.
func (d *Decoder) Decode(v any) error {
	graph, err := d.DecodeValue()
	if err != nil {
		return err
	}
	return toGo(graph, v, d.Limits)
}

// Buffered returns what was read from the reader and not decoded. It is valid until the next call of Decode or
// DecodeValue.
func (d *Decoder) Buffered() io.Reader { return bytes.NewReader(d.buf[d.pos:]) }

// message decodes one pickle.
func (m *machine) message() (any, error) {
	v, err := m.run()
	if err == nil {
		err = m.settle(v)
	}
	if err != nil {
		v, err = nil, &DecodeError{m.base + int64(m.opAt), m.op, err}
	}
	m.end()
	return v, err
}
