package pickle

// memo is the decoder's memo: values by numbers, which mostly count up from 0. A number may be anything below 2**63,
// and costs no more for being large.
type memo struct {
	near  []any
	far   map[uint64]any
	count int
}

// absent is in near under a number that has no value.
type absent struct{}

// gap is how many numbers may be skipped in near.
const gap = 16

func (m *memo) get(n uint64) (any, bool) {
	if n < uint64(len(m.near)) {
		if v := m.near[n]; v != any(absent{}) {
			return v, true
		}
	}
	v, ok := m.far[n]
	return v, ok
}

// plain reports whether all values are in near, without gaps: MEMOIZE appends one.
func (m *memo) plain() bool { return m.count == len(m.near) && m.far == nil }

// put returns how much memory it took, about.
func (m *memo) put(n uint64, v any) int64 {
	size := uint64(len(m.near))
	if n == size && m.far == nil {
		m.near = append(m.near, v)
		m.count++
		return 24
	}
	if _, known := m.get(n); !known {
		m.count++
	}
	if _, far := m.far[n]; !far && n < size+gap {
		for range n + 1 - min(n+1, size) {
			m.near = append(m.near, absent{})
		}
		m.near[n] = v
		return 24 * int64(1+uint64(len(m.near))-size)
	}
	if m.far == nil {
		m.far = make(map[uint64]any)
	}
	m.far[n] = v
	return 96
}

// clear forgets all values.
func (m *memo) clear() {
	clear(m.near)
	m.near, m.far, m.count = m.near[:0], nil, 0
	if cap(m.near) > keep {
		m.near = nil
	}
}
