package pickle_test

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/pickle"
)

// record is a pickle of the corpus.
type record struct {
	name     string
	protocol int
	versions byte // bit n is that of Python 3.(8+n)
	data     []byte
}

// theRepr stands for a protocol.
const theRepr = 255

// readCorpus returns what testdata/corpus.py made, by name.
func readCorpus(t testing.TB) map[string][]record {
	t.Helper()
	text, err := os.ReadFile("testdata/corpus.txt")
	if err != nil {
		t.Fatal(err)
	}
	corpus := make(map[string][]record)
	for line := range strings.Lines(string(text)) {
		name, packed, _ := strings.Cut(strings.TrimSpace(line), " ")
		deflated, err := base64.StdEncoding.DecodeString(packed)
		if err != nil {
			t.Fatal(name, err)
		}
		data, err := io.ReadAll(flate.NewReader(bytes.NewReader(deflated)))
		if err != nil {
			t.Fatal(name, err)
		}
		for len(data) > 0 {
			n := 6 + int(binary.BigEndian.Uint32(data[2:]))
			corpus[name] = append(corpus[name], record{name, int(data[0]), data[1], data[6:n:n]})
			data = data[n:]
		}
	}
	if len(corpus) < 200 {
		t.Fatalf("%d values in the corpus: that is not all", len(corpus))
	}
	return corpus
}

func (r record) String() string {
	var versions []string
	for i := range 8 {
		if r.versions>>i&1 != 0 {
			versions = append(versions, fmt.Sprintf("3.%d", 8+i))
		}
	}
	return fmt.Sprintf("%s, protocol %d, Python %s", r.name, r.protocol, strings.Join(versions, " "))
}

func decode(t testing.TB, what fmt.Stringer, data []byte) any {
	t.Helper()
	v, err := pickle.Decode(data)
	if err != nil {
		t.Errorf("%v: %v\n%.200q", what, err, data)
	}
	return v
}

// wantBytes says where got and want differ.
func wantBytes(t testing.TB, what fmt.Stringer, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	from := max(0, at-40)
	t.Errorf("%v: differs at byte %d of %d, want %d\n got …%q\nwant …%q", what, at, len(got), len(want),
		got[from:min(len(got), at+80)], want[from:min(len(want), at+80)])
}

// notByteEqual are pickles whose values are right and whose bytes are not those of C, with the reasons.
var notByteEqual = []struct {
	name      string
	protocols string
	versions  byte // any of these
	reason    string
}{
	{"latin1.chars", "012", 3 << 3, "3.11 and 3.12 have two strs of one character: the one of a literal, and the one that bytes are decoded to"},
	{"type.nested", "0123", 1 << 5, "3.13 does without the memo for the parts of a dotted name"},
	{"object.newargs.ex", "23", 1 << 5, "as before"},
	{"object.exceptions", "012", 0xff, "classes that Python 2 does not have are written as others: two classes with one name"},
	{"object.tuple.recursive", "012345", 0xff, "an instance that is in its own arguments: those of the first try, which are not used, are lost"},
}

// wantSame reports whether the bytes must be the same, and not the values alone.
func (r record) wantSame() bool {
	for _, e := range notByteEqual {
		if e.name == r.name && strings.Contains(e.protocols, fmt.Sprint(r.protocol)) && e.versions&r.versions != 0 {
			return false
		}
	}
	return true
}

// TestCorpusSameProtocol decodes each pickle and encodes it in its protocol.
func TestCorpusSameProtocol(t *testing.T) {
	for _, records := range readCorpus(t) {
		for _, r := range records {
			if r.protocol == theRepr {
				continue
			}
			v := decode(t, r, r.data)
			again, err := pickle.Append(nil, v, r.protocol)
			if err != nil {
				t.Errorf("%v: %v", r, err)
				continue
			}
			if r.wantSame() {
				wantBytes(t, r, again, r.data)
				continue
			}
			if bytes.Equal(again, r.data) {
				t.Errorf("%v is listed as not the same, and is", r)
			}
			if r.name == "object.tuple.recursive" {
				continue // not to be compared, in Python either
			}
			if same, err := pickle.Equal(v, decode(t, r, again)); !same || err != nil {
				t.Errorf("%v: not even the value is the same: %v", r, err)
			}
		}
	}
}

// TestCorpusOtherProtocols decodes each pickle and encodes it as the same Python did in another protocol.
func TestCorpusOtherProtocols(t *testing.T) {
	for name, records := range readCorpus(t) {
		if strings.HasPrefix(name, "object.") {
			continue // Python reduces an instance to other calls in other protocols
		}
		for _, from := range records {
			for _, to := range records {
				if from.protocol == theRepr || to.protocol == theRepr || from.versions&to.versions == 0 {
					continue
				}
				v := decode(t, from, from.data)
				again, err := pickle.Append(nil, v, to.protocol)
				if err != nil {
					t.Errorf("%v to %d: %v", from, to.protocol, err)
					continue
				}
				if to.wantSame() {
					wantBytes(t, fromTo{from, to}, again, to.data)
				}
			}
		}
	}
}

type fromTo struct{ from, to record }

func (f fromTo) String() string { return fmt.Sprintf("%v from %d", f.to, f.from.protocol) }

// TestCorpusRepr compares reprs with Python's.
func TestCorpusRepr(t *testing.T) {
	compared := 0
	for _, records := range readCorpus(t) {
		want := ""
		for _, r := range records {
			if r.protocol == theRepr {
				want = string(r.data)
			}
		}
		if want == "" {
			continue
		}
		for _, r := range records {
			if r.protocol == theRepr {
				continue
			}
			v := decode(t, r, r.data)
			got, err := pickle.AppendRepr(nil, v, 10<<20)
			if err != nil {
				t.Errorf("%v: %v", r, err)
			}
			wantBytes(t, r, got, []byte(want))
			compared++
		}
	}
	if compared < 500 {
		t.Errorf("compared %d reprs; there are more than 500", compared)
	}
}
