package state

import (
	"slices"

	"github.com/multiproc-go/multiproc/pickle"
)

// listSort is list.sort. Up to 63 items are compared in the same order as by CPython 3.13, so that an error names the
// same two values and leaves the same list; beyond that the runs are merged in a simpler way.
func listSort(c *call) (any, error) {
	var key, reverse any
	if c.kwargs == nil {
		c.kwargs = pickle.NewDict()
	}
	if n := len(c.args) + c.kwargs.Len(); n > 2 {
		if len(c.args) == 0 {
			return nil, typeError("sort() takes at most 2 keyword arguments (%d given)", n)
		}
		return nil, typeError("sort() takes at most 2 arguments (%d given)", n)
	}
	if len(c.args) > 0 {
		return nil, typeError("sort() takes no positional arguments")
	}
	reverse = false
	for name, v := range c.kwargs.All() {
		switch name {
		case "key":
			key = v
		case "reverse":
			reverse = v
		default:
			return nil, typeError("sort() got an unexpected keyword argument '%s'", name)
		}
	}

	l := c.list()
	s := sorter{items: l.Items, keys: l.Items}
	if key != nil {
		s.keys = make([]any, len(l.Items))
		for i, item := range l.Items {
			k, err := c.applyKey(key, item)
			if err != nil {
				return nil, err
			}
			s.keys[i] = k
		}
		s.keyed = true
	}
	// A list that is reversed before and after keeps the order of equal items.
	backwards := pickle.Truth(reverse)
	if backwards {
		s.reverse(0, len(s.items))
	}
	err := s.sort()
	if backwards {
		slices.Reverse(l.Items)
	}
	return nil, err
}

// sorter sorts items by their keys, which are the same memory unless keyed is set.
type sorter struct {
	items, keys []any
	keyed       bool
}

func (s *sorter) sort() error {
	var ends []int
	minimum := shortestRun(len(s.items))
	for lo := 0; lo < len(s.items); {
		n, err := s.countRun(lo, len(s.items))
		if err != nil {
			return err
		}
		if n < minimum {
			forced := min(minimum, len(s.items)-lo)
			if err := s.binarySort(lo, lo+forced, lo+n); err != nil {
				return err
			}
			n = forced
		}
		lo += n
		ends = append(ends, lo)
	}
	return s.merge(ends)
}

// shortestRun is CPython's merge_compute_minrun.
func shortestRun(n int) int {
	r := 0
	for n >= 64 {
		r |= n & 1
		n >>= 1
	}
	return n + r
}

func (s *sorter) less(i, j int) (bool, error) { return less(s.keys[i], s.keys[j]) }

func less(a, b any) (bool, error) {
	switch x := a.(type) {
	case int64:
		if y, ok := b.(int64); ok {
			return x < y, nil
		}
	case string:
		if y, ok := b.(string); ok {
			return x < y, nil
		}
	}
	return pickle.Less(a, b)
}

func (s *sorter) reverse(i, j int) {
	slices.Reverse(s.items[i:j])
	if s.keyed {
		slices.Reverse(s.keys[i:j])
	}
}

// countRun is CPython's count_run: it returns how many items from lo on are in order, after turning them around if
// they were in the opposite one.
func (s *sorter) countRun(lo, hi int) (int, error) {
	n := lo + 1
	for ; n < hi; n++ {
		if smaller, err := s.less(n, n-1); err != nil {
			return 0, err
		} else if smaller {
			break
		}
	}
	if n == hi {
		return n - lo, nil
	}
	if n > lo+1 {
		if rising, err := s.less(lo, n-1); rising || err != nil {
			return n - lo, err
		}
		s.reverse(lo, n) // all equal, and the next is smaller
	}
	n++
	same := 0 // of the last: equal ones have to keep their order
	keep := func() {
		if same > 0 {
			s.reverse(n-same-1, n)
			same = 0
		}
	}
	for ; n < hi; n++ {
		smaller, err := s.less(n, n-1)
		if err != nil {
			return 0, err
		}
		if smaller {
			keep()
			continue
		}
		larger, err := s.less(n-1, n)
		if err != nil {
			return 0, err
		}
		if larger {
			break
		}
		same++
	}
	keep()
	s.reverse(lo, n)
	for ; n < hi; n++ {
		if smaller, err := s.less(n, n-1); err != nil {
			return 0, err
		} else if smaller {
			break
		}
	}
	return n - lo, nil
}

// binarySort sorts the items from lo to hi, of which those before ok are in order.
func (s *sorter) binarySort(lo, hi, ok int) error {
	for ; ok < hi; ok++ {
		left, right := lo, ok
		for left < right {
			middle := int(uint(left+right) >> 1)
			smaller, err := s.less(ok, middle)
			if err != nil {
				return err
			}
			if smaller {
				right = middle
			} else {
				left = middle + 1
			}
		}
		rotate(s.items[left : ok+1])
		if s.keyed {
			rotate(s.keys[left : ok+1])
		}
	}
	return nil
}

// rotate moves the last item to the front.
func rotate(items []any) {
	last := items[len(items)-1]
	copy(items[1:], items)
	items[0] = last
}

// merge merges neighbouring runs until there is one. An error leaves all items there, in some order.
func (s *sorter) merge(ends []int) error {
	for len(ends) > 1 {
		merged := ends[:0]
		lo := 0
		for i := 0; i < len(ends); i += 2 {
			if i+1 == len(ends) {
				merged = append(merged, ends[i])
				break
			}
			middle, hi := ends[i], ends[i+1]
			if err := s.mergeRuns(lo, middle, hi); err != nil {
				return err
			}
			merged = append(merged, hi)
			lo = hi
		}
		ends = merged
	}
	return nil
}

func (s *sorter) mergeRuns(lo, middle, hi int) error {
	items := slices.Clone(s.items[lo:middle])
	keys := items
	if s.keyed {
		keys = slices.Clone(s.keys[lo:middle])
	}
	i, j, out := 0, middle, lo
	var failed error
	for i < len(items) && j < hi {
		smaller, err := less(s.keys[j], keys[i])
		if err != nil {
			failed = err
			break
		}
		if smaller {
			s.items[out] = s.items[j]
			if s.keyed {
				s.keys[out] = s.keys[j]
			}
			j++
		} else {
			s.items[out] = items[i]
			if s.keyed {
				s.keys[out] = keys[i]
			}
			i++
		}
		out++
	}
	copy(s.items[out:j], items[i:])
	if s.keyed {
		copy(s.keys[out:j], keys[i:])
	}
	return failed
}
