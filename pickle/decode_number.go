package pickle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// long reads an int in two's complement, little-endian, with a length of size bytes before it.
func (m *machine) long(size int) error {
	b, err := m.counted(size)
	if err != nil {
		return err
	}
	if len(b) > 1<<31-1 {
		return syntaxError("an int has a negative length")
	}
	if len(b) > 8 {
		m.memory -= int64(len(b))
		m.push(bigFromBytes(b))
		return nil
	}
	var buf [8]byte
	if len(b) > 0 && b[len(b)-1] >= 0x80 {
		buf = [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	}
	copy(buf[:], b)
	m.pushInt(int64(binary.LittleEndian.Uint64(buf[:])))
	return nil
}

// bigFromBytes reads an int in two's complement, little-endian.
func bigFromBytes(b []byte) any {
	const size = bits.UintSize / 8
	words := make([]big.Word, (len(b)+size-1)/size)
	negative := b[len(b)-1] >= 0x80
	for i, c := range b {
		if negative {
			c = ^c
		}
		words[i/size] |= big.Word(c) << (i % size * 8)
	}
	v := new(big.Int).SetBits(words)
	if negative {
		v.Not(v)
	}
	return Int(v)
}

// decimalInt is INT: an int, or a bool.
func (m *machine) decimalInt() error {
	b, err := m.line()
	if err != nil {
		return err
	}
	switch string(b) {
	case "00":
		m.push(false)
		return nil
	case "01":
		m.push(true)
		return nil
	}
	return m.decimal(string(b))
}

// decimalLong is LONG: an int with an L behind it, or without.
func (m *machine) decimalLong() error {
	b, err := m.line()
	if err != nil {
		return err
	}
	return m.decimal(string(bytes.TrimSuffix(b, []byte("L"))))
}

// decimal reads an int as Python's int(s, 0) does.
func (m *machine) decimal(s string) error {
	s = strings.TrimSpace(s)
	if v, err := strconv.ParseInt(s, 10, 64); err == nil && plain(s) {
		m.push(v)
		return nil
	}
	if digits := strings.TrimLeft(s, "+-"); int64(len(digits)-strings.Count(digits, "_")) > m.limits.Digits {
		return &LimitError{"Digits", m.limits.Digits}
	}
	v, ok := new(big.Int).SetString(s, 0)
	if !ok || !plain(s) && v.Sign() != 0 {
		return syntaxError("an int is no number")
	}
	m.memory -= int64(len(s))
	m.push(Int(v))
	return nil
}

// plain reports whether s is not octal in the manner of C.
func plain(s string) bool {
	s = strings.TrimLeft(s, "+-")
	return len(s) < 2 || s[0] != '0' || s[1] != '_' && (s[1] < '0' || s[1] > '9')
}

func (m *machine) decimalFloat() error {
	b, err := m.line()
	if err != nil {
		return err
	}
	s := strings.TrimSpace(string(b))
	v, err := strconv.ParseFloat(s, 64)
	if strings.EqualFold(s, "-nan") || strings.EqualFold(s, "+nan") {
		v, err = math.NaN(), nil
	}
	if err != nil && !errors.Is(err, strconv.ErrRange) || strings.ContainsAny(s, "xX_") {
		return syntaxError("a float is no number")
	}
	if err != nil {
		return syntaxError("a float is too large")
	}
	if v != v {
		v = math.Float64frombits(0x7ff8 << 48) // Python's; Go's has one bit more
	}
	m.push(v)
	return nil
}

// decimalIndex reads a number of the memo.
func (m *machine) decimalIndex() (uint64, error) {
	b, err := m.line()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(string(bytes.TrimSpace(b)), 10, 63)
	if err != nil {
		return 0, syntaxError("a number of the memo is no number")
	}
	return n, nil
}
