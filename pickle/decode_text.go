package pickle

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

const (
	smallMessage = 1024 // the strings of a message up to this size share one copy of it
	shortString  = 128  // other strings up to this size share blocks
	blockSize    = 1024
)

// take consumes n bytes. They are valid until the next call.
func (m *machine) take(n int) ([]byte, error) {
	if len(m.data)-m.pos < n {
		if err := m.fill(n); err != nil {
			return nil, err
		}
	}
	b := m.data[m.pos : m.pos+n : m.pos+n]
	m.pos += n
	return b, nil
}

// fill makes n bytes available. It allocates as data comes, not as data says.
func (m *machine) fill(n int) error {
	if m.src == nil {
		return io.ErrUnexpectedEOF
	}
	if m.base+int64(m.pos) > m.limits.Bytes-int64(n) {
		return &LimitError{"Bytes", m.limits.Bytes}
	}
	m.data = m.data[:copy(m.data, m.data[m.pos:])]
	m.base += int64(m.pos)
	m.opAt -= m.pos
	m.pos = 0
	for idle := 0; len(m.data) < n; idle++ {
		if len(m.data) == cap(m.data) {
			m.data = append(make([]byte, 0, max(4096, 2*cap(m.data))), m.data...)
		}
		k, err := m.src.Read(m.data[len(m.data):cap(m.data)])
		m.data = m.data[:len(m.data)+k]
		switch {
		case len(m.data) >= n:
		case err == io.EOF:
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		case k > 0:
			idle = 0
		case idle > 100:
			return io.ErrNoProgress
		}
	}
	return nil
}

// line consumes bytes up to a newline, which it drops. They are valid until the next call.
func (m *machine) line() ([]byte, error) {
	seen := 0
	for {
		if i := bytes.IndexByte(m.data[m.pos+seen:], '\n'); i >= 0 {
			b, err := m.take(seen + i + 1)
			return b[:len(b)-1], err
		}
		seen = len(m.data) - m.pos
		if err := m.fill(seen + 1); err != nil {
			return nil, err
		}
	}
}

// counted reads a length of size bytes, little-endian, and consumes as many bytes as it says.
func (m *machine) counted(size int) ([]byte, error) {
	b, err := m.take(size)
	if err != nil {
		return nil, err
	}
	var n uint64
	switch size {
	case 1:
		n = uint64(b[0])
	case 4:
		n = uint64(binary.LittleEndian.Uint32(b))
	default:
		n = binary.LittleEndian.Uint64(b)
	}
	if m.src == nil && n > uint64(len(m.data)-m.pos) {
		return nil, io.ErrUnexpectedEOF
	}
	if n > uint64(min(m.limits.Bytes, math.MaxInt)) {
		return nil, &LimitError{"Bytes", m.limits.Bytes}
	}
	return m.take(int(n))
}

// keepText copies b, which take returned just now. As all results of copyText it has memory of its own, by which it
// is known.
func (m *machine) keepText(b []byte) string {
	if !m.small || len(b) == 0 {
		return m.copyText(b)
	}
	return m.shareText(m.pos-len(b), m.pos)
}

func (m *machine) copyText(b []byte) string {
	n := len(b)
	m.memory -= int64(n)
	if n == 0 || n > shortString {
		return string(b)
	}
	if cap(m.block)-len(m.block) < n {
		m.block = make([]byte, 0, blockSize)
	}
	at := len(m.block)
	m.block = append(m.block, b...)
	return stringOf(m.block[at:])
}

func (m *machine) pushText(s string) error {
	if m.small || len(s) <= shortString {
		m.push(m.boxText(s))
	} else {
		m.push(s) // it would be kept alive by those beside it
	}
	m.memory -= 16
	return nil
}

func (m *machine) unicode(size int) error {
	b, err := m.counted(size)
	if err != nil {
		return err
	}
	s := m.keepText(b)
	if !validText(s) {
		return syntaxError("a str is not UTF-8")
	}
	return m.pushText(s)
}

func (m *machine) bytes(size int) error {
	b, err := m.counted(size)
	if err != nil {
		return err
	}
	m.pushNew(Bytes(m.keepText(b)), 16)
	return nil
}

func (m *machine) bytearray() error {
	b, err := m.counted(8)
	if err != nil {
		return err
	}
	m.pushNew(&ByteArray{bytes.Clone(b)}, 24+len(b))
	return nil
}

// oldString reads a str of Python 2, which Python 3 takes for ASCII.
func (m *machine) oldString(size int) error {
	b, err := m.counted(size)
	if err != nil {
		return err
	}
	if !isASCII(b) {
		return errOldString
	}
	return m.pushText(m.keepText(b))
}

const errOldString = syntaxError("a str of Python 2 is not ASCII")

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// escapedUnicode reads Python's raw-unicode-escape: Latin-1 with \u and \U.
func (m *machine) escapedUnicode() error {
	b, err := m.line()
	if err != nil {
		return err
	}
	s := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c != '\\' || i+1 == len(b) {
			s = appendRune(s, rune(c))
			continue
		}
		i++
		digits := 0
		switch b[i] {
		case 'u':
			digits = 4
		case 'U':
			digits = 8
		default:
			s = appendRune(append(s, '\\'), rune(b[i]))
			continue
		}
		r, ok := hex(b[i+1:], digits)
		if !ok || r > utf8.MaxRune {
			return syntaxError("a str has a bad escape")
		}
		s = appendRune(s, r)
		i += digits
	}
	return m.pushText(m.copyText(s))
}

// hex reads n hexadecimal digits at the beginning of b.
func hex(b []byte, n int) (rune, bool) {
	if len(b) < n {
		return 0, false
	}
	var r uint32
	for _, c := range b[:n] {
		d := strings.IndexByte("0123456789abcdef", c|0x20)
		if d < 0 || c < '0' {
			return 0, false
		}
		r = r<<4 | uint32(d)
	}
	return rune(min(r, utf8.MaxRune+1)), true
}

// quotedString reads a repr of a str of Python 2.
func (m *machine) quotedString() error {
	b, err := m.line()
	if err != nil {
		return err
	}
	n := len(b)
	if n < 2 || b[0] != b[n-1] || b[0] != '\'' && b[0] != '"' {
		return syntaxError("a string has no quotes")
	}
	s, ok := unescape(b[1 : n-1])
	if !ok {
		return syntaxError("a string has a bad escape")
	}
	if !isASCII(s) {
		return errOldString
	}
	return m.pushText(m.copyText(s))
}

// unescape undoes the escapes of a bytes literal.
func unescape(b []byte) ([]byte, bool) {
	s := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c != '\\' {
			s = append(s, c)
			continue
		}
		if i++; i == len(b) {
			return nil, false
		}
		switch c = b[i]; c {
		case '\n':
		case '\\', '\'', '"':
			s = append(s, c)
		case 'x':
			r, ok := hex(b[i+1:], 2)
			if !ok {
				return nil, false
			}
			s = append(s, byte(r))
			i += 2
		case '0', '1', '2', '3', '4', '5', '6', '7':
			v := c - '0'
			for k := 0; k < 2 && i+1 < len(b) && '0' <= b[i+1] && b[i+1] <= '7'; k++ {
				i++
				v = v<<3 | (b[i] - '0')
			}
			s = append(s, v)
		default:
			if at := strings.IndexByte("abfnrtv", c); at >= 0 {
				s = append(s, "\a\b\f\n\r\t\v"[at])
			} else {
				s = append(s, '\\', c) // an unknown escape stands for itself
			}
		}
	}
	return s, true
}
