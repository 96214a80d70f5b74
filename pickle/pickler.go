package pickle

import (
	"encoding/binary"
	"math"
	"math/big"
)

// pickler writes a graph as CPython's _pickle does, in the same order and with the same memo. What C does by
// recursion it does by a stack of tasks.
type pickler struct {
	out     []byte
	start   int // where the pickle begins in out
	proto   int
	limits  Limits
	tasks   []task
	level   int32 // of the task under way
	memo    names
	globals map[Global]int // numbers of classes: they are known by name
	customs map[boxed]any  // what a Custom is pickled as, by its identity

	interned interned
	frame    int // where the open frame begins in out, or closed, or off
}

const (
	closed = -1
	off    = math.MaxInt // no frames: the protocol has none

	frameMin    = 4
	frameTarget = 64 << 10
	frameHeader = 9
)

func (p *pickler) begin(dst []byte, protocol int, l Limits) {
	if len(p.tasks)+len(p.memo.list) > 0 { // a Custom has panicked
		p.end()
	}
	p.out, p.start, p.proto = dst, len(dst), protocol
	p.limits = l.effective()
	p.frame, p.level = off, 0
}

// end forgets the graph.
func (p *pickler) end() {
	p.out = nil
	clear(p.tasks) // those that an error left
	p.tasks = p.tasks[:0]
	if cap(p.tasks) > keep {
		p.tasks = nil
	}
	p.memo.clear()
	if len(p.globals) > keep {
		p.globals = nil
	}
	clear(p.globals)
	p.customs = nil
	clear(p.interned)
}

func (p *pickler) run(graph any) error {
	if p.proto >= 2 {
		p.out = append(p.out, opProto, byte(p.proto))
	}
	if p.proto >= 4 {
		p.frame = closed
	}
	if err := p.save(graph); err != nil {
		return err
	}
	for len(p.tasks) > 0 {
		if err := p.step(); err != nil {
			return err
		}
	}
	p.op(opStop)
	p.commit()
	return p.room(0)
}

// room returns an error if n bytes more are too many.
func (p *pickler) room(n int) error {
	if int64(len(p.out)-p.start) > p.limits.Output-int64(n) {
		return &LimitError{"Output", p.limits.Output}
	}
	return nil
}

// op writes an opcode.
func (p *pickler) op(op byte) {
	if p.frame < 0 {
		p.open()
	}
	p.out = append(p.out, op)
}

// open begins a frame. Its length is written when it is committed.
func (p *pickler) open() {
	p.frame = len(p.out)
	p.out = append(p.out, opFrame, 0, 0, 0, 0, 0, 0, 0, 0)
}

// commit ends the open frame. A very short one is no frame.
func (p *pickler) commit() {
	if p.frame == off || p.frame == closed {
		return
	}
	body := p.out[p.frame+frameHeader:]
	if len(body) >= frameMin {
		binary.LittleEndian.PutUint64(p.out[p.frame+1:], uint64(len(body)))
	} else {
		copy(p.out[p.frame:], body)
		p.out = p.out[:len(p.out)-frameHeader]
	}
	p.frame = closed
}

// payload writes an opcode, a length of size bytes, and data. What is large stands outside of frames.
func (p *pickler) payload(op byte, size int, data string) error {
	if err := p.room(len(data)); err != nil {
		return err
	}
	framed := p.frame
	if framed != off && len(data) >= frameTarget {
		p.commit()
		p.frame = off
	}
	p.op(op)
	p.number(uint64(len(data)), size)
	p.out = append(p.out, data...)
	if framed != off && p.frame == off {
		p.frame = closed
	}
	return nil
}

// number writes n in size bytes, little-endian.
func (p *pickler) number(n uint64, size int) {
	for ; size > 0; size-- {
		p.out = append(p.out, byte(n))
		n >>= 8
	}
}

// save writes v, or what comes first of it, and leaves tasks for the rest.
func (p *pickler) save(v any) error {
	if p.frame >= 0 && p.frame != off && len(p.out)-p.frame-frameHeader >= frameTarget {
		p.commit()
	}
	if err := p.room(0); err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
		p.op(opNone)
		return nil
	case string:
		return p.text(v)
	case int64:
		p.int(v)
		return nil
	case bool:
		p.bool(v)
		return nil
	case float64:
		p.float(v)
		return nil
	case *big.Int:
		if v == nil {
			return &EncodeError{Type: "int", Reason: "a nil *big.Int"}
		}
		return p.big(v)
	case Bytes:
		return p.bytes(v)
	case *Global:
		if v == nil {
			break
		}
		return p.global(v)
	case Custom:
		return p.custom(v)
	}
	key := name{wordOf(v), object}
	if key.at == nil {
		return &EncodeError{Type: goTypeName(v), Reason: "a nil pointer"}
	}
	if n, ok := p.memo.find(key); ok {
		p.get(n)
		return nil
	}
	return p.saveNew(v, key)
}

// saveNew is save for what has an identity, and was not written yet.
func (p *pickler) saveNew(v any, key name) error {
	level, tasks := p.level, len(p.tasks)
	if isContainer(v) {
		if err := p.enter(); err != nil {
			return err
		}
	}
	switch x := v.(type) {
	case *Tuple:
		p.tuple(x)
	case *List:
		p.list(x)
	case *Dict:
		p.dict(x)
	case *Set:
		p.set(x)
	case *ByteArray:
		return p.bytearray(x)
	case *Object:
		if err := p.object(x); err != nil {
			return err
		}
	case *Slice:
		p.reduce(key, builtin("slice"), x.Start, x.Stop, x.Step)
	case *Range:
		if _, _, _, ok := x.ints(); !ok {
			return &EncodeError{Type: "range", Reason: "its fields are not ints, or its step is 0"}
		}
		p.reduce(key, builtin("range"), x.Start, x.Stop, x.Step)
	case complex128: // known by its box
		p.reduce(key, builtin("complex"), real(x), imag(x))
	default:
		return &EncodeError{Type: goTypeName(v), Reason: "it is not a value of a graph; Marshal takes other Go values"}
	}
	if len(p.tasks) == tasks { // nothing is in it
		p.level = level
	}
	return nil
}

func builtin(name string) *Global { return &Global{builtins, name} }

// custom saves what a Custom stands for. It is asked once, so that the value keeps its identity.
func (p *pickler) custom(v Custom) error {
	key := identityOf(v)
	graph, ok := p.customs[key]
	if !ok {
		var err error
		if graph, err = v.PickleValue(); err != nil {
			return err
		}
		if p.customs == nil {
			p.customs = make(map[boxed]any)
		}
		p.customs[key] = graph
		if int64(len(p.customs)) > p.limits.Nodes {
			return &LimitError{"Nodes", p.limits.Nodes}
		}
	}
	p.push(task{kind: saveValue, v: graph})
	return nil
}

// memoize gives what was just written the next number of the memo, and key to find it by.
func (p *pickler) memoize(key name) {
	n := p.memo.add(key)
	switch {
	case p.proto >= 4:
		p.op(opMemoize)
	case p.proto == 0:
		p.line(opPut, n)
	case n < 256:
		p.out = append(p.out, opBinput, byte(n))
	default:
		p.out = append(p.out, opLongBinput)
		p.number(uint64(n), 4)
	}
}

// get writes a reference to number n of the memo.
func (p *pickler) get(n int) {
	switch {
	case p.proto == 0:
		p.line(opGet, n)
	case n < 256:
		p.op(opBinget)
		p.out = append(p.out, byte(n))
	default:
		p.op(opLongBinget)
		p.number(uint64(n), 4)
	}
}
