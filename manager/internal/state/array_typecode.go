package state

import (
	"encoding/binary"
	"math"
	"math/big"
	"unicode/utf8"

	"github.com/multiproc-go/multiproc/pickle"
)

// typecode is the type of an array's items, as on 64-bit Linux. put stores nothing if there is an error.
type typecode struct {
	name string
	size int
	text bool
	get  func(from []byte) any
	put  func(to []byte, v any) error
}

// typecodeOf returns the type with a name, or nil. Two calls with one name return one pointer.
func typecodeOf(name string) *typecode {
	for i := range typecodes {
		if typecodes[i].name == name {
			return &typecodes[i]
		}
	}
	return nil
}

// typecodes is constant.
var typecodes = [...]typecode{
	{"b", 1, false, getInt8, putInt8},
	{"B", 1, false, getUint8, putUint8},
	{"u", 4, true, getRune, putRune},
	{"w", 4, true, getRune, putRune},
	{"h", 2, false, getInt16, putInt16},
	{"H", 2, false, getUint16, putUint16},
	{"i", 4, false, getInt32, putInt32},
	{"I", 4, false, getUint32, putUint32},
	{"l", 8, false, getInt64, putLong},
	{"L", 8, false, getUint64, putUnsignedLong},
	{"q", 8, false, getInt64, putLongLong},
	{"Q", 8, false, getUint64, putUnsignedLongLong},
	{"f", 4, false, getFloat32, putFloat32},
	{"d", 8, false, getFloat64, putFloat64},
}

func getInt8(from []byte) any   { return int64(int8(from[0])) }
func getUint8(from []byte) any  { return int64(from[0]) }
func getInt16(from []byte) any  { return int64(int16(binary.LittleEndian.Uint16(from))) }
func getUint16(from []byte) any { return int64(binary.LittleEndian.Uint16(from)) }
func getInt32(from []byte) any  { return int64(int32(binary.LittleEndian.Uint32(from))) }
func getUint32(from []byte) any { return int64(binary.LittleEndian.Uint32(from)) }
func getInt64(from []byte) any  { return int64(binary.LittleEndian.Uint64(from)) }
func getUint64(from []byte) any {
	return pickle.Int(new(big.Int).SetUint64(binary.LittleEndian.Uint64(from)))
}
func getFloat32(from []byte) any {
	return float64(math.Float32frombits(binary.LittleEndian.Uint32(from)))
}
func getFloat64(from []byte) any { return math.Float64frombits(binary.LittleEndian.Uint64(from)) }
func getRune(from []byte) any    { return string(appendCodePoint(nil, binary.LittleEndian.Uint32(from))) }

// The errors are those of PyArg_Parse with the formats that array uses, and of its own checks after that.

// parseInt parses an int for a type that C has in an int or a smaller type.
func parseInt(v any, name string, lowest, highest int64) (int64, error) {
	n, beyond, ok := integer(v)
	switch {
	case !ok:
		return 0, notAnInteger(v)
	case beyond != 0:
		return 0, raise("OverflowError", "Python int too large to convert to C long")
	}
	return n, between(n, name, lowest, highest)
}

func between(n int64, name string, lowest, highest int64) error {
	switch {
	case n < lowest:
		return raise("OverflowError", "%s is less than minimum", name)
	case n > highest:
		return raise("OverflowError", "%s is greater than maximum", name)
	}
	return nil
}

func putInt8(to []byte, v any) error {
	n, err := parseInt(v, "signed short integer", math.MinInt16, math.MaxInt16)
	if err == nil {
		err = between(n, "signed char", math.MinInt8, math.MaxInt8)
	}
	if err == nil {
		to[0] = byte(n)
	}
	return err
}

func putUint8(to []byte, v any) error {
	n, err := parseInt(v, "unsigned byte integer", 0, math.MaxUint8)
	if err == nil {
		to[0] = byte(n)
	}
	return err
}

func putInt16(to []byte, v any) error {
	n, err := parseInt(v, "signed short integer", math.MinInt16, math.MaxInt16)
	if err == nil {
		binary.LittleEndian.PutUint16(to, uint16(n))
	}
	return err
}

func putUint16(to []byte, v any) error {
	n, err := parseInt(v, "signed integer", math.MinInt32, math.MaxInt32)
	if err == nil {
		err = between(n, "unsigned short", 0, math.MaxUint16)
	}
	if err == nil {
		binary.LittleEndian.PutUint16(to, uint16(n))
	}
	return err
}

