package pickle

import (
	"encoding/binary"
	"io"
	"math"
)

// machine is the stack machine that a pickle is a program for, without the parts that would run anything.
type machine struct {
	data []byte
	pos  int
	base int64     // where data[0] is in the message
	src  io.Reader // where more data is, or nil

	op      byte
	opAt    int
	history uint32 // the last four opcodes
	proto   byte

	stack   []any
	high    int   // how high the stack was; all above is nil
	marks   []int // heights of the stack
	fence   int   // the last mark, or 0: no opcode reaches below it
	memo    memo
	modules map[string]string // names of modules in lines
	tables  []*table          // with keys that have an Object in them

	busy     bool   // between begin and end
	uncommon bool   // nothing is left to common, for tests
	small    bool   // the message is, and all its strings share one copy of it
	text     string // that copy, once there is a string
	textAt   int    // where in data it begins
	block    []byte // else: short strings share blocks

	texts  boxes[string]
	ints   boxes[int64]
	floats boxes[float64]

	reduce func(*Global, *Tuple) (any, bool, error)
	given  Limits // as the program gave them
	limits Limits // as they are
	nodes  int64  // how many more may be pushed
	memory int64  // how many more bytes may be used
	work   budget
	keys   comparer
}

// begin prepares for a message that begins at pos of data, and goes on in src if there is one.
func (m *machine) begin(data []byte, pos int, src io.Reader, d *Decoder) {
	if m.busy { // a hook has panicked
		m.end()
	}
	m.busy = true
	m.data, m.pos, m.base, m.src = data, pos, -int64(pos), src
	m.op, m.opAt, m.history, m.proto = 0, pos, 0, 0
	m.small = src == nil && len(data) <= smallMessage
	m.reduce = d.Reduce
	if d.Limits != m.given || m.limits.Nodes == 0 {
		m.given, m.limits = d.Limits, d.Limits.effective()
		m.work = budget{limit: m.limits.Work, name: "Work"}
	}
	m.nodes, m.memory, m.work.left = m.limits.Nodes, m.limits.Memory, m.limits.Work
}

// keep is how much memory a machine keeps for the next message, in values.
const keep = 4096

// end forgets the message.
func (m *machine) end() {
	m.cut(0)
	clear(m.stack[:m.high])
	m.high = 0
	m.marks, m.fence = m.marks[:0], 0
	if cap(m.stack) > keep {
		m.stack = nil
	}
	if cap(m.marks) > keep {
		m.marks = nil
	}
	m.memo.clear()
	clear(m.tables)
	m.tables = m.tables[:0]
	m.text, m.block, m.modules, m.reduce = "", nil, nil, nil
	m.texts, m.ints, m.floats = nil, nil, nil
	if m.src == nil {
		m.data = nil
	}
	m.keys = comparer{}
	m.busy = false
}

