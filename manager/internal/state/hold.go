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
