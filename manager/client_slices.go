package manager

import (
	"context"
	"time"
)

// slice is how long a call that takes something waits at a time in a server of CPython.
const slice = 100 * time.Millisecond

// slack is how much longer than a slice a server may take to say that it is over.
const slack = 2 * time.Second

// inSlices takes something of a server of CPython as soon as that has it, or until ctx ends. Such a server does not notice that a
// client has given up: a call that waited there would take what it waits for in the end, and nobody would ever
// have it. So each call waits for a slice, and its reply is awaited, too, when ctx has ended meanwhile.
func inSlices[T any](ctx context.Context, b *base, method string, take func(ctx context.Context, seconds float64) (v T, ok bool, err error)) (v T, err error) {
	uncut, done := outlasting(ctx)
	defer done()
	for ctx.Err() == nil {
		rest := time.After(slice)
		v, ok, err := take(uncut, slice.Seconds())
		if ok || err != nil {
			return v, err
		}
		select {
		case <-rest: // mostly over; but what a program calls a lock need not wait
		case <-ctx.Done():
		}
	}
	return v, b.failed(method, false, ctx.Err())
}

// outlasting returns a context for a call of one slice: it lasts a little longer than ctx, in which the reply has to come.
func outlasting(ctx context.Context) (uncut context.Context, done func()) {
	uncut, cut := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(slice+slack, cut)
		context.AfterFunc(uncut, func() { timer.Stop() })
	})
	return uncut, func() {
		stop()
		cut()
	}
}

// foreign reports whether the server is CPython's, and a call that waits there could be given up.
func (b *base) foreign(ctx context.Context) (bool, error) {
	s, err := b.session()
	if err != nil {
		return false, err
	}
	if err := s.open(ctx); err != nil {
		return false, err
	}
	return !s.kind().ours && ctx.Done() != nil, nil
}
