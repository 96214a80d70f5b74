package pickle

// classes are containers that are equal if the comparison under way ends well, as a forest: those of one class have
// one root. It makes comparing values with shared parts linear, where trying each pair would be exponential.
type classes struct {
	parent      map[address]address
	size        map[address]int
	joined      []address       // what got a parent, in order
	left, right map[address]int // under comparison now
}

func newClasses() *classes {
	return &classes{
		parent: make(map[address]address), size: make(map[address]int),
		left: make(map[address]int), right: make(map[address]int),
	}
}

func (s *classes) root(p address) address {
	for {
		up, ok := s.parent[p]
		if !ok {
			return p
		}
		p = up // no shortcuts: undo could not take them back, and by size the way is short
	}
}

// join puts a and b in one class and opens their comparison, unless they already are in one. It is recursive if they
// are and one of them is being compared: it is in itself.
func (s *classes) join(a, b address) (known, recursive bool) {
	x, y := s.root(a), s.root(b)
	if x == y {
		return true, s.left[a] > 0 || s.right[b] > 0
	}
	if s.size[x] > s.size[y] {
		x, y = y, x
	}
	s.parent[x] = y
	s.size[y] += s.size[x] + 1
	s.joined = append(s.joined, x)
	s.left[a]++
	s.right[b]++
	return false, false
}

// close ends the comparison that join opened.
func (s *classes) close(a, b address) {
	s.left[a]--
	s.right[b]--
}

func (s *classes) mark() int {
	if s == nil {
		return 0
	}
	return len(s.joined)
}

// undo forgets what was joined after mark.
func (s *classes) undo(mark int) {
	if s == nil {
		return
	}
	for _, p := range s.joined[mark:] {
		delete(s.parent, p)
	}
	s.joined = s.joined[:mark]
}
