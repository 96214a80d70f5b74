package manager

import (
	"bytes"
	"context"
	"sync"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/manager/internal/state"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

const (
	// busy is the number of requests after which a connection asks for a thread of its own.
	busy = 64
	// maxBacklog is how much may come while an earlier call waits: bytes, and some for each request.
	maxBacklog  = 16 << 20
	backlogCost = 64
)

// A client is one connection.
//
// Its goroutine receives, and as a rule it also executes the request and sends the reply. When a call has to
// wait, for another client or for a method of a user type, another goroutine, settle, takes over all but
// receiving until nothing is left to do; the first one has to notice that the client is gone, and
// puts what it sends meanwhile in the backlog. So requests are executed one
// after another, and answered in that order, as every client expects.
type client struct {
	s    *Server
	f    *conn.Framed
	id   state.Client
	peer *peer

	in       []byte // of who receives: the last request, and what has come behind it
	served   int    // likewise: how many there were
	threaded bool   // likewise: a thread of its own waits for them
	outlived bool   // likewise: by a constructor, which has the codec

	*codec         // of who executes
	request uint64 // likewise: the number of the last command
	sent    uint64 // likewise: that of the last one whose reply has been sent

	ahead    *[]byte // likewise: replies that go with the next one; see reply
	answered uint64  // likewise: the number of the last one of them
	// Likewise: the first and the last of the requests whose replies the client looks at when it has them all. See FuncBatch.
	first, last uint64

	settling sync.WaitGroup // the goroutine settle, unless it waits for a user type

	late chan []byte     // the reply of a call that has waited; Server.mu protects the variable
	ctx  context.Context // ends when nothing is received any more

	mu      sync.Mutex // protects what follows
	doing   activity
	ending  bool     // close instead of receiving or waiting
	over    bool     // the client is gone: what is in the backlog is not executed
	back    uint64   // while calling: what unread returns
	backlog [][]byte // what has come since others execute
	cost    int      // of it
}

// activity is what a connection is doing:
//
//	receiving -> executing  a request has come
//	executing -> receiving  the reply is sent, and the backlog empty
//	executing -> waiting    the reply is up to another client
//	executing -> calling    the reply is up to a user type
//	waiting, calling -> executing
type activity uint8

const (
	receiving activity = iota
	executing
	waiting
	calling
)

// serve is the connection's goroutine. What follows it also happens if a user type's constructor ends the goroutine.
func (c *client) serve() {
	c.peer = c.s.peers.of(c.s, c.f.NetConn())
	defer c.leaveServer()
	c.codec = c.s.codecs.Get().(*codec)
	if c.serveFirst() {
		c.serveCalls()
	} else if !c.outlived {
		c.s.codecs.Put(c.codec.trimmed())
	}
}

func (c *client) leaveServer() {
	c.f.Close()
	c.peer.leave(c.s)
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	delete(c.s.conn, c.id)
}

// serveCalls serves calls of methods until the connection ends.
func (c *client) serveCalls() {
	var gone context.CancelFunc
	c.ctx, gone = context.WithCancel(c.s.ctx)
	c.s.event(&state.Command{Op: state.Connect, Client: c.id, Holder: c.peer.holder()})
	c.set(receiving)
	for {
		var err error
		if c.in, err = c.f.RecvFrames(context.Background(), c.in[:0]); err != nil {
			if c.recvFailed(err) {
				continue
			}
			break
		}
		if !c.serveFrames(c.in) {
			break
		}
		if cap(c.in) > keepBuffer {
			c.in = nil
		}
	}
	gone()
	c.s.event(&state.Command{Op: state.Disconnect, Client: c.id, Holder: c.peer.holder(), Request: c.unread()})
	if c.threaded {
		c.s.threads.Add(-1)
	}
}

// serveFrames executes requests, or puts them in the backlog. It reports whether the connection goes on.
func (c *client) serveFrames(frames []byte) bool {
	for ours := false; len(frames) > 0; {
		var msg []byte
		msg, frames, _ = conn.CutFrame(frames)
		if c.served++; c.served == busy {
			c.ownThread()
		}
		if !ours {
			execute, ok := c.begin(msg)
			if !ok {
				return false
			}
			if !execute {
				continue
			}
		}
		ours = len(frames) > 0 // nobody else executes before the last one
		if call := c.execute(msg); call != nil {
			ours = false
			c.sendAhead() // if it fails so does all else
			c.settling.Add(1)
			c.s.calls.Go(func() { c.settle(call) })
		} else if !c.reply(ours) {
			return false
		}
	}
	return true
}

// unread returns the number of the last request if the client has gone without its reply, and otherwise 0: what the reply has
// given it then goes back.
func (c *client) unread() uint64 {
	if back, calling := c.settled(); calling { // a user type has the last request, which takes nothing
		return back
	}
	switch {
	case c.sent == c.request && !c.f.Unread():
		return 0
	case c.request <= c.last:
		return min(c.first, c.request)
	}
	return c.request
}

// settled waits until nobody executes any more, which is soon, unless it is a method of a user type, after which nothing is executed either.
func (c *client) settled() (back uint64, isCalling bool) {
	c.mu.Lock()
	c.over = true
	back, isCalling = c.back, c.doing == calling
	c.mu.Unlock()
	if isCalling {
		return back, true
	}
	c.f.Close() // it may be sending to somebody who does not read
	c.settling.Wait()
	return 0, false
}

// begin reports whether the receiver may execute what it has received. Otherwise it is in the
// backlog now, and others will; ok is false if there was no room.
func (c *client) begin(msg []byte) (execute, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.doing == receiving {
		c.doing = executing
		return true, true
	}
	c.cost += len(msg) + backlogCost
	if c.cost > maxBacklog {
		c.s.log.Warn("manager: a client sends on and on while its call waits", "client", uint64(c.id), "limit", maxBacklog)
		return false, false
	}
	c.backlog = append(c.backlog, bytes.Clone(msg))
	return false, true
}

// claim lets the receiver execute, if nobody else does.
func (c *client) claim() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.doing != receiving {
		return false
	}
	c.doing = executing
	return true
}

