package pickle

import (
	"fmt"
	"io"
)

// Protocols.
const (
	DefaultProtocol = 4 // as in Python 3.8 to 3.13; Python 3.4 and later read it
	HighestProtocol = 5
)

// Append appends the pickle of a graph to dst, in a protocol from 0 to 5. On an error it returns dst as it was.
//
// In protocols 2, 4 and 5 the bytes are those of CPython's _pickle, if the graph is what Python has, identities
// included. See Encoder for errors, and Marshal for Go values that are not a graph.
func Append(dst []byte, graph any, protocol int) ([]byte, error) {
	e := Encoder{Protocol: protocol}
	return e.Append(dst, graph)
}

// Encoder encodes one value after another and reuses its memory. The zero Encoder is ready for Append, in protocol 0.
// It is not safe for use by several goroutines at once, and must not be copied.
//
// What stands in a graph several times, or in itself, is written once and referred to. What cannot be encoded gives an
// *EncodeError, and what is over one of the Limits (Output, Depth, and Digits) a *LimitError.
type Encoder struct {
	Protocol int // from 0 to 5; NewEncoder sets DefaultProtocol
	Limits   Limits

	w   io.Writer
	buf []byte
	p   pickler
}

// NewEncoder returns an Encoder that writes to w in DefaultProtocol.
func NewEncoder(w io.Writer) *Encoder { return &Encoder{Protocol: DefaultProtocol, w: w} }

// Append appends the pickle of a graph to dst. On an error it returns dst as it was.
func (e *Encoder) Append(dst []byte, graph any) ([]byte, error) {
	if e.Protocol < 0 || e.Protocol > HighestProtocol {
		return dst, &EncodeError{Type: TypeName(graph), Reason: fmt.Sprintf("there is no protocol %d", e.Protocol)}
	}
	p := &e.p
	p.begin(dst, e.Protocol, e.Limits)
	err := p.run(graph)
	out := p.out
	p.end()
	if err != nil {
		return dst, err
	}
	return out, nil
}

// Encode writes the pickle of any Go value to the writer, as Marshal does, in one Write.
func (e *Encoder) Encode(v any) error {
	graph, err := FromGo(v)
	if err != nil {
		return err
	}
	e.buf, err = e.Append(e.buf[:0], graph)
	if err != nil {
		return err
	}
	_, err = e.w.Write(e.buf)
	if cap(e.buf) > 64<<10 {
		e.buf = nil
	}
	return err
}
