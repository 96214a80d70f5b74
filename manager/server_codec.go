package manager

import (
	"github.com/multiproc-go/multiproc/manager/internal/state"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

const (
	// keepBuffer is how large a buffer may be that is kept for the next message.
	keepBuffer = 64 << 10
	// light is the size of a request up to which it is decoded without asking for a place. It may then
	// take lightMemory, and memoryPerByte for each of its bytes; no honest pickle takes more.
	light         = 16 << 10
	lightMemory   = 1 << 20
	memoryPerByte = 128
)

// A codec is what it takes to execute requests. Connections of one request share them.
type codec struct {
	decoder pickle.Decoder
	encoder pickle.Encoder // in the protocol of the last request
	names   wire.KnownNames
	command state.Command
	out     []byte
}

func newCodec() any {
	return &codec{decoder: pickle.Decoder{Reduce: state.Resolve}}
}

// trimmed returns the codec without what it should not keep alive.
func (k *codec) trimmed() *codec {
	k.command = state.Command{}
	if cap(k.out) > keepBuffer {
		k.out = nil
	}
	return k
}

// traceback makes a reply of KindTraceback.
func (k *codec) traceback(class, text string) {
	k.answer(wire.KindTraceback, wire.TracebackText(class, text))
}

// answer makes a reply of the server itself.
func (k *codec) answer(kind string, result any) {
	out, err := k.encoder.Append(k.out[:0], wire.NewReply(kind, result))
	if err != nil {
		out, _ = k.encoder.Append(k.out[:0], wire.NewReply(wire.KindUnserializable, wire.TracebackText("TypeError", err.Error())))
	}
	k.out = out
}

// parse makes a call of a request.
func (c *client) parse(msg []byte) (wire.Request, error) {
	if r, ok := c.names.ScalarCall(msg); ok {
		c.encoder.Protocol = wire.Protocol(msg)
		return r, nil
	}
	graph, err := c.decode(msg)
	if err != nil {
		return wire.Request{}, err
	}
	return wire.ParseCall(graph)
}

// decode makes a graph of a request, within the limits for its size.
func (c *client) decode(msg []byte) (any, error) {
	c.encoder.Protocol = wire.Protocol(msg)
	limits := c.s.o.Decode
	if m := int64(lightMemory) + memoryPerByte*int64(len(msg)); limits.Memory < 0 || m < limits.Memory {
		limits.Memory = m
	}
	c.decoder.Limits = limits
	return c.decoder.DecodeBytes(msg)
}

// enter waits for a place to decode a message in, if it is large: of these there are as many as processors, so that
// the memory for them is bounded. That costs nobody anything, since they would wait for a processor otherwise.
func (c *client) enter(size int) (taken bool) {
	if size <= light {
		return false
	}
	c.s.heavy <- struct{}{}
	return true
}

func (c *client) exit(taken bool) {
	if taken {
		<-c.s.heavy
	}
}
