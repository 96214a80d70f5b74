package manager

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/manager/internal/state"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

const (
	// lingerTime is how long the rest of a request that is too large may take to come.
	lingerTime = 10 * time.Second
	// stopTime is how long a server that a client or a defect stops waits for calls of user types.
	stopTime = 5 * time.Second
)

// serveFirst serves a connection's first request, which is for the server itself. It
// reports whether more may come: otherwise the connection ends with the reply.
func (c *client) serveFirst() bool {
	var err error
	if c.in, err = c.f.RecvAppend(context.Background(), nil); err != nil {
		c.recvFailed(err)
		return false
	}
	c.set(executing)
	place := c.enter(len(c.in))
	graph, err := c.decode(c.in)
	c.exit(place)
	var r wire.Request
	if err == nil {
		r, err = wire.ParseFirst(graph)
	}
	if err != nil {
		c.s.log.Info("manager: malformed first request", "remote", c.f.RemoteAddr(), "err", err)
		c.traceback("ValueError", err.Error())
		c.send()
		return false
	}
	switch r.Method {
	case wire.FuncAccept:
		return c.accepted(&r)
	case wire.FuncShutdown:
		c.shutdown()
		return false
	}
	if call := c.control(&r); call != nil && !c.awaitMade(call) {
		return false
	}
	c.send()
	return false
}

// awaitMade waits for the constructor of a user type, whose reply is in c.out then. It is false if the server closes
// before, which does not wait for constructors: this one has the codec.
func (c *client) awaitMade(call pendingCall) bool {
	made := make(chan []byte, 1)
	c.s.calls.Go(func() {
		defer close(made) // it may end by runtime.Goexit
		out, _ := call(c)
		made <- out
	})
	select {
	case out, ok := <-made:
		if ok {
			c.out = out
			return true
		}
	case <-c.s.ctx.Done():
	}
	c.outlived = true
	return false
}

// accepted answers a client that introduces itself and will go on. It reports whether it may.
func (c *client) accepted(r *wire.Request) bool {
	name, err := text(r, 0, 1)
	if err != nil {
		c.traceback("TypeError", err.Error())
		c.send()
		return false
	}
	c.s.log.Debug("manager: connected", "client", uint64(c.id), "name", name, "pid", c.peer.pid())
	c.answer(wire.KindReturn, nil)
	return c.send()
}

// control executes a request for the server itself. The reply is in c.out then, unless there is a call that has to be
// waited for: of a user type's constructor.
func (c *client) control(r *wire.Request) pendingCall {
	c.request++
	if c.segmentCall(r) {
		return nil
	}
	c.command = state.Command{Client: c.id, Holder: c.peer.holder(), Request: c.request, Protocol: c.encoder.Protocol}
	cmd, wanted := &c.command, 0
	var err error
	switch r.Method {
	case wire.FuncDummy:
	case wire.FuncCount:
		cmd.Op = state.Count
	case wire.FuncDebug:
		cmd.Op = state.Debug
	case wire.FuncIncref, wire.FuncDecref:
		cmd.Op, wanted = state.Incref, 1
		if r.Method == wire.FuncDecref {
			cmd.Op = state.Decref
		}
		cmd.Ident, err = text(r, 0, 1)
	case wire.FuncMethods:
		cmd.Op, wanted = state.Methods, 1
		if err = arguments(r, 1); err == nil {
			t, ok := wire.ParseToken(r.Args.Items[0])
			if cmd.Ident = t.Ident; !ok {
				err = fmt.Errorf("%s() takes a Token, not a %s", r.Method, pickle.TypeName(r.Args.Items[0]))
			}
		}
	case wire.FuncCreate:
		wanted = -1
		cmd.Op = state.Create
		if cmd.Type, err = text(r, 0, len(r.Args.Items)); err == nil {
			cmd.Args = &pickle.Tuple{Items: r.Args.Items[1:]}
			cmd.Kwargs = r.Kwargs
		}
	default:
		c.traceback("AssertionError", fmt.Sprintf("%s unrecognized", pickle.Repr(r.Method)))
		return nil
	}
	if err == nil && wanted >= 0 {
		err = arguments(r, wanted)
	}
	if err != nil {
		c.traceback("TypeError", err.Error())
		return nil
	}
	if cmd.Op == 0 {
		c.answer(wire.KindReturn, nil)
		return nil
	}
	args, kwargs := cmd.Args, cmd.Kwargs
	what, ident := c.s.apply(c)
	c.command = state.Command{} // it must keep nothing alive
	switch what {
	case foreign:
		return construct(r, ident, args, kwargs)
	case later: // no state has it: these are requests that never wait
		c.traceback("SystemError", "no reply")
	}
	return nil
}

// arguments checks the number of arguments.
func arguments(r *wire.Request, n int) error {
	if r.Kwargs.Len() > 0 && n >= 0 {
		return fmt.Errorf("%s() takes no keyword arguments", r.Method)
	}
	if got := len(r.Args.Items); got != n {
		return fmt.Errorf("%s() takes %s but %d %s given", r.Method, counted(n, false), got, were(got))
	}
	return nil
}

// text is argument i, of n, as a string.
func text(r *wire.Request, i, n int) (string, error) {
	if len(r.Args.Items) != max(n, i+1) {
		return "", arguments(r, max(n, i+1))
	}
	s, ok := r.Args.Items[i].(string)
	if !ok {
		return "", fmt.Errorf("%s() argument %d must be str, not %s", r.Method, i+1, pickle.TypeName(r.Args.Items[i]))
	}
	return s, nil
}

// shutdown stops the server for a client. The reply goes out twice, as CPython's does.
func (c *client) shutdown() {
	if c.s.o.RefuseShutdown {
		c.traceback("PermissionError", "this server is not stopped by its clients")
		c.send()
		return
	}
	c.s.log.Info("manager: a client has asked for the shutdown", "remote", c.f.RemoteAddr(), "pid", c.peer.pid())
	c.s.beginStop() // nobody gets in once it is told, and no segment has a name
	c.answer(wire.KindReturn, nil)
	if c.send() {
		c.answer(wire.KindReturn, nil)
		c.send()
	}
	go c.s.shutdown() // it waits for this connection too, and Serve waits for it
}

// shutdown is the Shutdown that nobody has called.
func (s *Server) shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		s.log.Warn("manager: shutdown", "err", err)
	}
}

// recvFailed deals with an error of receiving: the end of the stream mostly. It reports whether more may come.
func (c *client) recvFailed(err error) (more bool) {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, conn.ErrClosed):
	case errors.Is(err, conn.ErrTooLarge):
		return c.tooLarge(err)
	default:
		c.s.log.Info("manager: a connection has failed", "client", uint64(c.id), "remote", c.f.RemoteAddr(), "err", err)
	}
	return false
}

// tooLarge refuses a request that is over the limit, and keeps nothing of it. Its sender mostly is still writing, and would see no more than a
// broken connection if we closed ours, as would all that uses this connection later: in Python, every proxy of the thread.
func (c *client) tooLarge(err error) (skipped bool) {
	c.s.log.Warn("manager: request refused", "client", uint64(c.id), "remote", c.f.RemoteAddr(), "err", err)
	if !c.claim() {
		return false // an earlier call is not answered yet, and would seem to be by this
	}
	c.traceback("ValueError", err.Error())
	if !c.send() {
		return false
	}
	c.set(receiving) // nobody has to wait for the rest
	ctx, cancel := context.WithTimeout(context.Background(), lingerTime)
	defer cancel()
	return c.f.Skip(ctx) == nil
}
