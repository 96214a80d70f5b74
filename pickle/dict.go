package pickle

import "iter"

// Dict is Python's dict: its items in the order in which their keys came, its keys compared and hashed as Python
// does. Reading it from several goroutines is safe while nobody changes it. The zero Dict is empty and ready.
//
// A key that cannot be hashed gives an *UnhashableError, one that is nested too deeply or in itself a *DepthError, and an
// Object that looks like a thousand others a *LimitError; nothing has changed then.
type Dict struct{ table table }

// NewDict returns an empty dict.
func NewDict() *Dict { return new(Dict) }

// Len returns the number of items.
func (d *Dict) Len() int { return d.table.len() }

// Get returns the value of key.
func (d *Dict) Get(key any) (value any, ok bool, err error) {
	i, _, err := d.table.find(key)
	if i < 0 || err != nil {
		return nil, false, err
	}
	return d.table.entries[i].value, true, nil
}

// Set sets the value of key. A key that is there keeps its place, and its own form: after 1, True is 1.
func (d *Dict) Set(key, value any) error {
	i, hash, err := d.table.find(key)
	switch {
	case err != nil:
		return err
	case i >= 0:
		d.table.entries[i].value = value
	default:
		d.table.put(hash, key, value)
	}
	return nil
}

// Delete removes key and returns the value that it had.
func (d *Dict) Delete(key any) (value any, ok bool, err error) {
	i, _, err := d.table.find(key)
	if i < 0 || err != nil {
		return nil, false, err
	}
	value = d.table.entries[i].value
	d.table.remove(i)
	return value, true, nil
}

// All yields the items in order. Items may be removed meanwhile; one that is added may be missed or not.
func (d *Dict) All() iter.Seq2[any, any] {
	return func(yield func(any, any) bool) {
		for i := d.table.next(0); i >= 0; i = d.table.next(i + 1) {
			if e := &d.table.entries[i]; !yield(e.key, e.value) {
				return
			}
		}
	}
}

// Last returns the item whose key came last.
func (d *Dict) Last() (key, value any, ok bool) {
	i := d.table.last()
	if i < 0 {
		return nil, nil, false
	}
	return d.table.entries[i].key, d.table.entries[i].value, true
}

// At returns the first item at or after a position, and the position behind it: a walk begins at 0 and ends when ok
// is false. The dict may change between the calls, as between the steps of an iterator of Python; as there, an item
// is then missed or met twice only if others were added.
func (d *Dict) At(pos int) (key, value any, next int, ok bool) {
	i := d.table.next(pos)
	if i < 0 {
		return nil, nil, pos, false
	}
	return d.table.entries[i].key, d.table.entries[i].value, i + 1, true
}

// Clear removes all items.
func (d *Dict) Clear() { d.table.clear() }

// Copy returns a dict with the same items: a shallow copy.
func (d *Dict) Copy() *Dict { return &Dict{d.table.copy()} }
