package pickle

import (
	"math"
)

// names is the encoder's memo: what has been written, by identity, with numbers that count up from 0.
type names struct {
	list  []name
	slots []uint32 // numbers, counted from 1, in an open hash table; empty while there are few
}

// name is the identity of an object: where it is, and of a string how long it is.
type name struct {
	at  address
	len int // of a str; ^len of bytes; or object
}

const (
	object    = math.MinInt
	nameless  = object + 1 // nothing refers to it
	namesScan = 8          // so many names are looked through one by one
)

// textName is the identity of a str. There is one empty str.
func textName(s string) name {
	if s == "" {
		return name{nil, 0}
	}
	return name{dataOf(s), len(s)}
}

func bytesName(b Bytes) name {
	if b == "" {
		return name{nil, ^0}
	}
	return name{dataOf(string(b)), ^len(b)}
}

func (m *names) find(key name) (int, bool) {
	if len(m.slots) == 0 {
		for i := range m.list {
			if m.list[i] == key {
				return i, true
			}
		}
		return 0, false
	}
	mask := uint64(len(m.slots) - 1)
	for slot := key.hash() & mask; m.slots[slot] != 0; slot = (slot + 1) & mask {
		if n := int(m.slots[slot]) - 1; m.list[n] == key {
			return n, true
		}
	}
	return 0, false
}

// add gives key the next number.
func (m *names) add(key name) int {
	m.list = append(m.list, key)
	switch n := len(m.list); {
	case n <= namesScan:
	case n > len(m.slots)/2:
		if size := max(64, 4*len(m.slots)); size <= cap(m.slots) {
			m.slots = m.slots[:size]
			clear(m.slots)
		} else {
			m.slots = make([]uint32, size)
		}
		for i := range m.list {
			m.enter(i)
		}
	default:
		m.enter(n - 1)
	}
	return len(m.list) - 1
}

func (m *names) enter(n int) {
	mask := uint64(len(m.slots) - 1)
	slot := m.list[n].hash() & mask
	for m.slots[slot] != 0 {
		slot = (slot + 1) & mask
	}
	m.slots[slot] = uint32(n + 1)
}

func (k name) hash() uint64 {
	h := (uint64(uintptr(k.at)) ^ uint64(k.len)*0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd
	return h ^ h>>32
}

// clear forgets all names.
func (m *names) clear() {
	clear(m.list)
	m.list, m.slots = m.list[:0], m.slots[:0]
	if cap(m.list) > keep {
		m.list, m.slots = nil, nil
	}
}

// interned are the strs that the encoder itself has to write and that a program mostly has as the same object: the str
// "builtins", with which classes are named, and in old protocols what bytes are written as, if that is one character,
// and "latin1". In CPython there is one of each. A graph knows their identity only where it has the str.
type interned map[string]internedText

type internedText struct {
	text string // the one object
	own  bool   // the encoder brought it up, so that its identity is not known from the graph
}

// fromGraph returns what to write for a str of the graph.
func (m interned) fromGraph(s string) string {
	switch known, ok := m[s]; {
	case !ok:
		m[s] = internedText{s, false}
	case known.own:
		return known.text
	}
	return s
}

// fromEncoder returns what to write for a str that is not from the graph.
func (m interned) fromEncoder(s string) string {
	known, ok := m[s]
	if !ok {
		known.text = s
	}
	m[s] = internedText{known.text, true}
	return known.text
}
