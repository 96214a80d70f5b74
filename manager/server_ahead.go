package manager

import (
	"context"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
)

// Clients may send requests ahead, without waiting for replies. Then a write for each reply would be most of the work: so replies wait
// for those to requests that are here already.

const (
	// maxAhead is how many bytes of replies are kept for one write.
	maxAhead = 32 << 10
	// maxBatch is how many requests FuncBatch can announce. What more there are count one by one.
	maxBatch = 1 << 16
)

// reply sends c.out and lets the next request come. If there is more to execute already, the reply goes together with the next one: who sends
// many requests gets the replies for little more than one. Until then nobody else executes, and stop leaves the connection alone.
func (c *client) reply(more bool) bool {
	if more && len(c.out) < maxAhead {
		if c.ahead == nil {
			c.ahead = c.s.aheads.Get().(*[]byte)
		}
		*c.ahead = conn.AppendFrame(*c.ahead, c.out)
		c.answered = c.request
		return len(*c.ahead) < maxAhead || c.sendAhead()
	}
	if !c.sendAhead() || !c.send() {
		return false
	}
	if !more {
		c.set(receiving)
	}
	return true
}

// sendAhead sends the replies that were kept.
func (c *client) sendAhead() bool {
	if c.ahead == nil {
		return true
	}
	_, err := c.f.SendFrames(context.Background(), *c.ahead)
	*c.ahead = (*c.ahead)[:0]
	if cap(*c.ahead) <= keepBuffer {
		c.s.aheads.Put(c.ahead)
	}
	c.ahead = nil
	return c.hasSent(err, c.answered)
}

// batch executes FuncBatch.
func (c *client) batch(r *wire.Request) {
	c.request++
	n, ok := int64(0), false
	if len(r.Args.Items) == 1 {
		n, ok = r.Args.Items[0].(int64)
	}
	if !ok || n < 0 {
		c.traceback("TypeError", wire.FuncBatch+"() takes a number of requests")
		return
	}
	c.first, c.last = c.request+1, c.request+uint64(min(n, maxBatch))
	c.answer(wire.KindReturn, nil)
}
