package manager

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/handoff"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

// ErrUnflushed is what a [Future] returns before its [Batch] was flushed.
var ErrUnflushed = handoff.Sentinel("manager: the batch was not flushed")

// A Batch is calls that are sent together and answered together: of a hundred, each costs about an eighth of what it costs alone. They are
// made by [Later], or by the methods of what the In of a proxy returns:
//
//	b := c.NewBatch()
//	apples := stock.In(b).Get("apples")
//	stock.In(b).Set("pears", 7)
//	if err := b.Flush(ctx); err != nil {
//		return err
//	}
//	n, err := apples.Result()
//
// Nothing happens before Flush. Then the server executes the calls in their order, each one as a step of its own: other clients' calls come
// between them, and one that fails does not keep the next from being executed. A call that waits, as Put into a queue that is
// full, holds up those behind it.
//
// Works with servers of CPython too. On ours, an item that a queue has given to a batch goes back to its place if the process dies before it has all
// replies, up to 16 MiB of items.
//
// A Batch is used by one goroutine at a time, and again after Flush. It costs the memory of its requests and replies.
type Batch struct {
	s       *session
	out     []byte // the requests, as they stand in the stream
	calls   []batched
	takes   bool // something that has to go back if it does not arrive
	request []byte
	args    [2]any // of the last call; see graphs2
	enc     pickle.Encoder
}

// batched is one call of a Batch, or one that could not be made.
type batched struct {
	b      *base // keeps the reference until the server knows the call
	method string
	args   []any // of which the same is true, if there can be proxies in them
	to     promise
	err    error // nothing was sent

	answered bool
	kind     string
	result   any
	fresh    []*Proxy
	broken   error // the reply could not be decoded
}

// promise is a Future of any type.
type promise interface {
	keep(b *base, method string, graph any, err error)
	failure() error
}

// A Future is the result of a call in a [Batch].
type Future[T any] struct {
	v    T
	err  error
	done bool
}

// Result returns what the call has returned, or its error: what the same call would return outside of a batch, or [ErrUnflushed].
func (f *Future[T]) Result() (T, error) {
	if !f.done {
		return f.v, ErrUnflushed
	}
	return f.v, f.err
}

func (f *Future[T]) failure() error { return f.err }

func (f *Future[T]) keep(b *base, method string, graph any, err error) {
	f.done, f.err = true, err
	if _, nothing := any(&f.v).(*struct{}); !nothing {
		f.v, f.err = result[T](b, method, graph, err)
	}
}

// NewBatch makes a Batch for objects of this server.
func (c *Client) NewBatch() *Batch {
	b := &Batch{s: c.s}
	b.enc.Protocol = pickle.DefaultProtocol
	return b
}

// Batch runs fn, which makes calls, and flushes.
func (c *Client) Batch(ctx context.Context, fn func(b *Batch) error) error {
	b := c.NewBatch()
	if err := fn(b); err != nil {
		return err
	}
	return b.Flush(ctx)
}

// Len returns how many calls wait for Flush.
func (b *Batch) Len() int { return len(b.calls) }

// Later adds a call of a method, by Python's name for it, to a batch: [Proxy.Call] that is made by Flush. The proxy may be of any type, the result is
// turned into a T; struct{} is for a method whose result does not matter.
func Later[T any](b *Batch, proxy interface{ Ident() string }, method string, args ...any) *Future[T] {
	graphs, err := graphsOf(args)
	p, ok := proxy.(interface{ self() *base })
	if !ok {
		f := new(Future[T])
		b.calls = append(b.calls, batched{method: method, to: f, err: fmt.Errorf("%w: a %T", ErrHandle, proxy)})
		return f
	}
	return postpone[T](b, p.self(), method, graphs, err)
}

// postpone is Later with graphs, or with the error of making them.
func postpone[T any](b *Batch, proxy *base, method string, graphs []any, err error) *Future[T] {
	f := new(Future[T])
	b.calls = append(b.calls, batched{b: proxy, method: method, to: f})
	call := &b.calls[len(b.calls)-1]
	s, closed := proxy.session()
	switch {
	case closed != nil:
		call.err = closed
	case err != nil:
		call.err = proxy.failed(method, false, err)
	case s != b.s && s.key() != b.s.key():
		call.err = proxy.failed(method, false, fmt.Errorf("%w: of another server than the batch", ErrHandle))
	default:
		b.encode(call, graphs)
	}
	return f
}

func (b *base) self() *base { return b }

func (b *Batch) encode(call *batched, graphs []any) {
	ident := call.b.h.r.ident
	request, ok := wire.AppendCall(b.request[:0], ident, call.method, graphs)
	if !ok {
		call.args = slices.Clone(graphs)
		r := wire.Request{Ident: ident, Method: call.method, Args: &pickle.Tuple{Items: graphs}}
		var err error
		if request, err = b.enc.Append(request[:0], r.Graph()); err != nil {
			call.err = call.b.failed(call.method, false, err)
			return
		}
	}
	b.request = kept(request)
	b.out = conn.AppendFrame(b.out, request)
	switch call.method {
	case "get", "get_nowait", "#get":
		b.takes = true
	}
}

