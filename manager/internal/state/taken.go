package state

import "slices"

// taken is what a reply to a client has given it, and what has to go back if the client never got that reply.
type taken struct {
	request uint64
	sh      *shared
	item    any    // of a queue
	number  uint64 // of the item, or of the grant
	bytes   int64  // about
}

// maxTakenBytes is about how much of items is kept for a client that has not read several replies. Beyond it the first ones count as
// received: what nobody refers to any more must not fill the memory.
const maxTakenBytes = 16 << 20

// restorer is an object from which something can be taken.
type restorer interface {
	object
	restore(s *State, self *shared, t taken)
}

// takes notes that the reply to the call takes something.
func (c *call) takes(sh *shared, t taken) {
	t.request, t.sh = c.request, sh
	c.client.takes(t)
}

// takes notes that the reply to a call that waited takes something.
func (w *waiter) takes(sh *shared, t taken) {
	t.request, t.sh = w.request, sh
	w.client.takes(t)
}

func (c *client) takes(t taken) {
	t.bytes = slotBytes
	if _, permit := t.item.(party); !permit {
		t.bytes = weighItem(t.item).bytes
	}
	c.taken = append(c.taken, t)
	c.takenBytes += t.bytes
	for c.takenBytes > maxTakenBytes && len(c.taken) > 1 {
		c.untake(0, 1)
	}
}

// untake forgets taken[i:j].
func (c *client) untake(i, j int) {
	for _, t := range c.taken[i:j] {
		c.takenBytes -= t.bytes
	}
	c.taken = slices.Delete(c.taken, i, j)
}

// received notes that c has the replies to all calls before one; 0 stands for all.
func (c *client) received(before uint64) {
	n := len(c.taken)
	if before != 0 {
		for n = 0; n < len(c.taken) && c.taken[n].request < before; n++ {
		}
	}
	c.untake(0, n)
}

// returned notes that c has given n of what it has taken from an object back, in a way that anybody can.
func (c *client) returned(sh *shared, n int64) {
	for i := 0; i < len(c.taken) && n > 0; {
		if c.taken[i].sh != sh {
			i++
			continue
		}
		c.untake(i, i+1)
		n--
	}
}

// restore undoes what the reply to a call has taken, which could not be made.
func (s *State) restore(c *client, request uint64) {
	i := slices.IndexFunc(c.taken, func(t taken) bool { return t.request == request })
	if i < 0 {
		return
	}
	t := c.taken[i]
	c.untake(i, i+1)
	s.giveBack(t)
}

// restoreSince undoes what the replies to a call and to those after it have taken, the last first.
func (s *State) restoreSince(c *client, first uint64) {
	c.received(first)
	all := c.taken
	c.taken, c.takenBytes = nil, 0
	for _, t := range slices.Backward(all) {
		s.giveBack(t)
	}
}

func (s *State) giveBack(t taken) {
	if !t.sh.dead {
		t.sh.obj.(restorer).restore(s, t.sh, t)
	}
}
