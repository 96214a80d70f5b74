package pickle_test

import (
	"testing"

	"github.com/multiproc-go/multiproc/pickle"
)

// deepInt is an int so deep in lists that an Object's hash does not tell it from others.
func deepInt(n int64) any {
	return pickle.NewList(pickle.NewList(pickle.NewList(pickle.NewList(n))))
}

// lookalikes returns frozensets that nest n levels deep. In each level are Objects that differ and have one hash, so that a
// key is compared with several, and each of these comparisons leads into the level below.
func lookalikes(t *testing.T, n int, order []int64, bottom int64) any {
	t.Helper()
	below := pickle.NewSet(true)
	_, err := below.Add(bottom)
	must(t, err)
	for range n {
		s := pickle.NewSet(true)
		for _, i := range order {
			_, err := s.Add(pickle.NewException("m", "C", below, deepInt(i)))
			must(t, err)
		}
		below = s
	}
	return below
}

// TestEqualSharedKeys: the ways through these values are exponentially many, and the time is not.
func TestEqualSharedKeys(t *testing.T) {
	const levels = 60
	a := lookalikes(t, levels, []int64{1, 2, 3}, 0)
	for _, c := range []struct {
		order  []int64
		bottom int64
		want   bool
	}{
		{[]int64{3, 2, 1}, 0, true},
		{[]int64{3, 2, 4}, 0, false},
		{[]int64{3, 2, 1}, 1, false},
	} {
		b := lookalikes(t, levels, c.order, c.bottom)
		for _, x := range [][2]any{{a, b}, {b, a}} {
			if equal, err := pickle.Equal(x[0], x[1]); equal != c.want || err != nil {
				t.Errorf("%v, %d: %v, %v", c.order, c.bottom, equal, err)
			}
			if less, err := pickle.Less(pickle.NewTuple(x[0], int64(1)), pickle.NewTuple(x[1], int64(2))); less != c.want || err != nil {
				t.Errorf("%v, %d: less: %v, %v", c.order, c.bottom, less, err)
			}
		}
	}
}
