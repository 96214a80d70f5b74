package state

// suspect notes that an object has lost something that kept it. settle looks at it.
func (s *State) suspect(sh *shared) {
	if !sh.suspect && !sh.dead && !sh.held() {
		sh.suspect = true
		s.suspects = append(s.suspects, sh)
	}
}

// settle starts the timers of suspects, and frees what has run out of time and is not kept otherwise.
func (s *State) settle() {
	for {
		for i := 0; i < len(s.suspects); i++ {
			sh := s.suspects[i]
			sh.suspect = false
			if !sh.dead && !sh.held() && (sh.nested == 0 || len(sh.in) > 0) {
				s.startTimer(sh)
			}
		}
		s.suspects = s.suspects[:0]

		var cyclic []*shared
		for t := s.graces.due(s.now); t != nil; t = s.graces.due(s.now) {
			sh := t.sh
			s.dropTimer(sh)
			switch {
			case sh.held():
			case sh.nested == 0:
				s.free(sh)
			case len(sh.in) > 0:
				cyclic = append(cyclic, sh)
			}
		}
		if len(cyclic) > 0 {
			s.freeCycles(cyclic)
		}
		if len(s.suspects) == 0 {
			return
		}
	}
}

// free removes an object that nothing keeps.
func (s *State) free(sh *shared) {
	if sh.dead {
		return
	}
	sh.dead = true
	s.dropTimer(sh)
	delete(s.objects, sh.ident)
	s.account(sh, -sh.bytes)
	if obj, ok := sh.obj.(holdable); ok {
		for _, p := range obj.parties() {
			s.unhold(p, sh)
		}
	}
	for _, inner := range sorted(sh.in) {
		s.unnest(sh, inner, sh.in[inner])
	}
	if sh.kind.foreign {
		s.freed = append(s.freed, sh.ident)
	}
	sh.obj = nil
}

// freeCycles frees those of the objects, and of what is nested in them, that are only nested in each other.
func (s *State) freeCycles(from []*shared) {
	// What is held ends the walk: it is kept, and what is in it is kept by it.
	inner := make(map[*shared]int) // how many times each is in the others
	todo := make([]*shared, 0, len(from))
	for _, sh := range from {
		if _, known := inner[sh]; !known && !sh.dead {
			inner[sh] = 0
			todo = append(todo, sh)
		}
	}
	for i := 0; i < len(todo); i++ {
		for sh, n := range todo[i].in {
			if sh.held() {
				continue
			}
			if _, known := inner[sh]; !known {
				todo = append(todo, sh)
			}
			inner[sh] += n
		}
	}
	var kept []*shared
	for sh, n := range inner {
		if sh.nested > n {
			kept = append(kept, sh)
		}
	}
	for len(kept) > 0 {
		sh := kept[len(kept)-1]
		kept = kept[:len(kept)-1]
		if _, open := inner[sh]; !open {
			continue
		}
		delete(inner, sh)
		for next := range sh.in {
			if _, open := inner[next]; open {
				kept = append(kept, next)
			}
		}
	}
	for _, sh := range sorted(inner) {
		s.free(sh)
	}
}
