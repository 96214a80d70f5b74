package pickle

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// appendFloat writes a float as Python's repr: the shortest digits that read back as f.
func appendFloat(dst []byte, f float64) []byte {
	at := len(dst)
	dst = appendDigits(dst, f)
	if !bytes.ContainsAny(dst[at:], ".en") { // nor inf, nor nan
		dst = append(dst, ".0"...)
	}
	return dst
}

// appendDigits writes f as it stands in a complex: without a fraction if it has none.
func appendDigits(dst []byte, f float64) []byte {
	a := math.Abs(f)
	switch {
	case math.IsNaN(f):
		return append(dst, "nan"...)
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	case a != 0 && (a < 1e-4 || a >= 1e16):
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}

func appendComplex(dst []byte, c complex128) []byte {
	re, im := real(c), imag(c)
	if re == 0 && !math.Signbit(re) {
		return append(appendDigits(dst, im), 'j')
	}
	dst = appendDigits(append(dst, '('), re)
	if !math.Signbit(im) || math.IsNaN(im) {
		dst = append(dst, '+')
	}
	return append(appendDigits(dst, im), "j)"...)
}

// quoteFor returns the quotes that Python puts around s: double ones only if that saves an escape.
func quoteFor(s string) byte {
	if strings.IndexByte(s, '\'') >= 0 && strings.IndexByte(s, '"') < 0 {
		return '"'
	}
	return '\''
}

// appendQuoted writes the repr of a str.
func appendQuoted(dst []byte, s string) []byte {
	quote := quoteFor(s)
	dst = append(dst, quote)
	for len(s) > 0 {
		r, size, ok := decodeRune(s)
		switch {
		case r == rune(quote) || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case !ok: // not a str of Python
			dst = appendHex(append(dst, `\x`...), rune(s[0]), 2)
		case unicode.IsPrint(r):
			dst = append(dst, s[:size]...)
		case r < 0x100:
			dst = appendHex(append(dst, `\x`...), r, 2)
		case r < 0x10000:
			dst = appendHex(append(dst, `\u`...), r, 4)
		default:
			dst = appendHex(append(dst, `\U`...), r, 8)
		}
		s = s[size:]
	}
	return append(dst, quote)
}

// appendBytes writes the repr of a bytes, or what stands in that of a bytearray: there CPython escapes single quotes
// also where double ones are around.
func appendBytes(dst []byte, s string, array bool) []byte {
	quote := quoteFor(s)
	dst = append(dst, 'b', quote)
	for i := range len(s) {
		switch c := s[i]; {
		case c == quote || c == '\\' || c == '\'' && array:
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c < ' ' || c >= 0x7f:
			dst = appendHex(append(dst, `\x`...), rune(c), 2)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, quote)
}

// goTypeName names the type of what is no value of a graph.
func goTypeName(v any) string { return fmt.Sprintf("%T", v) }
