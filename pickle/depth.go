package pickle

// checkDepth returns a LimitError if values are nested in v more deeply than limit. There are at most nodes values.
// Those that are in themselves count once.
func checkDepth(v any, limit, nodes int64) error {
	if nodes <= limit {
		return nil
	}
	// Nearly all graphs are trees but for strings. In a tree each value is looked at twice at most: where
	// it is, and for what is in it.
	type level struct {
		v     any
		depth int64
	}
	todo := []level{{v, 1}}
	for looks := 2 * nodes; looks > 0; {
		l := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		looks -= 1 + width(l.v)
		if l.depth > limit {
			break // perhaps only on a way through what is in itself
		}
		eachPart(l.v, func(part any) { todo = append(todo, level{part, l.depth + 1}) })
		if len(todo) == 0 {
			return nil
		}
	}
	return checkShared(v, limit)
}

// checkShared is checkDepth for any graph: depth first, and each value once.
func checkShared(v any, limit int64) error {
	type frame struct {
		v     any
		parts []any
		depth int64 // of what is in it, as far as it is known
	}
	const open = -1
	known := make(map[address]int64)
	stack := []frame{{parts: []any{v}}} // what v is in does not count
	for {
		top := &stack[len(stack)-1]
		if top.depth >= limit && len(stack) > 1 || top.depth > limit {
			return &LimitError{"Depth", limit}
		}
		if len(top.parts) == 0 {
			depth := top.depth + 1
			known[wordOf(top.v)] = depth
			if stack = stack[:len(stack)-1]; len(stack) == 0 {
				return nil
			}
			below := &stack[len(stack)-1]
			below.depth = max(below.depth, depth)
			continue
		}
		part := top.parts[len(top.parts)-1]
		top.parts = top.parts[:len(top.parts)-1]
		if depth, ok := known[wordOf(part)]; ok {
			top.depth = max(top.depth, depth)
			continue
		}
		f := frame{v: part}
		eachPart(part, func(p any) { f.parts = append(f.parts, p) })
		if f.parts == nil {
			known[wordOf(part)] = 1
			top.depth = max(top.depth, 1)
			continue
		}
		known[wordOf(part)] = open
		stack = append(stack, f)
	}
}

// width is how many values are in v itself.
func width(v any) int64 {
	switch v := v.(type) {
	case *Tuple:
		return int64(len(v.Items))
	case *List:
		return int64(len(v.Items))
	case *Dict:
		return 2 * int64(len(v.table.entries))
	case *Set:
		return int64(len(v.table.entries))
	case *Object:
		n := len(v.parts())
		for i := range v.After {
			n += len(v.After[i].parts())
		}
		return int64(n)
	}
	return 0
}

// eachPart calls f for each container in v itself, in any order.
func eachPart(v any, f func(any)) {
	each := func(v any) {
		switch v.(type) {
		case *Tuple, *List, *Dict, *Set, *Object, *Slice:
			f(v)
		}
	}
	switch v := v.(type) {
	case *Tuple:
		for _, item := range v.Items {
			each(item)
		}
	case *List:
		for _, item := range v.Items {
			each(item)
		}
	case *Slice:
		each(v.Start)
		each(v.Stop)
		each(v.Step)
	case *Dict:
		for i := range v.table.entries {
			each(v.table.entries[i].key)
			each(v.table.entries[i].value)
		}
	case *Set:
		for i := range v.table.entries {
			each(v.table.entries[i].key)
		}
	case *Object:
		for _, part := range v.parts() {
			each(part)
		}
		for i := range v.After {
			for _, part := range v.After[i].parts() {
				each(part)
			}
		}
	}
}
