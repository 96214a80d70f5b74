package handoff

import (
	"testing"

	"github.com/multiproc-go/multiproc/internal/family"
)

type inner struct{ H *handle }

type handles struct {
	inner
	*Holder
	One   *handle
	Nil   *handle
	List  []*handle
	Array [2]*handle
	Map   map[string]*handle
	Deep  map[int][]struct{ P *inner }
	Big   []byte
	Next  *handles
}

// Holder is embedded by pointer.
type Holder struct{ Held *handle }

func sampleHandles() handles {
	h := func(id byte) *handle { return &handle{id: id} }
	return handles{
		inner:  inner{h(1)},
		Holder: &Holder{h(2)},
		One:    h(3),
		List:   []*handle{h(4), nil},
		Array:  [2]*handle{nil, h(5)},
		Map:    map[string]*handle{"a": h(6), "nil": nil},
		Deep:   map[int][]struct{ P *inner }{1: {{&inner{h(7)}}, {}}},
		Big:    make([]byte, 1<<20),
		Next:   &handles{One: h(8)},
	}
}

func (hs handles) all() []*handle {
	return []*handle{hs.H, hs.Held, hs.One, hs.List[0], hs.Array[1], hs.Map["a"], hs.Deep[1][0].P.H, hs.Next.One}
}

func TestBind(t *testing.T) {
	p, err := Encode(sampleHandles())
	if err != nil {
		t.Fatal(err)
	}
	m := new(family.Member)
	for _, bind := range []bool{false, true} {
		var out handles
		if _, err := decode(p, &out, m, bind); err != nil {
			t.Fatal(err)
		}
		for i, h := range out.all() {
			if h == nil || h.id != byte(i+1) {
				t.Fatalf("handle %d arrived as %+v", i+1, h)
			}
			if bind && (h.bound != m || h.binds != 1) || !bind && h.binds != 0 {
				t.Errorf("bind %v: handle %d was bound %d times", bind, i+1, h.binds)
			}
		}
		if out.Nil != nil || out.List[1] != nil || out.Array[0] != nil || out.Map["nil"] != nil {
			t.Error("a nil handle is not nil any more")
		}
	}
}

func TestBindTop(t *testing.T) {
	p, err := Encode(&handle{id: 9})
	if err != nil {
		t.Fatal(err)
	}
	m := new(family.Member)
	var out *handle
	if _, err := decode(p, &out, m, true); err != nil || out.id != 9 || out.bound != m {
		t.Errorf("%+v, %v", out, err)
	}
	if p, err = Encode((*handle)(nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := decode(p, &out, m, true); err != nil || out != nil {
		t.Errorf("%+v, %v", out, err)
	}
}
