package pickle

import "iter"

// Set is Python's set or frozenset. Its elements are hashed and compared as the keys of a Dict, with the same errors,
// and keep the order in which they came. A frozenset must not change once it is a key or an element.
type Set struct {
	table  table
	frozen bool
}

// NewSet returns an empty set or frozenset. Both are filled with Add.
func NewSet(frozen bool) *Set { return &Set{frozen: frozen} }

// Frozen reports whether the set is a frozenset.
func (s *Set) Frozen() bool { return s.frozen }

// Len returns the number of elements.
func (s *Set) Len() int { return s.table.len() }

// Has reports whether key is an element.
func (s *Set) Has(key any) (bool, error) {
	i, _, err := s.table.find(key)
	return i >= 0 && err == nil, err
}

// Add adds key and reports whether it was not there.
func (s *Set) Add(key any) (added bool, err error) {
	i, hash, err := s.table.find(key)
	if i >= 0 || err != nil {
		return false, err
	}
	s.table.put(hash, key, nil)
	return true, nil
}

// Remove removes key and reports whether it was there.
func (s *Set) Remove(key any) (removed bool, err error) {
	i, _, err := s.table.find(key)
	if i < 0 || err != nil {
		return false, err
	}
	s.table.remove(i)
	return true, nil
}

// All yields the elements in order. Elements may be removed meanwhile; one that is added may be missed or not.
func (s *Set) All() iter.Seq[any] {
	return func(yield func(any) bool) {
		for i := s.table.next(0); i >= 0; i = s.table.next(i + 1) {
			if !yield(s.table.entries[i].key) {
				return
			}
		}
	}
}

// Last returns the element that came last.
func (s *Set) Last() (key any, ok bool) {
	i := s.table.last()
	if i < 0 {
		return nil, false
	}
	return s.table.entries[i].key, true
}

// At returns the first element at or after a position, and the position behind it; see Dict.At.
func (s *Set) At(pos int) (key any, next int, ok bool) {
	i := s.table.next(pos)
	if i < 0 {
		return nil, pos, false
	}
	return s.table.entries[i].key, i + 1, true
}

// Clear removes all elements.
func (s *Set) Clear() { s.table.clear() }

// Copy returns a set with the same elements, frozen if s is: a shallow copy.
func (s *Set) Copy() *Set { return &Set{s.table.copy(), s.frozen} }
