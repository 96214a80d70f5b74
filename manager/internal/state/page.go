package state

import (
	"math"

	"github.com/multiproc-go/multiproc/pickle"
)

// pageBytes is about how much a page weighs: a dict or set that is smaller is one page.
const pageBytes = 1 << 20

// paged is an object whose content can be got in pages.
type paged interface {
	// version counts how often a key has come or gone.
	version() uint64
	// at is pickle.Dict.At, with what an item is in the result.
	at(pos int) (item []any, next int, ok bool)
}

func (d *dict) version() uint64 { return d.keys }

func (d *dict) at(pos int) ([]any, int, bool) {
	key, v, next, ok := d.At(pos)
	return []any{key, v}, next, ok
}

func (s *set) version() uint64 { return s.keys }

func (s *set) at(pos int) ([]any, int, bool) {
	v, next, ok := s.At(pos)
	return []any{v}, next, ok
}

// page is #page (position, version): (position of the next page or None, version, items one behind the other). The first page is (0, None). Positions
// mean something as long as no key comes or goes: otherwise an item would be missed, or met twice, and nobody would know.
func page(what string) func(c *call) (any, error) {
	return func(c *call) (any, error) {
		from := c.self.obj.(paged)
		pos, _, ok := integer(c.args[0])
		if !ok {
			return nil, notAnInteger(c.args[0])
		}
		version := int64(from.version())
		if c.args[1] != nil && c.args[1] != version {
			return nil, raise("RuntimeError", "%s changed size during iteration", what)
		}
		var w weight
		list := &pickle.List{}
		for w.bytes < pageBytes {
			item, next, ok := from.at(int(min(max(0, pos), math.MaxInt32)))
			if !ok {
				return pickle.NewTuple(nil, version, list), nil
			}
			w.bytes += entryBytes
			w.addAll(item)
			list.Items = append(list.Items, item...)
			pos = int64(next)
		}
		if _, _, more := from.at(int(pos)); !more {
			return pickle.NewTuple(nil, version, list), nil
		}
		return pickle.NewTuple(pos, version, list), nil
	}
}