// run executes opcodes until STOP and returns what is on the stack then.
func (m *machine) run() (any, error) {
	if m.src == nil && int64(len(m.data)) > m.limits.Bytes {
		return nil, &LimitError{"Bytes", m.limits.Bytes}
	}
	for {
		if m.pos < len(m.data) && commonOps[m.data[m.pos]] && !m.uncommon {
			m.common()
		}
		if m.pos == len(m.data) {
			m.op, m.opAt = 0, m.pos
			if err := m.fill(1); err != nil {
				return nil, err
			}
		}
		op := m.data[m.pos]
		m.op, m.opAt = op, m.pos
		m.history = m.history<<8 | uint32(op)
		m.pos++

		var err error
		switch op {
		// Constants and numbers.
		case opNone:
			m.push(nil)
		case opNewtrue:
			m.push(true)
		case opNewfalse:
			m.push(false)
		case opBinint1:
			var b []byte
			if b, err = m.take(1); err == nil {
				m.push(int64(b[0]))
			}
		case opBinint2:
			var b []byte
			if b, err = m.take(2); err == nil {
				m.pushInt(int64(binary.LittleEndian.Uint16(b)))
			}
		case opBinint:
			var b []byte
			if b, err = m.take(4); err == nil {
				m.pushInt(int64(int32(binary.LittleEndian.Uint32(b))))
			}
		case opLong1:
			err = m.long(1)
		case opLong4:
			err = m.long(4)
		case opBinfloat:
			var b []byte
			if b, err = m.take(8); err == nil {
				m.push(m.boxFloat(math.Float64frombits(binary.BigEndian.Uint64(b))))
			}
		case opInt:
			err = m.decimalInt()
		case opLong:
			err = m.decimalLong()
		case opFloat:
			err = m.decimalFloat()

		// Strings.
		case opShortBinunicode:
			err = m.unicode(1)
		case opBinunicode:
			err = m.unicode(4)
		case opBinunicode8:
			err = m.unicode(8)
		case opUnicode:
			err = m.escapedUnicode()
		case opShortBinbytes:
			err = m.bytes(1)
		case opBinbytes:
			err = m.bytes(4)
		case opBinbytes8:
			err = m.bytes(8)
		case opBytearray8:
			err = m.bytearray()
		case opShortBinstring:
			err = m.oldString(1)
		case opBinstring:
			err = m.oldString(4)
		case opString:
			err = m.quotedString()
		case opNextBuffer, opReadonlyBuffer:
			err = ErrUnsupported

		// Containers.
		case opMark:
			m.marks = append(m.marks, len(m.stack))
			m.fence = len(m.stack)
			m.memory -= 16
		case opEmptyTuple:
			m.pushNew(&Tuple{}, 24)
		case opTuple1:
			err = m.tuple(len(m.stack) - 1)
		case opTuple2:
			err = m.tuple(len(m.stack) - 2)
		case opTuple3:
			err = m.tuple(len(m.stack) - 3)
		case opTuple:
			err = m.marked((*machine).tuple)
		case opEmptyList:
			m.pushNew(&List{}, 24)
		case opList:
			err = m.marked((*machine).list)
		case opAppend:
			err = m.extend(len(m.stack) - 1)
		case opAppends:
			err = m.marked((*machine).extend)
		case opEmptyDict:
			m.pushNew(&Dict{}, 96)
		case opDict:
			err = m.marked((*machine).dict)
		case opSetitem:
			err = m.setItems(len(m.stack) - 2)
		case opSetitems:
			err = m.marked((*machine).setItems)
		case opEmptySet:
			m.pushNew(&Set{}, 96)
		case opFrozenset:
			err = m.marked((*machine).frozenset)
		case opAdditems:
			err = m.marked((*machine).addItems)

		// The stack and the memo.
		case opPop:
			err = m.popOne()
		case opPopMark:
			err = m.marked((*machine).drop)
		case opDup:
			if err = m.need(1); err == nil {
				m.push(m.stack[len(m.stack)-1])
			}
		case opMemoize:
			err = m.put(uint64(m.memo.count))
		case opBinput:
			var b []byte
			if b, err = m.take(1); err == nil {
				err = m.put(uint64(b[0]))
			}
		case opLongBinput:
			var b []byte
			if b, err = m.take(4); err == nil {
				err = m.put(uint64(binary.LittleEndian.Uint32(b)))
			}
		case opPut:
			var n uint64
			if n, err = m.decimalIndex(); err == nil {
				err = m.put(n)
			}
		case opBinget:
			var b []byte
			if b, err = m.take(1); err == nil {
				err = m.get(uint64(b[0]))
			}
		case opLongBinget:
			var b []byte
			if b, err = m.take(4); err == nil {
				err = m.get(uint64(binary.LittleEndian.Uint32(b)))
			}
		case opGet:
			var n uint64
			if n, err = m.decimalIndex(); err == nil {
				err = m.get(n)
			}

		// Classes and their instances.
		case opGlobal:
			err = m.global()
		case opStackGlobal:
			err = m.stackGlobal()
		case opReduce:
			err = m.call()
		case opNewobj:
			err = m.newObject(false)
		case opNewobjEx:
			err = m.newObject(true)
		case opObj:
			err = m.marked((*machine).oldObject)
		case opInst:
			err = m.oldInstance()
		case opBuild:
			err = m.build()
		case opExt1:
			err = m.extension(1)
		case opExt2:
			err = m.extension(2)
		case opExt4:
			err = m.extension(4)
		case opPersid:
			err = m.persistentLine()
		case opBinpersid:
			err = m.persistent()

		// The message.
		case opProto:
			var b []byte
			if b, err = m.take(1); err == nil {
				if m.proto = b[0]; m.proto > HighestProtocol {
					err = syntaxError("the protocol is newer than 5")
				}
			}
		case opFrame:
			err = m.frame()
		case opStop:
			if err = m.need(1); err == nil {
				if m.base+int64(m.pos) > m.limits.Bytes { // they were all read at once
					return nil, &LimitError{"Bytes", m.limits.Bytes}
				}
				return m.stack[len(m.stack)-1], nil
			}
		default:
			err = syntaxError("there is no such opcode")
		}
		if err != nil {
			return nil, err
		}
		if m.nodes|m.memory < 0 {
			if m.nodes < 0 {
				return nil, &LimitError{"Nodes", m.limits.Nodes}
			}
			return nil, &LimitError{"Memory", m.limits.Memory}
		}
	}
}
