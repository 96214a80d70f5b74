package pickle

import "unicode/utf8"

// Strings are UTF-8, and a lone surrogate, which a str of Python may have, is the three bytes that UTF-8 would have
// for it: what Python calls surrogatepass. Two surrogates in a row remain two, as in Python.

// validText reports whether s is such a string.
func validText(s string) bool {
	if utf8.ValidString(s) {
		return true
	}
	for len(s) > 0 {
		_, size, ok := decodeRune(s)
		if !ok {
			return false
		}
		s = s[size:]
	}
	return true
}

// decodeRune is utf8.DecodeRuneInString, but knows surrogates; ok is false for what is not text.
func decodeRune(s string) (r rune, size int, ok bool) {
	r, size = utf8.DecodeRuneInString(s)
	if r != utf8.RuneError || size > 1 {
		return r, size, true
	}
	if len(s) >= 3 && s[0] == 0xed && 0xa0 <= s[1] && s[1] <= 0xbf && 0x80 <= s[2] && s[2] <= 0xbf {
		return 0xd000 | rune(s[1]&0x3f)<<6 | rune(s[2]&0x3f), 3, true
	}
	return r, size, false
}

// appendRune is utf8.AppendRune, but knows surrogates.
func appendRune(dst []byte, r rune) []byte {
	if 0xd800 <= r && r <= 0xdfff {
		return append(dst, 0xed, byte(0x80|r>>6&0x3f), byte(0x80|r&0x3f))
	}
	return utf8.AppendRune(dst, r)
}

// latin1 returns the bytes that a str of code points below 256 stands for.
func latin1(s string) (string, bool) {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff { // as is utf8.RuneError, for a surrogate
			return "", false
		}
		b = append(b, byte(r))
	}
	return stringOf(b), true
}

// fromLatin1 returns the str whose code points are the bytes of b.
func fromLatin1(b string) string {
	dst := make([]byte, 0, len(b)+len(b)/4)
	for i := range len(b) {
		dst = utf8.AppendRune(dst, rune(b[i]))
	}
	return stringOf(dst)
}
