package wire

import (
	"encoding/binary"
	"math"
	"strings"
	"unicode/utf8"
)

const returned = "\x8c\x07#RETURN"

// ReplyScalar returns the result of a reply ('#RETURN', result) if the result is of the most
// common kinds: None, bool, a small int, float, or a short string. If ok is false the
// reply is something else, or nonsense, which package pickle will tell.
func ReplyScalar(msg []byte) (result any, ok bool) {
	rest, ok := cutReturned(msg)
	if !ok || len(rest) == 0 {
		return nil, false
	}
	op, rest := rest[0], rest[1:]
	switch op {
	case opNone:
	case opTrue:
		result = true
	case opFalse:
		result = false
	case opBinInt1:
		if len(rest) < 1 {
			return nil, false
		}
		result, rest = int64(rest[0]), rest[1:]
	case opBinInt2:
		if len(rest) < 2 {
			return nil, false
		}
		result, rest = int64(binary.LittleEndian.Uint16(rest)), rest[2:]
	case opBinInt:
		if len(rest) < 4 {
			return nil, false
		}
		result, rest = int64(int32(binary.LittleEndian.Uint32(rest))), rest[4:]
	case opBinFloat:
		if len(rest) < 8 {
			return nil, false
		}
		result, rest = math.Float64frombits(binary.BigEndian.Uint64(rest)), rest[8:]
	case opShortBinUnicode:
		if len(rest) < 1 || len(rest) < 1+int(rest[0]) {
			return nil, false
		}
		text := rest[1 : 1+int(rest[0])]
		if !utf8.Valid(text) { // a lone surrogate, it may be
			return nil, false
		}
		result, rest = string(text), skipMemoize(rest[1+len(text):])
	default:
		return nil, false
	}
	if len(rest) == 0 || rest[0] != opTuple2 {
		return nil, false
	}
	rest = skipMemoize(rest[1:])
	return result, len(rest) == 1 && rest[0] == opStop
}

// cutReturned returns what follows the kind in a reply of protocol 4 or 5 that is a #RETURN.
func cutReturned(msg []byte) (rest []byte, ok bool) {
	if len(msg) < 2 || msg[0] != opProto || msg[1] < 4 || msg[1] > 5 {
		return nil, false
	}
	rest = msg[2:]
	if len(rest) >= 9 && rest[0] == opFrame {
		if binary.LittleEndian.Uint64(rest[1:]) != uint64(len(rest)-9) {
			return nil, false
		}
		rest = rest[9:]
	}
	if len(rest) < len(returned) || string(rest[:len(returned)]) != returned {
		return nil, false
	}
	return skipMemoize(rest[len(returned):]), true
}

// IsOurTraceback reports whether a traceback is from a server of ours: CPython's names the files of
// the server, and ours has no such lines.
func IsOurTraceback(text string) bool { return !strings.Contains(text, "\n  File \"") }

func skipMemoize(b []byte) []byte {
	if len(b) > 0 && b[0] == opMemoize {
		return b[1:]
	}
	return b
}