// settle waits for the reply of a call, sends it, and goes on with the backlog.
func (c *client) settle(call pendingCall) {
	settled := false
	defer c.settling.Done()
	defer func() {
		if !settled { // by runtime.Goexit in a user type's method
			c.f.Close()
		}
	}()
	for call != nil {
		out, ok := call(c)
		if !ok {
			break // the connection has ended
		}
		c.set(executing)
		c.out, call = out, nil
		for call == nil && c.send() {
			msg := c.next()
			if msg == nil {
				break
			}
			call = c.execute(msg)
		}
	}
	settled = true
}

// next takes a request of the backlog. If there is none, the receiver is to execute what comes.
func (c *client) next() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.backlog) == 0 || c.over {
		c.backlog = nil
		c.rest()
		return nil
	}
	msg := c.backlog[0]
	c.backlog[0] = nil
	c.backlog = c.backlog[1:]
	c.cost -= len(msg) + backlogCost
	return msg
}

func (c *client) send() bool {
	large := c.s.unread.begin(c)
	err := c.f.Send(context.Background(), c.out)
	c.s.unread.end(large)
	if cap(c.out) > keepBuffer {
		c.out = nil
	}
	return c.hasSent(err, c.request)
}

// hasSent notes that the replies up to that of a request were sent, or that they could not be.
func (c *client) hasSent(err error, request uint64) bool {
	if err != nil { // it is gone, or we close
		c.s.log.Debug("manager: a reply could not be sent", "client", uint64(c.id), "err", err)
		c.f.Close() // the receiver may be somebody else
		return false
	}
	c.sent = request
	return true
}

func (c *client) set(a activity) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a == receiving {
		c.rest()
		return
	}
	c.doing = a
	if c.back = 0; a == calling && c.request <= c.last {
		c.back = c.first // the replies before this one are not read either
	}
	if a == waiting && c.ending {
		c.f.Close()
	}
}

// rest is the end of a request, with mu held.
func (c *client) rest() {
	c.doing = receiving
	if c.ending {
		c.f.Close()
	}
}

// stop makes the connection end as soon as it has no work. Replies that are up to other clients are not awaited.
func (c *client) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ending = true
	if c.doing == receiving || c.doing == waiting {
		c.f.Close()
	}
}

// ownThread gives a connection that is worth it a thread that waits in the kernel for its
// requests: to be woken by Go's poller costs more than a small request.
func (c *client) ownThread() {
	if c.s.threads.Add(1) <= int64(c.s.o.BusyThreads) && c.f.Block() == nil {
		c.threaded = true
		return
	}
	c.s.threads.Add(-1)
}

func (c *client) busy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.doing == executing || c.doing == calling
}

// A pendingCall waits for the reply of a call; it is run by who executes. It reports false if the connection ends before.
type pendingCall func(c *client) (reply []byte, ok bool)

// awaitLate waits for what another client's command brings about.
func awaitLate(c *client) ([]byte, bool) {
	select {
	case out := <-c.late:
		return out, true
	case <-c.ctx.Done():
		return nil, false
	}
}

// execute executes one request. The reply is in c.out then, unless there is a call that has to be waited for.
func (c *client) execute(msg []byte) pendingCall {
	c.out = c.out[:0]
	place := c.enter(len(msg))
	r, err := c.parse(msg)
	if err != nil {
		c.exit(place)
		c.s.log.Debug("manager: malformed request", "client", uint64(c.id), "err", err)
		c.traceback("ValueError", err.Error())
		return nil
	}
	if r.Ident == wire.ServerIdent {
		if r.Kwargs == nil {
			r.Kwargs = pickle.NewDict()
		}
		if r.Method == wire.FuncBatch {
			c.exit(place)
			c.batch(&r)
			return nil
		}
		call := c.control(&r)
		c.exit(place)
		if call != nil {
			c.set(calling)
		}
		return call
	}
	c.request++
	c.command = state.Command{
		Op: state.Call, Client: c.id, Holder: c.peer.holder(), Request: c.request, Protocol: c.encoder.Protocol,
		Ident: r.Ident, Method: r.Method, Args: r.Args, Kwargs: r.Kwargs,
	}
	if c.request <= c.last {
		c.command.Unread = c.first
	}
	what, ident := c.s.apply(c)
	c.command = state.Command{} // it must keep nothing alive
	c.exit(place)
	switch what {
	case foreign:
		c.set(calling)
		return userCall(&r, ident)
	case later:
		c.set(waiting)
		return awaitLate
	}
	return nil
}
