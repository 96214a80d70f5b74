package manager_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
)

type named struct{}

func (*named) Add(int) int                    { return 0 }
func (*named) AddAll(...int)                  {}
func (*named) GetURL() string                 { return "" }
func (*named) HTTPServer() string             { return "" }
func (*named) ID() int                        { return 0 }
func (*named) IDs() []int                     { return nil }
func (*named) Del(context.Context, any) error { return nil }
func (*named) Base64Encode([]byte) string     { return "" }
func (*named) None()                          {}
func (*named) X2()                            {}
func (*named) Close() error                   { return nil }
func (*named) hidden()                        {}

func TestNamesOfMethods(t *testing.T) {
	u := manager.Type("Named", func() *named { return new(named) })
	want := strings.Fields("Add add AddAll add_all GetURL get_url HTTPServer http_server ID id IDs ids Del del_ " +
		"Base64Encode base64_encode none X2 x2")
	slices.Sort(want)
	if got := u.Exposed(); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	new(named).hidden()
	if u.Name() != "Named" {
		t.Errorf("its name is %s", u.Name())
	}
	u = manager.Type("Named", func() *named { return nil }, "Add", "ID")
	if got := u.Exposed(); !slices.Equal(got, []string{"Add", "ID", "add", "id"}) {
		t.Errorf("of two methods: %v", got)
	}
}

type (
	channels   struct{}
	functions  struct{}
	readers    struct{}
	clash      struct{}
	unexported struct{}
	recursive  struct{ Next []*recursive }
)

func (channels) Watch() <-chan int                { return nil }
func (channels) Len() int                         { return 0 }
func (functions) Each(func())                     {}
func (readers) Read(interface{ Read() })          {}
func (clash) AddAll()                             {}
func (clash) Add_all()                            {}
func (unexported) method()                        {}
func (*recursive) Links(map[string][]*recursive)  {}
func (*recursive) Self(*recursive, ...*recursive) {}

func TestTypeRefuses(t *testing.T) {
	unexported{}.method()
	manager.Type("Recursive", func() *recursive { return nil })
	manager.Type("Channels", func() channels { return channels{} }, "Len")
	for name, test := range map[string]struct {
		constructor any
		methods     []string
		want        string
	}{
		"not a function":    {new(named), nil, "not a function"},
		"nil":               {nil, nil, "not a function"},
		"a nil function":    {(func() *named)(nil), nil, "not a function"},
		"no result":         {func() {}, nil, "one object"},
		"an error alone":    {func() error { return nil }, nil, "one object"},
		"two results":       {func() (*named, *named) { return nil, nil }, nil, "one object"},
		"a channel":         {func() channels { return channels{} }, nil, "Watch"},
		"a function":        {func() functions { return functions{} }, nil, "Each"},
		"an interface":      {func() readers { return readers{} }, nil, "Read"},
		"constructor":       {func(chan int) *named { return nil }, nil, "argument 1"},
		"the same name":     {func() clash { return clash{} }, nil, "add_all"},
		"no methods":        {func() unexported { return unexported{} }, nil, "no exported methods"},
		"a method unknown":  {func() *named { return nil }, []string{"Frob"}, "Frob"},
		"only Close is one": {func() *named { return nil }, []string{"Close"}, "no exported methods"},
	} {
		p := modetest.PanicOf(func() { manager.Type("T", test.constructor, test.methods...) })
		err, ok := p.(error)
		if !ok || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), `manager: Type "T": `) {
			t.Errorf("%s: %v, which does not name %s", name, p, test.want)
		}
	}
	if p := modetest.PanicOf(func() { manager.Type("", func() *named { return nil }) }); p == nil {
		t.Error("a type without a name")
	}
}
