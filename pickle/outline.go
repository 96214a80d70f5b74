package pickle

import "math/big"

// An Object is hashed by its outline: what stands near the top of its recipe. It may hold lists, and it may be in
// itself; the outline has an end all the same, and equal Objects have equal outlines.
const (
	outlineDepth = 3   // values in values
	outlineItems = 16  // of one container
	outlineBytes = 256 // of one string
)

// outliner makes one outline.
type outliner struct {
	visited int // values
}

func (o *outliner) outline(v any, depth int) uint64 {
	o.visited++
	switch v := v.(type) {
	case string:
		return outlineText(tagText, v)
	case Bytes:
		return outlineText(tagBytes, string(v))
	case *ByteArray: // equal to bytes
		return outlineText(tagBytes, string(v.Data[:min(len(v.Data), outlineBytes+1)]))
	case *big.Int:
		if len(v.Bits()) > outlineBytes/8 { // larger than any float
			return mix(tagBig, uint64(v.Bits()[0]))
		}
	case *Tuple:
		return o.items(tagTuple, v.Items, depth)
	case *List:
		return o.items(tagList, v.Items, depth)
	case *Slice:
		return o.items(tagSlice, []any{v.Start, v.Stop, v.Step}, depth)
	case *Dict:
		return o.table(tagDict, &v.table, depth)
	case *Set:
		return o.table(tagSet, &v.table, depth)
	case *Object:
		return o.object(v, depth)
	}
	var h hasher
	sum, _ := h.hash(v) // what has no hash here is never equal to anything else
	return sum
}

func outlineText(tag uint64, s string) uint64 {
	if len(s) > outlineBytes {
		s = s[:outlineBytes]
		tag++
	}
	return hashText(tag, s)
}

func (o *outliner) items(tag uint64, items []any, depth int) uint64 {
	sum := mix(tag, uint64(len(items)))
	if depth > 0 {
		for _, item := range items[:min(len(items), outlineItems)] {
			sum = mix(sum, o.outline(item, depth-1))
		}
	}
	return sum
}

// table takes all of a small table, as the order does not count, and nothing of a large one.
func (o *outliner) table(tag uint64, t *table, depth int) uint64 {
	sum := uint64(t.live)
	if depth > 0 && t.live <= outlineItems {
		for i := range t.entries {
			if e := &t.entries[i]; e.hash != dead {
				sum += mix(mix(tag, o.outline(e.key, depth-1)), o.outline(e.value, depth-1))
			}
		}
	}
	return mix(tag, sum)
}

func (o *outliner) object(v *Object, depth int) uint64 {
	sum := mix(tagObject, uint64(v.How))
	if depth == 0 {
		return sum
	}
	sum = mix(sum, o.outline(v.Callable, depth-1))
	if v.Args != nil {
		sum = mix(sum, o.outline(v.Args, depth-1))
	}
	if v.HasState {
		sum = mix(sum, o.outline(v.State, depth-1))
	}
	sum = o.items(sum, v.Items, depth-1)
	for _, p := range v.Pairs[:min(len(v.Pairs), outlineItems)] {
		sum = mix(mix(sum, o.outline(p.Key, depth-1)), o.outline(p.Value, depth-1))
	}
	return sum
}
