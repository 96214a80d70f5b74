package manager

import (
	"bytes"
	"context"
	"errors"
	"runtime/debug"

	"github.com/multiproc-go/multiproc/manager/internal/state"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

// construct makes an object of a user type, for which the state has an ident already. c.out is the reply
// if that succeeds.
func construct(r *wire.Request, ident string, args *pickle.Tuple, kwargs *pickle.Dict) pendingCall {
	typeid := r.Args.Items[0].(string)
	return func(c *client) ([]byte, bool) {
		s := c.s
		success := bytes.Clone(c.out)
		u := s.types[typeid]
		ctx, leave := c.ctx, func() {}
		if ctx == nil { // a connection of this one request
			ctx, leave = c.untilItEnds(u.constructor.ctx)
		}
		value, err := u.create(ctx, args, kwargs)
		leave()
		if err == nil {
			if err = s.made(ident, object{u, value}); err == nil {
				return success, true
			}
			s.drop(object{u, value})
		}
		s.event(&state.Command{Op: state.Decref, Client: c.id, Request: c.request, Holder: c.peer.holder(), Ident: ident, Protocol: c.encoder.Protocol})
		c.answerUser(u.constructor.name, nil, err)
		return c.out, true
	}
}

// made keeps an object whose constructor has returned, unless nobody wants it any more.
func (s *Server) made(ident string, o object) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return ErrClosed
	}
	if _, wanted := s.objects[ident]; !wanted {
		return NewException("RuntimeError", "the references to the object have gone while it was made")
	}
	s.objects[ident] = o
	return nil
}

// untilItEnds is a context for a connection on which nothing more comes than its end, which is watched if somebody wants to know.
func (c *client) untilItEnds(wanted bool) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(c.s.ctx)
	if wanted {
		c.s.calls.Go(func() {
			c.f.Poll(ctx, -1)
			cancel()
		})
	}
	return ctx, cancel
}

// userCall calls a method of an object of a user type.
func userCall(r *wire.Request, ident string) pendingCall {
	method, args, kwargs := r.Method, r.Args, r.Kwargs
	return func(c *client) ([]byte, bool) {
		c.s.mu.Lock()
		o, ok := c.s.objects[ident]
		c.s.mu.Unlock()
		if !ok || o.of == nil { // its constructor has not returned, or the server stops
			c.traceback("KeyError", pickle.Repr(ident))
			return c.out, true
		}
		result, err := o.of.invoke(c.ctx, o.value, method, args, kwargs)
		c.answerUser(o.of.name+"."+method, result, err)
		return c.out, true
	}
}

// answerUser is answer with what a function of a user type has returned. Errors and results have methods too, which may panic: a
// nil pointer in a variable of type error, say.
func (c *client) answerUser(function string, result any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err := &panicError{function, p, debug.Stack()}
			c.s.report(err)
			c.answer(failure(err))
		}
	}()
	if err != nil {
		c.s.report(err)
		c.answer(failure(err))
		return
	}
	c.answer(wire.KindReturn, result)
}

// report tells the log about a panic, which the client is told less about.
func (s *Server) report(err error) {
	var p *panicError
	if errors.As(err, &p) {
		s.log.Error("manager: a user type has panicked", "function", p.function, "panic", p.value, "stack", string(p.stack))
	}
}

// drop ends an object of a user type.
func (s *Server) drop(o object) {
	if err := o.of.closeObject(o.value); err != nil {
		s.report(err)
		s.log.Warn("manager: Close of a user type's object", "type", o.of.name, "err", err)
	}
}
