package state

import (
	"slices"

	"github.com/multiproc-go/multiproc/pickle"
)

// repeated returns the items so many times over, or an error if they are too many.
func (c *call) repeated(times any) ([]any, error) {
	n, err := indexSized(times, "OverflowError")
	items := c.list().Items
	if err != nil || n <= 0 || len(items) == 0 {
		return nil, err
	}
	if limit := c.s.options.MaxObjectBytes; n > limit/slotBytes/int64(len(items)) {
		return nil, memoryError("the bytes of a result", limit)
	}
	return slices.Repeat(items, int(n)), nil
}

func listRepeat(c *call) (any, error) {
	items, err := c.repeated(c.args[0])
	return &pickle.List{Items: items}, err
}

func listRepeatInPlace(c *call) (any, error) {
	l := c.list()
	before := len(l.Items)
	items, err := c.repeated(c.args[0])
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		if err := c.empty(); err != nil {
			return nil, err
		}
		l.Items = nil
		return &l.List, nil
	}
	var once weight
	once.addAll(l.Items)
	more := int64(len(items)/before - 1)
	if more > 0 && once.bytes > unlimited/more {
		return nil, memoryError("the bytes of an object", c.s.options.MaxObjectBytes)
	}
	add := weight{bytes: once.bytes * more}
	if err := c.s.room(c.self, add.bytes); err != nil {
		return nil, err
	}
	for range more {
		add.proxies = append(add.proxies, once.proxies...)
	}
	if err := c.change(add, weight{}); err != nil {
		return nil, err
	}
	l.Items = items
	return &l.List, nil
}
