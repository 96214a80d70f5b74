package state

import (
	"errors"

	"github.com/multiproc-go/multiproc/pickle"
)

// Protocols of replies.
const (
	lowest  = 2
	highest = pickle.HighestProtocol
)

// replier encodes replies. Those of one Apply share its memory.
type replier struct {
	encoder  pickle.Encoder
	limit    int64
	failed   bool // the last result could not be encoded
	buf      []byte
	pair     pickle.Tuple // (kind, result)
	items    [2]any
	constant [highest + 1][3][]byte // #RETURN of None, False, True
}

func (r *replier) begin(limit int64) {
	r.limit = limit
	// What has come in can go out: what is around a value in a reply may be deeper than what was around it in the request.
	r.encoder.Limits = pickle.Limits{Output: limit, Depth: -1}
	r.pair.Items = r.items[:]
	for protocol := lowest; protocol <= highest; protocol++ {
		for i, v := range []any{nil, false, true} {
			data, err := r.encode(nil, protocol, "#RETURN", v)
			if err != nil {
				panic("state: a constant reply: " + err.Error())
			}
			r.constant[protocol][i] = data
		}
	}
}

// reset takes the memory back for the next replies.
func (r *replier) reset() {
	if r.buf = r.buf[:0]; cap(r.buf) > 1<<20 {
		r.buf = nil
	}
}

// encode appends a pickle to dst.
func (r *replier) encode(dst []byte, protocol int, kind, result any) ([]byte, error) {
	r.pair.Items[0], r.pair.Items[1] = kind, result
	r.encoder.Protocol = protocol
	dst, err := r.encoder.Append(dst, &r.pair)
	r.pair.Items[1] = nil
	return dst, err
}

// returned returns the reply to a call that has a result.
func (r *replier) returned(protocol int, result any) []byte {
	switch result {
	case nil:
		return r.constant[protocol][0]
	case false:
		return r.constant[protocol][1]
	case true:
		return r.constant[protocol][2]
	}
	return r.reply(protocol, "#RETURN", result)
}

// reply returns any reply; if it cannot be encoded, one that says so.
func (r *replier) reply(protocol int, kind, result any) []byte {
	at := len(r.buf)
	buf, err := r.encode(r.buf, protocol, kind, result)
	if err != nil {
		r.failed = true
		var limit *pickle.LimitError
		if errors.As(err, &limit) && limit.Budget == "Output" {
			kind, result = "#ERROR", exception(memoryError("the length of a reply", r.limit))
		} else {
			var python *raised
			if !errors.As(err, &python) {
				python = &raised{"_pickle", "PicklingError", []any{err.Error()}, ""}
			}
			kind, result = "#UNSERIALIZABLE", asFailure(python).Error()
		}
		if buf, err = r.encode(r.buf, protocol, kind, result); err != nil {
			// The limit is absurdly small.
			return r.constant[protocol][0]
		}
	}
	r.buf = buf
	return buf[at:len(buf):len(buf)]
}

// encoded is a reply that a method has made itself.
type encoded struct {
	data []byte
	sent bool // it has the result; otherwise it says why it cannot
}

// encode makes the reply of a result that the method is about to take out of its object. If it cannot be sent, as for its
// length, the method must leave it there: nobody would ever see it.
func (c *call) encode(result any) *encoded {
	s := c.s
	s.out.failed = false
	data := s.out.returned(replyProtocol(c.protocol), result)
	s.encoded = encoded{data, !s.out.failed}
	return &s.encoded
}

func replyProtocol(protocol int) int { return min(max(protocol, lowest), highest) }

// answer adds the reply to a call: what it returned, or what it raised. It is false if the result could not be encoded.
func (s *State) answer(client Client, request uint64, protocol int, holder Holder, result any, err error) (sent bool) {
	protocol = replyProtocol(protocol)
	var data []byte
	s.out.failed = false
	switch {
	case err == nil:
		if e, ok := result.(*encoded); ok {
			data, s.out.failed = e.data, !e.sent
			*e = encoded{}
			break
		}
		if made, ok := result.(*shared); ok {
			s.incref(made, holder)
			result = pickle.NewTuple(made.kind.exposed, token(made.kind.typeid, s.options.Address, made.ident))
			data = s.out.reply(protocol, "#PROXY", result)
			break
		}
		data = s.out.returned(protocol, result)
	default:
		if f, ok := err.(*failed); ok {
			data = s.out.reply(protocol, "#TRACEBACK", f.traceback)
			break
		}
		data = s.out.reply(protocol, "#ERROR", exception(err))
	}
	s.replies = append(s.replies, Reply{Client: client, Request: request, Data: data})
	return !s.out.failed
}
