package pickle

// table is the hash table of Dict and Set, built as CPython's: the entries in order of insertion, and beside them an
// index from hashes to entries.
//
// Most dicts are small, and every request to a manager has an empty one: so a table without an index takes no more than 48
// bytes.
type table struct {
	entries []entry
	index   *index // nil while there are few entries
	live    uint32 // entries that are not dead
	first   uint32 // no entry before it is alive

	// provisional is set by the Decoder while a key has an Object in it, which may still change: until settle, such
	// a key has the hash of its identity.
	provisional bool
}

// index finds the entries by their hashes.
type index struct {
	slots  []uint32 // numbers of entries, counted from 1, or 0
	filled int      // slots that are not 0, and what is in overflow

	// overflow has the numbers of entries that are not in slots, since many others have the same hash. Only Objects
	// can be so: a pickled set may hold thousands of them that look alike.
	overflow map[uint64][]uint32
}

type entry struct {
	hash       uint64
	key, value any
}

const (
	dead       = 0    // the hash of an entry that was removed; no other has it
	indexAfter = 8    // so many entries are looked through one by one
	crowd      = 32   // so many entries with one hash are in the index
	mostAlike  = 1024 // so many others are looked through
)

// len returns how many entries are not dead.
func (t *table) len() int { return int(t.live) }

// hashKey returns the hash of a key in a table.
func hashKey(key any) (uint64, error) {
	if s, ok := key.(string); ok {
		return hashText(tagText, s) | 1, nil
	}
	var h hasher
	sum, err := h.hash(key)
	return sum | 1, err
}

// find returns the number of key's entry, or -1.
func (t *table) find(key any) (int, uint64, error) {
	hash, err := hashKey(key)
	if err != nil {
		return -1, 0, err
	}
	i, err := t.findHash(hash, key, nil)
	return i, hash, err
}

// findHash is find with the hash of key, and with the comparer in whose midst it is asked, or nil.
func (t *table) findHash(hash uint64, key any, c *comparer) (int, error) {
	if t.index == nil {
		return t.scan(hash, key, c)
	}
	slots := t.index.slots
	mask := uint64(len(slots) - 1)
	for slot := hash >> 1 & mask; slots[slot] != 0; slot = (slot + 1) & mask {
		i := int(slots[slot]) - 1
		if i >= len(t.entries) || t.entries[i].hash != hash {
			continue
		}
		if same, err := sameKey(t.entries[i].key, key, c); same || err != nil {
			return i, err
		}
	}
	if t.index.overflow == nil {
		return -1, nil
	}
	for looks, number := range t.index.overflow[hash] {
		i := int(number) - 1
		if i >= len(t.entries) || t.entries[i].hash != hash {
			continue
		}
		if looks >= mostAlike {
			return -1, &LimitError{"Work", mostAlike}
		}
		if same, err := sameKey(t.entries[i].key, key, c); same || err != nil {
			return i, err
		}
	}
	return -1, nil
}

func (t *table) scan(hash uint64, key any, c *comparer) (int, error) {
	for i := int(t.first); i < len(t.entries); i++ {
		if t.entries[i].hash != hash {
			continue
		}
		if same, err := sameKey(t.entries[i].key, key, c); same || err != nil {
			return i, err
		}
	}
	return -1, nil
}

// sameKey compares two keys whose hashes are equal.
func sameKey(a, b any, c *comparer) (bool, error) {
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		return ok && x == y, nil
	case int64:
		if y, ok := b.(int64); ok {
			return x == y, nil
		}
	}
	if c == nil {
		c = new(comparer)
	}
	return c.item(a, b)
}

// put adds an entry whose key findHash did not find.
func (t *table) put(hash uint64, key, value any) {
	if n := len(t.entries); n == cap(t.entries) && t.len() < n-n/4 {
		t.compact()
	}
	t.entries = append(t.entries, entry{hash, key, value})
	t.live++
	switch {
	case t.index == nil && len(t.entries) <= indexAfter:
	case t.index == nil || t.index.filled >= len(t.index.slots)/4*3:
		t.reindex()
	default:
		t.enter(hash, len(t.entries))
	}
}

// enter puts the entry with number n, counted from 1, into the index.
func (t *table) enter(hash uint64, n int) {
	x := t.index
	mask := uint64(len(x.slots) - 1)
	same := 0
	slot := hash >> 1 & mask
	for ; x.slots[slot] != 0; slot = (slot + 1) & mask {
		if i := int(x.slots[slot]) - 1; i < len(t.entries) && t.entries[i].hash == hash {
			if same++; same == crowd {
				if x.overflow == nil {
					x.overflow = make(map[uint64][]uint32)
				}
				x.overflow[hash] = append(x.overflow[hash], uint32(n))
				x.filled++
				return
			}
		}
	}
	x.slots[slot] = uint32(n)
	x.filled++
}

// reindex makes a new index for the entries that are there, with room for as many more.
func (t *table) reindex() {
	size := 32
	for size < 3*t.len() {
		size *= 2
	}
	if t.index != nil && size == len(t.index.slots) {
		clear(t.index.slots)
		*t.index = index{slots: t.index.slots}
	} else {
		t.index = &index{slots: make([]uint32, size)}
	}
	for i := range t.entries {
		if hash := t.entries[i].hash; hash != dead {
			t.enter(hash, i+1)
		}
	}
}

// compact drops the dead entries. Positions change.
func (t *table) compact() {
	kept := t.entries[:0]
	for _, e := range t.entries {
		if e.hash != dead {
			kept = append(kept, e)
		}
	}
	clear(t.entries[len(kept):])
	t.entries, t.first = kept, 0
	if t.index != nil {
		t.reindex()
	}
}

// remove removes the entry at i.
func (t *table) remove(i int) {
	if t.live == 1 {
		t.clear()
		return
	}
	t.entries[i] = entry{}
	t.live--
	for t.entries[t.first].hash == dead {
		t.first++
	}
	n := len(t.entries)
	for t.entries[n-1].hash == dead {
		n--
	}
	t.entries = t.entries[:n] // the index may know numbers beyond it; findHash minds
}

// clear removes all entries. A small table keeps its memory.
func (t *table) clear() {
	var kept []entry
	if cap(t.entries) <= 64 {
		clear(t.entries)
		kept = t.entries[:0]
	}
	*t = table{entries: kept, provisional: t.provisional}
}

// copy returns a copy without dead entries.
func (t *table) copy() table {
	c := table{entries: make([]entry, 0, t.len()), live: t.live}
	for i := range t.entries {
		if t.entries[i].hash != dead {
			c.entries = append(c.entries, t.entries[i])
		}
	}
	if t.provisional { // nobody else will settle the copy
		if err := c.settle(nil); err == nil {
			return c
		}
	}
	if t.index != nil {
		c.reindex()
	}
	return c
}

// next returns the number of the first live entry at or after i, or -1.
func (t *table) next(i int) int {
	for i = max(i, int(t.first)); i < len(t.entries); i++ {
		if t.entries[i].hash != dead {
			return i
		}
	}
	return -1
}

// last returns the number of the last live entry, or -1: remove leaves no dead one behind it.
func (t *table) last() int { return len(t.entries) - 1 }

// settle gives the keys their final hashes, once the Objects in them are complete.
func (t *table) settle(b *budget) error {
	t.provisional = false
	for i := range t.entries {
		if e := &t.entries[i]; e.hash != dead {
			h := hasher{budget: b}
			sum, err := h.hash(e.key)
			if err != nil {
				return err
			}
			e.hash = sum | 1
		}
	}
	if t.index != nil {
		t.reindex()
	}
	return nil
}
