package pickle

import (
	"encoding/binary"
	"math"
)

const (
	// commonItems is how many items a tuple may have that common makes.
	commonItems = 64
	// commonMemory is more than common takes of the Memory before it looks again: such a tuple, in the memo.
	commonMemory = 2048
)

// commonOps are the opcodes that nearly all messages consist of for the most part.
var commonOps = [256]bool{
	opProto: true, opFrame: true, opMark: true, opMemoize: true, opBinput: true, opBinget: true,
	opNone: true, opNewtrue: true, opNewfalse: true, opBinint1: true, opBinint2: true, opBinint: true, opBinfloat: true,
	opShortBinunicode: true, opEmptyTuple: true, opTuple1: true, opTuple2: true, opTuple3: true, opTuple: true,
	opEmptyList: true, opEmptyDict: true,
}

// common executes opcodes as run does, and faster, as long as they are common ones and nothing is unusual about them. It
// ends in front of the first of which that is not sure, and has done nothing of it: run does it then, or tells what is
// wrong. So no error is found here, and no limit reached: what might be near to one is left to run.
//
// It is faster as the place and the stack are in local variables, which no call can change, and as most of what is
// pushed is memoized at once, without another turn.
func (m *machine) common() {
	data, pos, stack, history := m.data, m.pos, m.stack, m.history
loop:
	for pos < len(data) && m.nodes > 0 && m.memory > commonMemory {
		op := data[pos]
		next := pos + 1
		switch op {
		case opNone:
			stack = append(stack, nil)
		case opNewtrue:
			stack = append(stack, true)
		case opNewfalse:
			stack = append(stack, false)
		case opBinint1:
			if next == len(data) {
				break loop
			}
			stack = append(stack, int64(data[next]))
			next++
		case opBinint2:
			if len(data)-next < 2 {
				break loop
			}
			stack = append(stack, m.boxInt(int64(binary.LittleEndian.Uint16(data[next:]))))
			m.memory -= 8
			next += 2
		case opBinint:
			if len(data)-next < 4 {
				break loop
			}
			stack = append(stack, m.boxInt(int64(int32(binary.LittleEndian.Uint32(data[next:])))))
			m.memory -= 8
			next += 4
		case opBinfloat:
			if len(data)-next < 8 {
				break loop
			}
			stack = append(stack, m.boxFloat(math.Float64frombits(binary.BigEndian.Uint64(data[next:]))))
			next += 8
		case opShortBinunicode:
			if next == len(data) {
				break loop
			}
			from := next + 1
			next = from + int(data[next])
			if from == next || next > len(data) || !asciiIn(data, from, next) {
				break loop
			}
			var s string
			switch {
			case m.small:
				s = m.shareText(from, next)
			case next-from <= shortString:
				s = m.copyText(data[from:next])
			default:
				break loop
			}
			stack = append(stack, m.boxText(s))
			m.memory -= 16

		case opMark:
			m.marks = append(m.marks, len(stack))
			m.fence = len(stack)
			m.memory -= 16
			history = history<<8 | uint32(op)
			pos = next
			continue // nothing was pushed
		case opTuple, opTuple1, opTuple2, opTuple3:
			at := len(stack) - int(op-opTuple1) - 1
			if op == opTuple {
				if len(m.marks) == 0 {
					break loop
				}
				at = m.fence
			}
			if at < m.fence || len(stack)-at > commonItems {
				break loop
			}
			if op == opTuple {
				m.unmark()
			}
			t := newTuple(stack[at:])
			m.memory -= 24 + 16*int64(len(t.Items))
			m.high = max(m.high, len(stack))
			stack = append(stack[:at], t)
		case opEmptyTuple:
			stack = append(stack, &Tuple{})
			m.memory -= 24
		case opEmptyList:
			stack = append(stack, &List{})
			m.memory -= 24
		case opEmptyDict:
			stack = append(stack, &Dict{})
			m.memory -= 96

		case opMemoize, opBinput:
			n := m.memo.count
			if op == opBinput {
				if next == len(data) {
					break loop
				}
				n = int(data[next])
				next++
			}
			if len(stack) == m.fence || n != len(m.memo.near) || !m.memo.plain() {
				break loop
			}
			m.memo.near = append(m.memo.near, stack[len(stack)-1])
			m.memo.count++
			m.memory -= 24
			history = history<<8 | uint32(op)
			pos = next
			continue // nothing was pushed
		case opBinget:
			if next == len(data) || int(data[next]) >= len(m.memo.near) {
				break loop
			}
			v := m.memo.near[data[next]]
			if v == any(absent{}) {
				break loop
			}
			stack = append(stack, v)
			next++

		case opProto:
			if next == len(data) || data[next] > HighestProtocol {
				break loop
			}
			m.proto = data[next]
			history = history<<8 | uint32(op)
			pos = next + 1
			continue
		case opFrame:
			if len(data)-next < 8 {
				break loop
			}
			if n := binary.LittleEndian.Uint64(data[next:]); n > uint64(len(data)-next-8) || n > uint64(m.limits.Bytes) {
				break loop
			}
			history = history<<8 | uint32(op)
			pos = next + 8
			continue
		default:
			break loop
		}
		m.nodes--
		m.memory -= 16
		history = history<<8 | uint32(op)
		pos = next
		if pos < len(data) && data[pos] == opMemoize && m.memo.plain() {
			m.memo.near = append(m.memo.near, stack[len(stack)-1])
			m.memo.count++
			m.memory -= 24
			history = history<<8 | opMemoize
			pos++
		}
	}
	m.pos, m.stack, m.history = pos, stack, history
}

// asciiIn reports whether data[from:to] is ASCII.
func asciiIn(data []byte, from, to int) bool {
	const high = 0x8080808080808080
	for ; to-from >= 8; from += 8 {
		if binary.LittleEndian.Uint64(data[from:])&high != 0 {
			return false
		}
	}
	if len(data)-from >= 8 { // what is behind it is shifted out
		return binary.LittleEndian.Uint64(data[from:])<<(8*(8-(to-from))&63)&high == 0 || from == to
	}
	return isASCII(data[from:to])
}
