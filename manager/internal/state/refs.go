package state

import "github.com/multiproc-go/multiproc/pickle"

// find returns the object with an ident.
func (s *State) find(ident string) (*shared, error) {
	if sh := s.objects[ident]; sh != nil {
		return sh, nil
	}
	return nil, unknownIdent(ident)
}

// add puts a new object into the State. Nothing holds it yet.
func (s *State) add(k *kind, obj object, w weight) (*shared, error) {
	if limit := s.options.MaxObjects; int64(len(s.objects)) >= limit {
		return nil, memoryError("the number of objects", limit)
	}
	sh := &shared{number: s.next, ident: identOf(s.next), kind: k, obj: obj}
	if err := s.room(sh, w.bytes); err != nil {
		return nil, err
	}
	s.next++
	s.objects[sh.ident] = sh
	s.account(sh, w.bytes)
	for _, p := range w.proxies {
		s.link(sh, p)
	}
	return sh, nil
}

// room returns an error if an object must not grow by so many bytes.
func (s *State) room(sh *shared, bytes int64) error {
	switch {
	case bytes <= 0:
	case bytes > s.options.MaxObjectBytes-sh.bytes:
		return memoryError("the bytes of an object", s.options.MaxObjectBytes)
	case bytes > s.options.MaxBytes-s.bytes:
		return memoryError("the bytes of all objects", s.options.MaxBytes)
	}
	return nil
}

func (s *State) account(sh *shared, bytes int64) {
	sh.bytes += bytes
	s.bytes += bytes
}

// target returns the object of a proxy, or nil if it is not here.
func (s *State) target(p *Proxy) *shared {
	sh := p.target
	if !p.bound {
		sh = s.objects[p.Ident]
	}
	if sh == nil || sh.dead || sh.kind.typeid != p.TypeID {
		return nil
	}
	return sh
}

// link notes that p was put into sh. The first time decides which object it stands for.
func (s *State) link(sh *shared, p *Proxy) {
	if !p.bound {
		p.target, p.bound = s.target(p), true
	}
	if p.target != nil {
		s.nest(sh, p.target)
	}
}

// unlink notes that p was taken out of sh.
func (s *State) unlink(sh *shared, p *Proxy) {
	if p.target != nil {
		s.unnest(sh, p.target, 1)
	}
}

// nest notes that inner is in outer once more.
func (s *State) nest(outer, inner *shared) {
	if inner.dead {
		return
	}
	if outer.in == nil {
		outer.in = make(map[*shared]int)
	}
	outer.in[inner]++
	inner.nested++
}

// unnest notes that inner is in outer n times less. It does nothing if it is not.
func (s *State) unnest(outer, inner *shared, n int) {
	had := outer.in[inner]
	n = min(n, had)
	if n == 0 {
		return
	}
	if had == n {
		delete(outer.in, inner)
	} else {
		outer.in[inner] = had - n
	}
	inner.nested -= n
	s.suspect(inner)
}

// incref counts one reference more of a holder.
func (s *State) incref(sh *shared, holder Holder) {
	s.dropTimer(sh)
	sh.refs++
	if i := sh.count(holder); i >= 0 {
		sh.counts[i].n++
		return
	}
	sh.counts = append(sh.counts, holding{holder, 1})
	if holder != 0 {
		set := s.holders[holder]
		if set == nil {
			set = make(map[*shared]struct{})
			s.holders[holder] = set
		}
		set[sh] = struct{}{}
	}
	if sh.refs == 1 {
		s.counted++
	}
}

// decref takes one reference back: from the holder if it has one, else from one that nobody is known to have, else,
// as CPython does, from whoever has some. It reports whether there was one.
func (s *State) decref(sh *shared, holder Holder) bool {
	if sh.refs == 0 {
		return false
	}
	i := sh.count(holder)
	if i < 0 {
		i = max(0, sh.count(0))
	}
	s.uncount(sh, i, 1)
	return true
}

// uncount takes n references of the i-th holder back.
func (s *State) uncount(sh *shared, i int, n int64) {
	h := &sh.counts[i]
	h.n -= n
	sh.refs -= n
	if sh.refs == 0 {
		s.counted--
	}
	if h.n == 0 {
		holder := h.holder
		if set := s.holders[holder]; set != nil {
			delete(set, sh)
			if len(set) == 0 {
				delete(s.holders, holder)
			}
		}
		sh.counts = append(sh.counts[:i], sh.counts[i+1:]...)
		// Who gives back the last of what it counted needs no more, whichever of its connections used the object.
		if holder != 0 || sh.refs == 0 {
			for c := range sh.users {
				if c.holder == holder {
					s.unuse(c, sh)
				}
			}
		}
	}
	s.suspect(sh)
}

// gone drops all that a holder has.
func (s *State) gone(holder Holder) {
	if holder != 0 {
		s.abandon(party{holder: holder})
	}
	for _, sh := range sorted(s.holders[holder]) {
		if i := sh.count(holder); i >= 0 {
			s.uncount(sh, i, sh.counts[i].n)
		}
	}
}

// use notes that a client has called a method of an object.
func (s *State) use(c *client, sh *shared) {
	if c.last == sh {
		return
	}
	if _, known := c.used[sh]; known {
		c.last = sh
		return
	}
	if c.holder == 0 && sh.refs == 0 && sh.timer != nil {
		return // touch holds it
	}
	if c.used == nil {
		c.used = make(map[*shared]struct{})
	}
	if sh.users == nil {
		sh.users = make(map[*client]struct{})
	}
	c.last = sh
	c.used[sh] = struct{}{}
	sh.users[c] = struct{}{}
	s.dropTimer(sh)
}

func (s *State) unuse(c *client, sh *shared) {
	if c.last == sh {
		c.last = nil
	}
	delete(c.used, sh)
	delete(sh.users, c)
}

// asProxy returns the object that v is a proxy of. Any other value gives nil, and a proxy of an object that is not
// here gives the error that CPython's server gets when it calls the object.
func (s *State) asProxy(v any) (*shared, error) {
	p, ok := v.(*Proxy)
	if !ok {
		return nil, nil
	}
	if sh := s.target(p); sh != nil {
		return sh, nil
	}
	return nil, &raised{managers, "RemoteError", []any{traceback("KeyError", pickle.Repr(p.Ident))}, ""}
}
