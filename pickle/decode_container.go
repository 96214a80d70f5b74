package pickle

// newTuple returns a tuple of a copy of items, mostly in one allocation.
func newTuple(items []any) *Tuple {
	switch len(items) {
	case 0:
		return &Tuple{}
	case 1:
		t := &struct {
			Tuple
			items [1]any
		}{items: [1]any(items)}
		t.Items = t.items[:]
		return &t.Tuple
	case 2:
		t := &struct {
			Tuple
			items [2]any
		}{items: [2]any(items)}
		t.Items = t.items[:]
		return &t.Tuple
	case 3:
		t := &struct {
			Tuple
			items [3]any
		}{items: [3]any(items)}
		t.Items = t.items[:]
		return &t.Tuple
	case 4:
		t := &struct {
			Tuple
			items [4]any
		}{items: [4]any(items)}
		t.Items = t.items[:]
		return &t.Tuple
	}
	return &Tuple{append([]any(nil), items...)}
}

// tuple makes a tuple of what is at and above a height.
func (m *machine) tuple(at int) error {
	if at < m.fence {
		return errStack
	}
	t := newTuple(m.stack[at:])
	m.cut(at)
	m.pushNew(t, 24+16*len(t.Items))
	return nil
}

func (m *machine) list(at int) error {
	l := &List{append([]any(nil), m.stack[at:]...)}
	m.cut(at)
	m.pushNew(l, 24+16*len(l.Items))
	return nil
}

// extend appends what is at and above a height to what is below it.
func (m *machine) extend(at int) error {
	if at <= m.fence {
		return errStack
	}
	items := m.stack[at:]
	if len(items) == 0 {
		return nil
	}
	switch to := m.stack[at-1].(type) {
	case *List:
		to.Items = append(to.Items, items...)
	case *Object:
		to.append(items)
	default:
		return syntaxError("APPEND to a " + TypeName(to))
	}
	m.memory -= 24 * int64(len(items))
	m.cut(at)
	return nil
}

func (m *machine) dict(at int) error {
	d := &Dict{}
	items := m.stack[at:]
	if err := m.fillDict(d, items); err != nil {
		return err
	}
	m.cut(at)
	m.pushNew(d, 96)
	return nil
}

// setItems sets the keys and values that are at and above a height in what is below it.
func (m *machine) setItems(at int) error {
	if at <= m.fence {
		return errStack
	}
	items := m.stack[at:]
	if len(items) == 0 {
		return nil
	}
	switch to := m.stack[at-1].(type) {
	case *Dict:
		if err := m.fillDict(to, items); err != nil {
			return err
		}
	case *Object:
		if len(items)%2 != 0 {
			return errOdd
		}
		to.set(items)
		m.memory -= 24 * int64(len(items))
	default:
		return syntaxError("SETITEM in a " + TypeName(to))
	}
	m.cut(at)
	return nil
}

const errOdd = syntaxError("a key has no value")

func (m *machine) fillDict(d *Dict, items []any) error {
	if len(items)%2 != 0 {
		return errOdd
	}
	t := &d.table
	if t.entries == nil {
		t.entries = make([]entry, 0, len(items)/2)
	}
	for i := 0; i < len(items); i += 2 {
		at, hash, err := m.find(t, items[i])
		switch {
		case err != nil:
			return err
		case at >= 0:
			t.entries[at].value = items[i+1]
		default:
			t.put(hash, items[i], items[i+1])
		}
	}
	m.memory -= 32 * int64(len(items))
	return nil
}

func (m *machine) frozenset(at int) error {
	s := &Set{frozen: true}
	if err := m.fillSet(s, m.stack[at:]); err != nil {
		return err
	}
	m.cut(at)
	m.pushNew(s, 96)
	return nil
}

// addItems adds what is at and above a height to what is below it.
func (m *machine) addItems(at int) error {
	if at <= m.fence {
		return errStack
	}
	items := m.stack[at:]
	if len(items) == 0 {
		return nil
	}
	switch to := m.stack[at-1].(type) {
	case *Set:
		if to.frozen {
			return syntaxError("ADDITEMS to a frozenset")
		}
		if err := m.fillSet(to, items); err != nil {
			return err
		}
	case *Object:
		to.add(items)
		m.memory -= 24 * int64(len(items))
	default:
		return syntaxError("ADDITEMS to a " + TypeName(to))
	}
	m.cut(at)
	return nil
}

func (m *machine) fillSet(s *Set, items []any) error {
	if s.table.entries == nil {
		s.table.entries = make([]entry, 0, len(items))
	}
	for _, item := range items {
		at, hash, err := m.find(&s.table, item)
		if err != nil {
			return err
		}
		if at < 0 {
			s.table.put(hash, item, nil)
		}
	}
	m.memory -= 64 * int64(len(items))
	return nil
}

// find is table.find, with a budget. Two Objects are one key only if they are identical: as a pickle has them they
// were different keys to Python, and their state may still be to come.
func (m *machine) find(t *table, key any) (int, uint64, error) {
	if s, ok := key.(string); ok {
		hash := hashText(tagText, s) | 1
		at, err := t.findHash(hash, key, &m.keys)
		return at, hash, errOr(err, m.work.spend(1+len(s)>>6))
	}
	h := hasher{budget: &m.work, identity: true}
	hash, err := h.hash(key)
	if err != nil {
		return -1, 0, err
	}
	if h.object && !t.provisional {
		t.provisional = true
		m.tables = append(m.tables, t)
	}
	m.keys = comparer{budget: &m.work, identity: true}
	hash |= 1
	at, err := t.findHash(hash, key, &m.keys)
	return at, hash, err
}

func errOr(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// settle ends a message: keys get their final hashes, and the depth is checked.
func (m *machine) settle(v any) error {
	for _, t := range m.tables {
		if err := t.settle(&m.work); err != nil {
			return err
		}
	}
	return checkDepth(v, m.limits.Depth, m.limits.Nodes-m.nodes)
}
