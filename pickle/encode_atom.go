package pickle

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/big"
	"slices"
	"strconv"
)

func (p *pickler) bool(v bool) {
	switch {
	case p.proto < 2 && v:
		p.out = append(p.out, "I01\n"...)
	case p.proto < 2:
		p.out = append(p.out, "I00\n"...)
	case v:
		p.op(opNewtrue)
	default:
		p.op(opNewfalse)
	}
}

func (p *pickler) int(v int64) {
	switch {
	case v != int64(int32(v)):
		if p.proto < 2 {
			p.decimal(strconv.AppendInt(nil, v, 10))
			return
		}
		n := 8
		for n > 1 && v>>(8*n-9) == v>>63 { // the byte above n-1 only repeats the sign
			n--
		}
		p.op(opLong1)
		p.out = append(p.out, byte(n))
		p.number(uint64(v), n)
	case p.proto == 0:
		p.line(opInt, int(v))
	case v>>8 == 0:
		p.op(opBinint1)
		p.out = append(p.out, byte(v))
	case v>>16 == 0:
		p.op(opBinint2)
		p.out = append(p.out, byte(v), byte(v>>8))
	default:
		p.op(opBinint)
		p.number(uint64(v), 4)
	}
}

func (p *pickler) big(v *big.Int) error {
	if v.IsInt64() {
		p.int(v.Int64())
		return nil
	}
	n := v.BitLen()/8 + 1
	if err := p.room(n); err != nil {
		return err
	}
	if p.proto < 2 {
		digits, err := appendDecimal(nil, v, p.limits.Digits)
		if err != nil {
			return err
		}
		p.decimal(digits)
		return nil
	}
	if n > math.MaxInt32 {
		return &EncodeError{Type: "int", Reason: "it is too large"}
	}
	b := make([]byte, n)
	v.FillBytes(b)
	slices.Reverse(b)
	if v.Sign() < 0 { // two's complement
		carry := byte(1)
		for i := range b {
			b[i] = ^b[i] + carry
			if b[i] != 0 {
				carry = 0
			}
		}
		if b[n-1] == 0xff && b[n-2] >= 0x80 { // the last byte only repeats the sign
			b = b[:n-1]
		}
	}
	if len(b) < 256 {
		p.op(opLong1)
		p.out = append(p.out, byte(len(b)))
	} else {
		p.op(opLong4)
		p.number(uint64(len(b)), 4)
	}
	p.out = append(p.out, b...)
	return nil
}

// decimal writes LONG, for protocols 0 and 1.
func (p *pickler) decimal(digits []byte) {
	p.op(opLong)
	p.out = append(append(p.out, digits...), 'L', '\n')
}

func (p *pickler) float(v float64) {
	if p.proto == 0 {
		p.op(opFloat)
		p.out = append(appendFloat(p.out, v), '\n')
		return
	}
	p.op(opBinfloat)
	p.out = binary.BigEndian.AppendUint64(p.out, math.Float64bits(v))
}

// line writes an opcode with a decimal number behind it.
func (p *pickler) line(op byte, n int) {
	p.op(op)
	p.out = append(strconv.AppendInt(p.out, int64(n), 10), '\n')
}

func (p *pickler) text(s string) error {
	if p.mayIntern(s) {
		s = p.internedTexts().fromGraph(s)
	}
	key := textName(s)
	if n, ok := p.memo.find(key); ok {
		p.get(n)
		return nil
	}
	if !validText(s) {
		return &EncodeError{Type: "str", Reason: "it is not UTF-8"}
	}
	var err error
	switch {
	case p.proto == 0:
		if err := p.room(len(s)); err != nil {
			return err
		}
		p.op(opUnicode)
		p.out = append(appendEscaped(p.out, s), '\n')
	case len(s) <= math.MaxUint8 && p.proto >= 4:
		err = p.payload(opShortBinunicode, 1, s)
	case int64(len(s)) <= math.MaxUint32:
		err = p.payload(opBinunicode, 4, s)
	case p.proto >= 4:
		err = p.payload(opBinunicode8, 8, s)
	default:
		return &EncodeError{Type: "str", Reason: "4 GiB need protocol 4"}
	}
	if err != nil {
		return err
	}
	p.memoize(key)
	return nil
}

// mayIntern reports whether the encoder may have to write s of itself.
func (p *pickler) mayIntern(s string) bool {
	switch len(s) {
	case len(builtins):
		return s == builtins && p.proto >= 4
	case len(latin1Name):
		return s == latin1Name && p.proto < 3
	}
	return p.proto < 3 && (len(s) == 1 || len(s) == 2 && s[0]&^1 == 0xc2) // a character below 256
}

const (
	builtins   = "builtins"
	latin1Name = "latin1"
)

func (p *pickler) internedTexts() interned {
	if p.interned == nil {
		p.interned = make(interned)
	}
	return p.interned
}

// appendEscaped writes Python's raw-unicode-escape, with what cannot stand in a line escaped too.
func appendEscaped(dst []byte, s string) []byte {
	for len(s) > 0 {
		r, size, _ := decodeRune(s)
		s = s[size:]
		switch {
		case r > 0xffff:
			dst = appendHex(append(dst, `\U`...), r, 8)
		case r > 0xff, r == '\\', r == 0, r == '\n', r == '\r', r == 0x1a:
			dst = appendHex(append(dst, `\u`...), r, 4)
		default:
			dst = append(dst, byte(r))
		}
	}
	return dst
}

// appendHex writes the last n hexadecimal digits of r.
func appendHex(dst []byte, r rune, n int) []byte {
	for n--; n >= 0; n-- {
		dst = append(dst, "0123456789abcdef"[r>>(4*n)&15])
	}
	return dst
}

func (p *pickler) bytes(b Bytes) error {
	key := bytesName(b)
	if n, ok := p.memo.find(key); ok {
		p.get(n)
		return nil
	}
	var err error
	switch {
	case p.proto < 3 && b == "":
		p.reduce(key, builtin("bytes"))
		return nil
	case p.proto < 3:
		// So that Python 2 makes a str of it, and Python 3 a bytes.
		if err := p.room(len(b)); err != nil {
			return err
		}
		text := fromLatin1(string(b))
		if len(b) == 1 {
			text = p.internedTexts().fromEncoder(text)
		}
		p.reduce(key, &Global{"_codecs", "encode"}, text, p.internedTexts().fromEncoder(latin1Name))
		return nil
	case len(b) <= math.MaxUint8:
		err = p.payload(opShortBinbytes, 1, string(b))
	case int64(len(b)) <= math.MaxUint32:
		err = p.payload(opBinbytes, 4, string(b))
	case p.proto >= 4:
		err = p.payload(opBinbytes8, 8, string(b))
	default:
		return &EncodeError{Type: "bytes", Reason: "4 GiB need protocol 4"}
	}
	if err != nil {
		return err
	}
	p.memoize(key)
	return nil
}

func (p *pickler) bytearray(v *ByteArray) error {
	key := name{wordOf(v), object}
	switch {
	case p.proto >= 5:
		if err := p.payload(opBytearray8, 8, stringOf(v.Data)); err != nil {
			return err
		}
		p.memoize(key)
	case len(v.Data) == 0:
		p.reduce(key, builtin("bytearray"))
	default:
		// A conversion would give all equal bytes of length 1 one place, and so one identity.
		p.reduce(key, builtin("bytearray"), Bytes(stringOf(bytes.Clone(v.Data))))
	}
	return nil
}
