package state

import (
	"slices"

	"github.com/multiproc-go/multiproc/pickle"
)

func listGetSlice(l *list, s *pickle.Slice) (any, error) {
	p, err := spanOf(s, len(l.Items))
	if err != nil {
		return nil, err
	}
	return &pickle.List{Items: pick(l.Items, p)}, nil
}

// pick returns the items that a span names; mostly they are not copied.
func pick(items []any, p span) []any {
	if p.step == 1 {
		return items[p.start : p.start+p.n]
	}
	picked := make([]any, p.n)
	for i := range picked {
		picked[i] = items[p.start+int64(i)*p.step]
	}
	return picked
}

func listDeleteSlice(c *call, s *pickle.Slice) error {
	l := c.list()
	p, err := spanOf(s, len(l.Items))
	if err != nil || p.n == 0 {
		return err
	}
	var drop weight
	drop.addAll(pick(l.Items, p))
	if err := c.change(weight{}, drop); err != nil {
		return err
	}
	p = p.forwards()
	kept := l.Items[:p.start]
	for i, item := range l.Items[p.start:] {
		if i := int64(i); i%p.step != 0 || i/p.step >= p.n {
			kept = append(kept, item)
		}
	}
	clear(l.Items[len(kept):])
	l.Items = kept
	l.shrink()
	return nil
}

// forwards returns the same positions from the first to the last.
func (p span) forwards() span {
	if p.step > 0 || p.n == 0 {
		return p
	}
	return span{start: p.start + (p.n-1)*p.step, stop: p.start + 1, step: -p.step, n: p.n}
}

func listSetSlice(c *call, s *pickle.Slice, v any) error {
	l := c.list()
	p, err := spanOf(s, len(l.Items))
	if err != nil {
		return err
	}
	if !c.isIterable(v) {
		return typeError("must assign iterable to extended slice") // of any slice
	}
	items, err := c.iterate(v)
	if err != nil {
		return err
	}
	if p.step == 1 {
		return c.replace(p, items)
	}
	if int64(len(items)) != p.n {
		return valueError("attempt to assign sequence of size %d to extended slice of size %d", len(items), p.n)
	}
	add, err := c.weighAll(items)
	if err != nil {
		return err
	}
	var drop weight
	drop.addAll(pick(l.Items, p))
	if err := c.change(add, drop); err != nil {
		return err
	}
	items = slices.Clone(items) // it may be the list itself
	for i, item := range items {
		l.Items[p.start+int64(i)*p.step] = item
	}
	return nil
}

// replace puts items in the place of those that a span of step 1 names.
func (c *call) replace(p span, items []any) error {
	l := c.list()
	add, err := c.weighAll(items)
	if err != nil {
		return err
	}
	var drop weight
	drop.addAll(l.Items[p.start : p.start+p.n])
	if err := c.change(add, drop); err != nil {
		return err
	}
	l.Items = slices.Replace(l.Items, int(p.start), int(p.start+p.n), slices.Clone(items)...)
	l.shrink()
	return nil
}
