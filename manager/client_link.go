package manager

import (
	"context"
	"errors"
	"fmt"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

// A link is one connection, with the memory that its calls reuse. It belongs to the call that
// has taken it.
type link struct {
	f     *conn.Framed
	s     *session
	fast  bool // waits for a reply in a thread of its own; see conn.Framed.Block
	calls int  // that were answered

	out, in []byte
	enc     pickle.Encoder
	dec     pickle.Decoder

	// Of the last reply.
	kind   string
	result any
	fresh  []*Proxy // what is in it of proxies; they are not counted yet
}

// pickleUnlimited is no limit, in pickle.Limits.
const pickleUnlimited = -1

// keepLink is the size up to which a buffer is kept for the next call.
const keepLink = 1 << 20

// errUnsent is in errors of calls of which nothing has left this process.
var errUnsent = errors.New("nothing was sent")

// harmless is an error of a call that leaves its connection in order: what could not be
// encoded was not sent, and what could not be decoded was read to its end.
type harmless struct{ error }

func (h harmless) Unwrap() error { return h.error }

func isHarmless(err error) bool {
	var h harmless
	return errors.As(err, &h)
}

func (l *link) prepare(s *session) {
	l.s = s
	l.enc.Protocol = pickle.DefaultProtocol
	l.dec.Limits = s.o.Decode
	if l.dec.Limits.Bytes == 0 {
		l.dec.Limits.Bytes = pickleUnlimited // MaxMessage is the limit
	}
	l.dec.Reduce = l.reduce
}

// enter makes a connection one for calls.
func (l *link) enter(ctx context.Context, s *session) error {
	l.prepare(s)
	if err := l.call(ctx, s, "", wire.FuncAccept, []any{clientName()}, nil); err != nil {
		return err
	}
	l.calls = 0
	if l.kind != wire.KindReturn {
		return &RemoteError{Kind: l.kind, Text: fmt.Sprint(l.result)}
	}
	return nil
}

// call sends a request and waits for the reply. With an error nothing is known of the reply.
func (l *link) call(ctx context.Context, s *session, ident, method string, args []any, kwargs *pickle.Dict) error {
	l.kind, l.result, l.fresh = "", nil, nil
	if err := ctx.Err(); err != nil {
		return harmless{unsent(err)}
	}
	if err := l.encode(ident, method, args, kwargs); err != nil {
		return harmless{unsent(err)}
	}
	if err := l.f.Send(ctx, l.out); err != nil {
		return unsent(err)
	}
	in, err := l.f.RecvAppend(ctx, l.in[:0])
	if err != nil {
		return err
	}
	l.calls++
	if err := l.decode(in); err != nil {
		return harmless{err}
	}
	l.in = kept(in)
	l.out = kept(l.out)
	return nil
}

func unsent(err error) error { return fmt.Errorf("%w (%w)", err, errUnsent) }

func kept(b []byte) []byte {
	if cap(b) > keepLink {
		return nil
	}
	return b[:0]
}

func (l *link) encode(ident, method string, args []any, kwargs *pickle.Dict) error {
	if ident != "" && (kwargs == nil || kwargs.Len() == 0) {
		out, ok := wire.AppendCall(l.out[:0], ident, method, args)
		if l.out = out; ok {
			return nil
		}
	}
	r := wire.Request{Ident: ident, Method: method, Args: &pickle.Tuple{Items: args}, Kwargs: kwargs}
	out, err := l.enc.Append(l.out[:0], r.Graph())
	l.out = out
	return err
}

func (l *link) decode(msg []byte) error {
	if result, ok := wire.ReplyScalar(msg); ok {
		l.kind, l.result = wire.KindReturn, result
		return nil
	}
	graph, err := l.dec.DecodeBytes(msg)
	if err == nil {
		l.kind, l.result, err = wire.ParseReply(graph)
	}
	if err != nil {
		l.fresh = nil
	}
	return err
}

// reduce makes proxies of what they are pickled as, and lists of what CPython sends the views of
// dicts as.
func (l *link) reduce(callable *pickle.Global, args *pickle.Tuple) (any, bool, error) {
	if callable.Module == builtins && callable.Name == "list" && len(args.Items) == 1 {
		list, ok := args.Items[0].(*pickle.List)
		return list, ok, nil
	}
	w, ok := wire.ParseProxy(callable, args)
	if !ok {
		return nil, false, nil
	}
	p := &Proxy{base{l.s.found(w)}}
	l.fresh = append(l.fresh, p)
	return p, true, nil
}

func (l *link) close() { l.f.Close() }
