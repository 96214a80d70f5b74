package pickle

// classes are what one comparison has learned of containers: which are equal, as a forest in which those of one class
// have one root, and which pairs are not, where that took long to find out. It keeps the comparison of values with
// shared parts from taking each way to a part anew: there may be exponentially many.
type classes struct {
	parent  map[address]address
	unequal map[[2]address]bool
}

func newClasses() *classes {
	return &classes{make(map[address]address), make(map[[2]address]bool)}
}

func (s *classes) root(p address) address {
	for {
		up, ok := s.parent[p]
		if !ok {
			return p
		}
		if next, ok := s.parent[up]; ok {
			s.parent[p] = next // half as far the next time
		}
		p = up
	}
}

// lookup returns what is known of a and b.
func (s *classes) lookup(a, b address) (same, known bool) {
	x, y := s.root(a), s.root(b)
	return x == y, x == y || s.unequal[[2]address{a, b}]
}

func (s *classes) join(a, b address) {
	if x, y := s.root(a), s.root(b); x != y {
		s.parent[x] = y
	}
}