// Flush sends the calls and waits for all replies. The error is the first one of a call, or why there are no replies: then it is a [*CallError], and those
// calls may have been executed or not whose Future says so. Afterwards the batch is empty.
func (b *Batch) Flush(ctx context.Context) error {
	calls := b.calls
	if len(calls) == 0 {
		return nil
	}
	typeid := "batch"
	err := b.s.open(ctx)
	if err == nil {
		err = b.exchange(ctx)
		if err != nil {
			err = b.s.failed(ctx, typeid, fmt.Sprintf("of %d calls", len(calls)), err)
		}
	}
	var first error
	for i := range calls {
		call := &calls[i]
		b.settle(ctx, call, err)
		if err := call.to.failure(); err != nil && first == nil {
			first = err
		}
		runtime.KeepAlive(call.args)
	}
	clear(calls)
	b.args = [2]any{}
	b.calls, b.out, b.takes = calls[:0], kept(b.out), false
	if err != nil {
		return err
	}
	return first
}

// settle gives a call its result.
func (b *Batch) settle(ctx context.Context, call *batched, gone error) {
	switch {
	case call.err != nil:
		call.to.keep(call.b, call.method, nil, call.err)
	case call.broken != nil:
		call.to.keep(call.b, call.method, nil, call.b.failed(call.method, true, call.broken))
	case !call.answered:
		call.to.keep(call.b, call.method, nil, gone)
	case call.kind == wire.KindReturn && len(call.fresh) == 0:
		call.to.keep(call.b, call.method, call.result, nil)
	default:
		result, err := b.s.settle(ctx, call.b.h.r, call.method, call.kind, call.result, call.fresh)
		call.to.keep(call.b, call.method, result, err)
	}
}

// exchange sends the calls that could be encoded, and receives the replies.
func (b *Batch) exchange(ctx context.Context) error {
	if len(b.out) == 0 {
		return nil
	}
	lead := 0
	if b.takes && b.s.kind().ours {
		lead = 1
		request, _ := wire.AppendCall(b.request[:0], wire.ServerIdent, wire.FuncBatch, []any{int64(len(b.calls))})
		b.out = append(conn.AppendFrame(nil, request), b.out...)
	}
	for again := true; ; again = false {
		l, err := b.s.links.take(ctx, b.s)
		if err != nil {
			return unsent(err)
		}
		used := l.calls > 0
		err = l.batch(ctx, b.out, b.calls, lead)
		b.s.links.put(l, err == nil)
		if errors.Is(err, errUnsent) && used && again && ctx.Err() == nil {
			b.s.links.drain() // as in session.call
			continue
		}
		return err
	}
}

// inlineBatch is how many bytes the sockets hold without anybody reading, for sure.
const inlineBatch = 8 << 10

// batch sends requests and receives the replies to calls, which come behind some that nobody asks for. More than fits into the sockets
// is sent while replies are received: CPython's server reads no request before it has got rid of the reply to the one before.
func (l *link) batch(ctx context.Context, out []byte, calls []batched, lead int) error {
	if err := ctx.Err(); err != nil {
		return unsent(err)
	}
	if len(out) <= inlineBatch {
		if err := l.sendAll(ctx, out); err != nil {
			return err
		}
		return l.replies(ctx, calls, lead)
	}
	sent := make(chan error, 1)
	go func() {
		err := l.sendAll(ctx, out)
		if err != nil {
			l.close() // no more replies will come
		}
		sent <- err
	}()
	err := l.replies(ctx, calls, lead)
	if err != nil {
		l.close() // nobody reads what the sender waits for
	}
	wrong := <-sent
	if err != nil && ctx.Err() != nil { // which has ended one direction, and that the other
		return ctx.Err()
	}
	if wrong != nil && (err == nil || errors.Is(err, conn.ErrClosed) || errors.Is(wrong, errUnsent)) {
		return wrong
	}
	return err
}

func (l *link) sendAll(ctx context.Context, out []byte) error {
	n, err := l.f.SendFrames(ctx, out)
	if err != nil && n == 0 {
		return unsent(err)
	}
	return err
}

var errTooMany = errors.New("the server has sent more replies than there were calls")

func (l *link) replies(ctx context.Context, calls []batched, lead int) error {
	var rest []byte
	next := func() (msg []byte, err error) {
		if len(rest) == 0 {
			if l.in, err = l.f.RecvFrames(ctx, kept(l.in)); err != nil {
				return nil, err
			}
			rest = l.in
		}
		msg, rest, _ = conn.CutFrame(rest)
		return msg, nil
	}
	for range lead {
		if _, err := next(); err != nil {
			return err
		}
	}
	for i := range calls {
		call := &calls[i]
		if call.err != nil {
			continue // it was not sent
		}
		l.kind, l.result, l.fresh = "", nil, nil
		msg, err := next()
		if err != nil {
			return err
		}
		l.calls++
		call.answered = true
		call.broken = l.decode(msg)
		call.kind, call.result, call.fresh = l.kind, l.result, l.fresh
	}
	l.result, l.fresh = nil, nil
	l.in = kept(l.in)
	if len(rest) > 0 {
		return errTooMany
	}
	return nil
}
