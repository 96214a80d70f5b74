package wire

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/multiproc-go/multiproc/pickle"
)

// KnownNames keeps the last names that a connection has used: most requests have one of them again.
type KnownNames struct {
	ident, last string // of the last request
	method      map[string]string
}

const (
	maxNames = 64 // methods that are kept, and the length of one
	maxArgs  = 4  // of a call that ScalarCall reads
)

const (
	opShortBinBytes = 'C'
	frameBytes      = 8
)

// ScalarCall reads a request whose arguments are None, bools, ints of 64 bits, floats, strings and
// bytes, at most four, without keyword arguments, as ParseCall does of what package pickle has decoded, in a third of the time. Kwargs
// is nil. If ok is false the request is something else, or nonsense, which package pickle will tell.
//
// Frames are skipped and what is memoized is not kept: a request that refers to it is not read here.
func (n *KnownNames) ScalarCall(msg []byte) (r Request, ok bool) {
	p := scanner{rest: msg}
	if p.op() != opProto {
		return r, false
	}
	if version := p.op(); version != 4 && version != 5 {
		return r, false
	}
	if len(p.rest) > frameBytes && p.rest[0] == opFrame {
		if body := p.rest[1+frameBytes:]; binary.LittleEndian.Uint64(p.rest[1:]) != uint64(len(body)) {
			return r, false
		}
		p.rest = p.rest[1+frameBytes:]
	}
	if p.op() != opMark {
		return r, false
	}
	ident, method := n.ident, []byte(nil)
	if !p.known(ident) {
		ident = string(p.name())
	}
	again := p.known(n.last)
	if !again {
		method = p.name()
	}
	if p.bad {
		return r, false
	}
	var items [maxArgs]any
	count := p.args(&items)
	if p.op() != opEmptyDict {
		return r, false
	}
	p.memoized()
	if p.op() != opTuple {
		return r, false
	}
	p.memoized()
	if p.op() != opStop || p.bad || len(p.rest) > 0 {
		return r, false
	}
	n.ident = ident
	if !again {
		n.last = n.name(method)
	}
	return Request{Ident: n.ident, Method: n.last, Args: tuple(items[:count])}, true
}

// tuple makes a tuple in one piece.
func tuple(items []any) *pickle.Tuple {
	switch len(items) {
	case 0:
		return new(pickle.Tuple)
	case 1:
		var t struct {
			pickle.Tuple
			items [1]any
		}
		t.items[0] = items[0]
		t.Items = t.items[:]
		return &t.Tuple
	case 2:
		var t struct {
			pickle.Tuple
			items [2]any
		}
		t.items = [2]any(items)
		t.Items = t.items[:]
		return &t.Tuple
	}
	return pickle.NewTuple(append([]any(nil), items...)...)
}

// name keeps the name of a method.
func (n *KnownNames) name(b []byte) string {
	if name, ok := n.method[string(b)]; ok {
		return name
	}
	name := string(b)
	if n.method == nil {
		n.method = make(map[string]string)
	}
	if len(n.method) < maxNames && len(name) < maxNames {
		n.method[name] = name
	}
	return name
}

// A scanner goes through a pickle. What it does not know makes it bad.
type scanner struct {
	rest []byte
	bad  bool
}

func (p *scanner) op() byte {
	if len(p.rest) == 0 {
		p.bad = true
		return 0
	}
	op := p.rest[0]
	p.rest = p.rest[1:]
	return op
}

// take returns the next n bytes.
func (p *scanner) take(n int) []byte {
	if n > len(p.rest) {
		p.bad = true
		return nil
	}
	b := p.rest[:n]
	p.rest = p.rest[n:]
	return b
}

// memoized skips that what was read before is memoized.
func (p *scanner) memoized() {
	if len(p.rest) > 0 && p.rest[0] == opMemoize {
		p.rest = p.rest[1:]
	}
}

// name reads a short string.
func (p *scanner) name() []byte {
	if p.op() != opShortBinUnicode {
		p.bad = true
		return nil
	}
	return p.text(int(p.op()))
}

// known reads a short string if it is s. Otherwise it reads nothing.
func (p *scanner) known(s string) bool {
	const head = 2
	if len(p.rest) < head+len(s) || p.rest[0] != opShortBinUnicode || int(p.rest[1]) != len(s) || string(p.rest[head:head+len(s)]) != s {
		return false
	}
	p.rest = p.rest[head+len(s):]
	p.memoized()
	return true
}

// text reads a string of n bytes. One that is no UTF-8, as of surrogates, is left to package pickle.
func (p *scanner) text(n int) []byte {
	b := p.take(n)
	if !utf8.Valid(b) {
		p.bad = true
	}
	p.memoized()
	return b
}

// args reads the tuple of arguments, and returns how many there are.
func (p *scanner) args(items *[maxArgs]any) (n int) {
	marked := len(p.rest) > 0 && p.rest[0] == opMark
	if marked {
		p.rest = p.rest[1:]
	}
	for !p.bad {
		op := p.op()
		size := -1
		switch op {
		case opEmptyTuple:
			if marked || n > 0 { // an argument
				p.bad = true
			}
			return 0
		case opTuple1, opTuple2, opTuple3:
			size = int(op-opTuple1) + 1
		case opTuple:
			size = n
		}
		if size >= 0 {
			if size != n || marked != (op == opTuple) {
				p.bad = true
			}
			p.memoized()
			return n
		}
		if n == maxArgs {
			p.bad = true
			return 0
		}
		items[n] = p.scalar(op)
		n++
	}
	return 0
}

// scalar reads the value that begins with op.
func (p *scanner) scalar(op byte) any {
	switch op {
	case opNone:
		return nil
	case opTrue:
		return true
	case opFalse:
		return false
	case opBinInt1:
		return int64(p.op())
	case opBinInt2:
		if b := p.take(2); b != nil {
			return int64(binary.LittleEndian.Uint16(b))
		}
	case opBinInt:
		if b := p.take(4); b != nil {
			return int64(int32(binary.LittleEndian.Uint32(b)))
		}
	case opLong1:
		return p.long()
	case opBinFloat:
		if b := p.take(8); b != nil {
			return math.Float64frombits(binary.BigEndian.Uint64(b))
		}
	case opShortBinUnicode:
		return string(p.text(int(p.op())))
	case opBinUnicode:
		if b := p.take(4); b != nil {
			if n := binary.LittleEndian.Uint32(b); n <= maxFastText {
				return string(p.text(int(n)))
			}
		}
	case opShortBinBytes:
		b := p.take(int(p.op()))
		p.memoized()
		return pickle.Bytes(b)
	}
	p.bad = true
	return nil
}

// long reads an int of up to 64 bits.
func (p *scanner) long() any {
	b := p.take(int(p.op()))
	if len(b) == 0 || len(b) > 8 {
		p.bad = true
		return nil
	}
	var n uint64
	if b[len(b)-1] >= 0x80 {
		n = math.MaxUint64
	}
	for i := len(b) - 1; i >= 0; i-- {
		n = n<<8 | uint64(b[i])
	}
	return int64(n)
}
