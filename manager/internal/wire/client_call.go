package wire

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// Opcodes of what is written and read here without package pickle.
const (
	opMark            = '('
	opStop            = '.'
	opNone            = 'N'
	opEmptyTuple      = ')'
	opEmptyDict       = '}'
	opTuple           = 't'
	opTuple1          = 0x85
	opTuple2          = 0x86
	opTuple3          = 0x87
	opTrue            = 0x88
	opFalse           = 0x89
	opLong1           = 0x8a
	opBinInt          = 'J'
	opBinInt1         = 'K'
	opBinInt2         = 'M'
	opBinFloat        = 'G'
	opBinUnicode      = 'X'
	opShortBinUnicode = 0x8c
	opProto           = 0x80
	opFrame           = 0x95
	opMemoize         = 0x94

	maxFastText = 1 << 16 // what is longer takes its time anyway
)

// AppendCall appends the request (ident, method, args, {}), in protocol 4, if all args are
// of the most common kinds: None, bool, int64, float64 and strings. Otherwise it returns
// dst as it was, and false: package pickle knows the rest.
//
// There are no frames and nothing is put into the memo, neither of which a reader needs: a
// request of this kind is shorter than Python's, and faster to write and to read.
func AppendCall(dst []byte, ident, method string, args []any) ([]byte, bool) {
	if len(ident) > math.MaxUint8 || len(method) > math.MaxUint8 || !utf8.ValidString(ident) || !utf8.ValidString(method) {
		return dst, false
	}
	out := append(dst, opProto, 4, opMark, opShortBinUnicode, byte(len(ident)))
	out = append(out, ident...)
	out = append(out, opShortBinUnicode, byte(len(method)))
	out = append(out, method...)
	if len(args) > 3 {
		out = append(out, opMark)
	}
	for _, arg := range args {
		var ok bool
		if out, ok = appendScalar(out, arg); !ok {
			return dst, false
		}
	}
	switch len(args) {
	case 0:
		out = append(out, opEmptyTuple)
	case 1:
		out = append(out, opTuple1)
	case 2:
		out = append(out, opTuple2)
	case 3:
		out = append(out, opTuple3)
	default:
		out = append(out, opTuple)
	}
	return append(out, opEmptyDict, opTuple, opStop), true
}

func appendScalar(dst []byte, v any) ([]byte, bool) {
	switch v := v.(type) {
	case nil:
		return append(dst, opNone), true
	case bool:
		if v {
			return append(dst, opTrue), true
		}
		return append(dst, opFalse), true
	case int64:
		return appendInt(dst, v), true
	case float64:
		return binary.BigEndian.AppendUint64(append(dst, opBinFloat), math.Float64bits(v)), true
	case string:
		switch {
		case len(v) > maxFastText || !utf8.ValidString(v):
			return dst, false
		case len(v) <= math.MaxUint8:
			dst = append(dst, opShortBinUnicode, byte(len(v)))
		default:
			dst = binary.LittleEndian.AppendUint32(append(dst, opBinUnicode), uint32(len(v)))
		}
		return append(dst, v...), true
	}
	return dst, false
}

func appendInt(dst []byte, n int64) []byte {
	switch {
	case 0 <= n && n <= math.MaxUint8:
		return append(dst, opBinInt1, byte(n))
	case 0 <= n && n <= math.MaxUint16:
		return binary.LittleEndian.AppendUint16(append(dst, opBinInt2), uint16(n))
	case n == int64(int32(n)):
		return binary.LittleEndian.AppendUint32(append(dst, opBinInt), uint32(n))
	}
	return binary.LittleEndian.AppendUint64(append(dst, opLong1, 8), uint64(n))
}
