package pickle

// checkDepth returns a LimitError if values are nested in v more deeply than limit. There are at most nodes values.
// Those that are in themselves count once. Next to the depth of values it takes little memory.
func checkDepth(v any, limit, nodes int64) error {
	if nodes <= limit || !isContainer(v) {
		return nil
	}
	// Nearly all graphs are trees but for strings. In a tree each value is looked at twice at most: where
	// it is, and for what is in it.
	looks := 2 * nodes
	var stack []contents
	for next, ok := v, true; ; {
		switch {
		case !ok:
			stack = stack[:len(stack)-1]
		case int64(len(stack)) == limit || looks <= 0:
			return checkShared(v, limit) // perhaps deep only on a way through what is in itself
		default:
			c := contentsOf(next)
			looks -= 1 + int64(c.width())
			stack = append(stack, c)
		}
		if len(stack) == 0 {
			return nil
		}
		next, ok = stack[len(stack)-1].next()
	}
}

// checkShared is checkDepth for any graph: depth first, and each value once.
func checkShared(v any, limit int64) error {
	type frame struct {
		contents
		at    address
		depth int64 // of what is in it, as far as it is known
	}
	const open = -1
	known := make(map[address]int64)
	stack := []frame{{contents: contents{items: []any{v}}}} // what v is in does not count
	for {
		top := &stack[len(stack)-1]
		if top.depth >= limit && len(stack) > 1 || top.depth > limit {
			return &LimitError{"Depth", limit}
		}
		part, ok := top.next()
		if !ok {
			depth := top.depth + 1
			if depth > 1 || top.width() > indexAfter { // others can be looked at again
				known[top.at] = depth
			} else {
				delete(known, top.at)
			}
			if stack = stack[:len(stack)-1]; len(stack) == 0 {
				return nil
			}
			below := &stack[len(stack)-1]
			below.depth = max(below.depth, depth)
			continue
		}
		at := wordOf(part)
		if depth, ok := known[at]; ok {
			top.depth = max(top.depth, depth)
			continue
		}
		known[at] = open
		stack = append(stack, frame{contents: contentsOf(part), at: at})
	}
}

// contents goes through what is in a container itself.
type contents struct {
	items   []any
	entries []entry
	i       int
}

func isContainer(v any) bool {
	switch v.(type) {
	case *Tuple, *List, *Dict, *Set, *Object, *Slice:
		return true
	}
	return false
}

func contentsOf(v any) contents {
	switch v := v.(type) {
	case *Tuple:
		return contents{items: v.Items}
	case *List:
		return contents{items: v.Items}
	case *Slice:
		return contents{items: []any{v.Start, v.Stop, v.Step}}
	case *Dict:
		return contents{entries: v.table.entries}
	case *Set:
		return contents{entries: v.table.entries}
	case *Object:
		c := contents{items: v.parts()}
		for i := range v.After {
			c.items = append(c.items, v.After[i].parts()...)
		}
		return c
	}
	return contents{}
}

func (c *contents) width() int { return len(c.items) + 2*len(c.entries) }

// next returns the next container.
func (c *contents) next() (any, bool) {
	for c.i < c.width() {
		var v any
		switch i := c.i - len(c.items); {
		case i < 0:
			v = c.items[c.i]
		case i%2 == 0:
			v = c.entries[i/2].key
		default:
			v = c.entries[i/2].value
		}
		c.i++
		if isContainer(v) {
			return v, true
		}
	}
	return nil, false
}
