package state

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// reprShown is how many characters debug_info shows of an object.
const reprShown = 75

// debugInfo is what CPython's server says of the objects that have counts.
func (s *State) debugInfo() string {
	var idents []string
	for ident, sh := range s.objects {
		if sh.refs > 0 {
			idents = append(idents, ident)
		}
	}
	slices.Sort(idents)
	var text strings.Builder
	for i, ident := range idents {
		if i > 0 {
			text.WriteByte('\n')
		}
		sh := s.objects[ident]
		// What is cut off does not matter.
		repr, _ := sh.repr(nil, reprShown*utf8.UTFMax)
		fmt.Fprintf(&text, "  %s:       refcount=%d\n    %s", ident, sh.refs, firstCharacters(repr, reprShown))
	}
	return text.String()
}

// firstCharacters returns the first n characters, without one that is cut off.
func firstCharacters(b []byte, n int) string {
	s := string(b)
	at := 0
	for ; n > 0 && at < len(s); n-- {
		size := characterSize(s[at:])
		if s[at] >= utf8.RuneSelf && size == 3 && !utf8.FullRuneInString(s[at:]) {
			break
		}
		at += size
	}
	return s[:at]
}
