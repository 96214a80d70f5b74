package mark

import (
	"errors"
	"strings"
	"testing"
)

func TestMarkText(t *testing.T) {
	m := Mark{Nonce: [16]byte{1, 0xAB, 15: 0xFF}, FD: 3, Dev: 1<<64 - 1, Ino: 7}
	const want = "1.01ab00000000000000000000000000ff.3.18446744073709551615:7"
	if m.String() != want {
		t.Errorf("String() = %s, want %s", m, want)
	}
	if m.Env() != "MULTIPROC_CHILD="+want {
		t.Errorf("Env() = %s", m.Env())
	}
	back, err := ParseMark(m.String())
	if err != nil || back != m {
		t.Errorf("ParseMark = %+v, %v", back, err)
	}
}

func TestMalformedMarks(t *testing.T) {
	good := Mark{FD: 3, Dev: 1, Ino: 2}.String()
	for _, s := range []string{
		"", "1", "1.2.3.4", "yes", good + ".", " " + good, good + "\n",
		strings.Replace(good, "1.", "2.", 1),
		strings.Replace(good, ".3.", ".+3.", 1),
		strings.Replace(good, ".3.", ".03.", 1),
		strings.Replace(good, ".3.", ".-1.", 1),
		strings.Replace(good, ".3.", ".99999999999.", 1),
		strings.Replace(good, "00", "0", 1),
		strings.Replace(good, ":2", "", 1),
		strings.Replace(good, ":2", ":", 1),
		strings.Replace(good, "1:", "x:", 1),
	} {
		if m, err := ParseMark(s); !errors.Is(err, ErrMalformed) {
			t.Errorf("ParseMark(%q) = %+v, %v", s, m, err)
		}
	}
}

func FuzzParseMark(f *testing.F) {
	f.Add(Mark{FD: 3}.String())
	f.Fuzz(func(t *testing.T, s string) {
		if m, err := ParseMark(s); err == nil && m.String() != s {
			t.Errorf("%q parsed as %s", s, m)
		}
	})
}
