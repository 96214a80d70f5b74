package state

// party is who holds something that is given up when the party ends: a connection, or a process. Zero is nobody, and
// what nobody holds stays held, as in Python.
type party struct {
	client *client
	holder Holder
}

// holdable is an object that parties can hold.
type holdable interface {
	object
	// abandon gives up what a party holds, which has ended.
	abandon(s *State, self *shared, p party)
	// parties returns those that hold something, in any order.
	parties() []party
}

// hold notes that p holds something of sh. It may be noted already.
func (s *State) hold(p party, sh *shared) {
	if p == (party{}) {
		return
	}
	set := s.held[p]
	if set == nil {
		set = make(map[*shared]struct{})
		s.held[p] = set
	}
	set[sh] = struct{}{}
}

// unhold notes that p holds nothing of sh any more.
func (s *State) unhold(p party, sh *shared) {
	if set := s.held[p]; set != nil {
		delete(set, sh)
		if len(set) == 0 {
			delete(s.held, p)
		}
	}
}

// abandon gives up all that a party holds.
func (s *State) abandon(p party) {
	if p == (party{}) {
		return
	}
	for _, sh := range sorted(s.held[p]) {
		sh.obj.(holdable).abandon(s, sh, p)
	}
	delete(s.held, p)
}

// connection is the party of a method whose object belongs to who has called it.
func (c *call) connection() party { return party{client: c.client} }

// anybody is the party of a method of Python that does not say to whom the object belongs: nobody, unless the option
// ReleaseDead says that it is the process, as far as that is known.
func (s *State) anybody(c *client, h Holder) party {
	switch {
	case !s.options.ReleaseDead:
		return party{}
	case h != 0:
		return party{holder: h}
	}
	return party{client: c}
}

// taken is what the last reply to a client has given it, and what has to go back if the client never got that reply.
type taken struct {
	request uint64
	sh      *shared // nil if there is nothing
	item    any     // of a queue
	number  uint64  // of the item, or of the grant
}

// restorer is an object from which something can be taken.
type restorer interface {
	object
	restore(s *State, self *shared, t taken)
}

// restore undoes what the last reply to c has taken, if that was the reply to request.
func (s *State) restore(c *client, request uint64) {
	t := c.taken
	c.taken = taken{}
	if t.sh == nil || t.sh.dead || t.request != request {
		return
	}
	t.sh.obj.(restorer).restore(s, t.sh, t)
}

// takes notes that the reply to the call takes something.
func (c *call) takes(t taken) {
	t.request, t.sh = c.request, c.self
	c.client.taken = t
}

// takes notes that the reply to a call that waited takes something.
func (w *waiter) takes(sh *shared, t taken) {
	t.request, t.sh = w.request, sh
	w.client.taken = t
}
