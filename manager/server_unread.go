package manager

import (
	"slices"
	"sync"
)

// unread are the large replies that clients are being sent. A client may take its time; many that ask for much and take nothing would fill the
// memory. So there is a limit for all together, and beyond it the one that has taken its time for longest is closed.
type unread struct {
	limit int64 // below 0: none

	mu    sync.Mutex // protects what follows
	bytes int64
	list  []*sending // the oldest first
}

// sending is one large reply.
type sending struct {
	c    *client
	n    int64
	over bool // it does not count any more
}

// largeReply is the size from which replies count. What is smaller is bounded by the number of connections.
const largeReply = 256 << 10

// begin counts the reply that c is about to send, and makes room for it.
func (u *unread) begin(c *client) *sending {
	n := int64(cap(c.out))
	if n < largeReply || u.limit < 0 {
		return nil
	}
	x := &sending{c: c, n: n}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.list = append(u.list, x)
	for u.bytes += n; u.bytes > u.limit && len(u.list) > 1; { // one alone is never too much
		victim := u.list[0]
		u.endLocked(victim)
		c.s.log.Warn("manager: a client is closed that does not take its reply", "client", uint64(victim.c.id), "bytes", victim.n,
			"limit", u.limit, "pid", victim.c.peer.pid())
		victim.c.f.Close()
	}
	return x
}

// end notes that the reply was sent, or never will be.
func (u *unread) end(x *sending) {
	if x == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.endLocked(x)
}

func (u *unread) endLocked(x *sending) {
	if x.over {
		return
	}
	x.over = true
	u.bytes -= x.n
	i := slices.Index(u.list, x)
	u.list = slices.Delete(u.list, i, i+1)
}