func putInt32(to []byte, v any) error {
	n, err := parseInt(v, "signed integer", math.MinInt32, math.MaxInt32)
	if err == nil {
		binary.LittleEndian.PutUint32(to, uint32(n))
	}
	return err
}

// parseUnsigned parses an int for a type that C has in an unsigned long.
func parseUnsigned(v any, negative, tooLarge string) (uint64, error) {
	b, ok := bigOf(v)
	switch {
	case !ok:
		return 0, notAnInteger(v)
	case b.Sign() < 0:
		return 0, raise("OverflowError", "%s", negative)
	case !b.IsUint64():
		return 0, raise("OverflowError", "%s", tooLarge)
	}
	return b.Uint64(), nil
}

const (
	noNegative = "can't convert negative value to unsigned int"
	noSuchLong = "Python int too large to convert to C unsigned long"
	tooBig     = "int too big to convert"
)

func putUint32(to []byte, v any) error {
	n, err := parseUnsigned(v, noNegative, noSuchLong)
	if err == nil && n > math.MaxUint32 {
		err = raise("OverflowError", "unsigned int is greater than maximum")
	}
	if err == nil {
		binary.LittleEndian.PutUint32(to, uint32(n))
	}
	return err
}

func putLong(to []byte, v any) error {
	n, err := parseInt(v, "", math.MinInt64, math.MaxInt64)
	if err == nil {
		binary.LittleEndian.PutUint64(to, uint64(n))
	}
	return err
}

func putUnsignedLong(to []byte, v any) error {
	n, err := parseUnsigned(v, noNegative, noSuchLong)
	if err == nil {
		binary.LittleEndian.PutUint64(to, n)
	}
	return err
}

func putLongLong(to []byte, v any) error {
	n, beyond, ok := integer(v)
	switch {
	case !ok:
		return notAnInteger(v)
	case beyond != 0:
		return raise("OverflowError", tooBig)
	}
	binary.LittleEndian.PutUint64(to, uint64(n))
	return nil
}

func putUnsignedLongLong(to []byte, v any) error {
	n, err := parseUnsigned(v, "can't convert negative int to unsigned", tooBig)
	if err == nil {
		binary.LittleEndian.PutUint64(to, n)
	}
	return err
}

// parseFloat is PyFloat_AsDouble.
func parseFloat(v any) (float64, error) {
	if f, ok := v.(float64); ok {
		return f, nil
	}
	b, ok := bigOf(v)
	if !ok {
		return 0, typeError("must be real number, not %s", pickle.TypeName(v))
	}
	f, _ := new(big.Float).SetInt(b).Float64()
	if math.IsInf(f, 0) {
		return 0, raise("OverflowError", "int too large to convert to float")
	}
	return f, nil
}

func putFloat32(to []byte, v any) error {
	f, err := parseFloat(v)
	if err == nil {
		binary.LittleEndian.PutUint32(to, math.Float32bits(float32(f)))
	}
	return err
}

func putFloat64(to []byte, v any) error {
	f, err := parseFloat(v)
	if err == nil {
		binary.LittleEndian.PutUint64(to, math.Float64bits(f))
	}
	return err
}

func putRune(to []byte, v any) error {
	s, ok := v.(string)
	if !ok || s == "" || characterSize(s) != len(s) {
		return typeError("array item must be unicode character")
	}
	binary.LittleEndian.PutUint32(to, codePoint(s))
	return nil
}

// codePoint returns the code point of a str of one character. A lone surrogate is three bytes.
func codePoint(s string) uint32 {
	if r, n := utf8.DecodeRuneInString(s); r != utf8.RuneError || n > 1 {
		return uint32(r)
	}
	if len(s) < 3 {
		return utf8.RuneError
	}
	return 0xd000 | uint32(s[1]&0x3f)<<6 | uint32(s[2]&0x3f)
}

// appendCodePoint is the inverse. What is no code point, which only raw bytes can bring, becomes U+FFFD.
func appendCodePoint(dst []byte, r uint32) []byte {
	if 0xd800 <= r && r <= 0xdfff {
		return append(dst, 0xed, byte(0x80|r>>6&0x3f), byte(0x80|r&0x3f))
	}
	if r > utf8.MaxRune {
		r = utf8.RuneError
	}
	return utf8.AppendRune(dst, rune(r))
}
