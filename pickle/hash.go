package pickle

import (
	"hash/maphash"
	"math"
	"math/big"
	"math/bits"
)

// maxDepth is how deep comparisons, hashes and reprs follow values in values: Python's recursion limit.
const maxDepth = 1000

// seeds are drawn once for a process, so that nobody outside can make keys that collide. Nothing that can be
// observed depends on them: dicts and sets keep the order of insertion.
var seeds = newSeeds()

type seedSet struct {
	text maphash.Seed
	a, b uint64
}

func newSeeds() seedSet {
	s := maphash.MakeSeed()
	return seedSet{s, maphash.String(s, "a"), maphash.String(s, "b") | 1}
}

// mix folds x into h.
func mix(h, x uint64) uint64 {
	hi, lo := bits.Mul64(h^x^seeds.a, seeds.b)
	return hi ^ lo
}

// What is never equal is hashed apart.
const (
	tagNone uint64 = (iota + 1) << 32
	tagNumber
	tagBig
	tagFloat
	tagComplex
	tagText
	tagBytes
	tagTuple
	tagSet
	tagSlice
	tagRange
	tagGlobal
	tagObject
	tagCustom
	tagList
	tagDict
)

// Hash returns the hash of v as a key: values that are Equal have the same hash, within one process. What Python
// cannot hash gives an *UnhashableError, what is nested too deeply or in itself a *DepthError.
func Hash(v any) (uint64, error) {
	var h hasher
	return h.hash(v)
}

// hasher hashes one key. Its zero value is ready.
type hasher struct {
	budget   *budget // nil: no end
	identity bool    // Objects are hashed by identity
	object   bool    // one was seen

	depth   int
	visited int
	memo    map[address]uint64 // of tuples and frozensets, once there are many: few of them may be shared often
}

// memoAfter is how many containers are hashed, or values compared, before what was found is kept. Nearly all keys have
// fewer.
const memoAfter = 64

func (h *hasher) hash(v any) (uint64, error) {
	if err := h.budget.spend(1); err != nil {
		return 0, err
	}
	switch v := v.(type) {
	case string:
		return hashText(tagText, v), h.budget.spend(len(v) >> 6)
	case int64:
		return mix(tagNumber, uint64(v)), nil
	case nil:
		return mix(tagNone, 0), nil
	case Bytes:
		return hashText(tagBytes, string(v)), h.budget.spend(len(v) >> 6)
	case *big.Int:
		return hashNumber(v), h.budget.spend(len(v.Bits()))
	case bool:
		return hashNumber(v), nil
	case *Tuple:
		return h.tuple(v, tagTuple, v.Items)
	case *Set:
		return h.set(v)
	case *Slice:
		return h.tuple(v, tagSlice, []any{v.Start, v.Stop, v.Step})
	case *Range:
		return hashRange(v), h.budget.spend(rangeWork(v))
	case *Global:
		return hashGlobal(v), h.budget.spend((len(v.Module) + len(v.Name)) >> 6)
	case *Object:
		h.object = true
		if h.identity {
			return hashIdentity(v), nil
		}
		var o outliner
		sum := o.outline(v, outlineDepth)
		return sum, h.budget.spend(o.visited)
	case Custom:
		return hashIdentity(v), nil
	}
	switch x := v.(type) { // apart, as v is the box that a nan is known by
	case float64:
		switch {
		case x != x:
			return hashIdentity(v), nil
		case math.Abs(x) >= 1<<63:
			return hashNumber(x), h.budget.spend(largeFloatWork)
		}
		return hashNumber(x), nil
	case complex128:
		if math.IsNaN(real(x)) || math.IsNaN(imag(x)) {
			return hashIdentity(v), nil
		}
		return hashNumber(x), h.budget.spend(largeFloatWork)
	}
	return 0, &UnhashableError{TypeName(v)}
}

func (h *hasher) tuple(v any, tag uint64, items []any) (sum uint64, err error) {
	if sum, err = h.enter(v); sum != 0 || err != nil {
		return sum, err
	}
	sum = mix(tag, uint64(len(items)))
	for _, item := range items {
		x, err := h.hash(item)
		if err != nil {
			return 0, err
		}
		sum = mix(sum, x)
	}
	return h.leave(v, sum), nil
}

// set hashes a frozenset, whose order does not count.
func (h *hasher) set(s *Set) (sum uint64, err error) {
	if !s.frozen {
		return 0, &UnhashableError{"set"}
	}
	if sum, err = h.enter(s); sum != 0 || err != nil {
		return sum, err
	}
	for item := range s.All() {
		x, err := h.hash(item)
		if err != nil {
			return 0, err
		}
		sum += mix(tagSet, x)
	}
	return h.leave(s, mix(tagSet, sum+uint64(s.Len()))), nil
}

// enter begins a container; it returns the sum if it is known.
func (h *hasher) enter(v any) (sum uint64, err error) {
	h.depth++
	h.visited++
	if h.depth > maxDepth {
		return 0, &DepthError{"while hashing"}
	}
	if h.visited < memoAfter {
		return 0, nil
	}
	if h.memo == nil {
		h.memo = make(map[address]uint64)
	}
	sum, ok := h.memo[wordOf(v)]
	switch {
	case !ok:
		h.memo[wordOf(v)] = 0
	case sum == 0: // begun and not ended: it is in itself
		return 0, &DepthError{"while hashing"}
	default:
		h.depth--
	}
	return sum, nil
}

// leave ends a container. A sum is never 0.
func (h *hasher) leave(v any, sum uint64) uint64 {
	h.depth--
	sum |= 1
	if h.memo != nil {
		h.memo[wordOf(v)] = sum
	}
	return sum
}

func hashText(tag uint64, s string) uint64 { return mix(tag, maphash.String(seeds.text, s)) }

func hashGlobal(g *Global) uint64 {
	return mix(hashText(tagGlobal, g.Module), maphash.String(seeds.text, g.Name))
}

func hashIdentity(v any) uint64 { return mix(tagCustom, uint64(uintptr(wordOf(v)))) }

// hashNumber hashes by value: 1, 1.0, True and 1+0j are one key.
func hashNumber(v any) uint64 {
	if i, ok := intOf(v); ok {
		return mix(tagNumber, uint64(i))
	}
	switch v := v.(type) {
	case *big.Int:
		sum := mix(tagBig, uint64(v.Sign()))
		for _, w := range v.Bits() {
			sum = mix(sum, uint64(w))
		}
		return sum
	case float64:
		if i, ok := integral(v); ok {
			return hashNumber(i)
		}
		return mix(tagFloat, math.Float64bits(v))
	case complex128:
		if imag(v) == 0 {
			return hashNumber(real(v))
		}
		return mix(mix(tagComplex, math.Float64bits(real(v)+0)), math.Float64bits(imag(v))) // +0: no negative zero
	}
	panic("pickle: not a number")
}

// What takes more time to hash than most: the int that a large float is, and the length of a range.
const largeFloatWork = 16

func rangeWork(r *Range) int {
	work := 16
	for _, v := range []any{r.Start, r.Stop, r.Step} {
		if b, ok := v.(*big.Int); ok {
			work += 2 * len(b.Bits())
		}
	}
	return work
}

// hashRange hashes what counts of a range: its length, its first int if there is one, its step if there are two.
func hashRange(r *Range) uint64 {
	n := r.length()
	sum := mix(tagRange, hashNumber(n))
	if n.Sign() > 0 {
		sum = mix(sum, hashNumber(r.Start))
	}
	if n.Cmp(big.NewInt(1)) > 0 {
		sum = mix(sum, hashNumber(r.Step))
	}
	return sum
}
