package state

import (
	"strings"

	"github.com/multiproc-go/multiproc/pickle"
)

// managers is the module of all that CPython's proxies are pickled as. It has to be one object: pickles refer to it.
const managers = "multiprocessing.managers"

// Proxy is a proxy in a graph: an argument, or nested in an object. It is pickled as CPython's server does, with the
// address that came with it.
type Proxy struct {
	Class   *pickle.Global // ListProxy, AutoProxy, …
	TypeID  string
	Address any // as the client wrote it
	Ident   string
	Exposed any // of an AutoProxy: a tuple of names, or nil

	serializer any
	target     *shared // the object, if it was known when the proxy was first stored
	bound      bool
}

// Resolve is the hook for a pickle.Decoder's Reduce: it makes a Proxy of what CPython pickles proxies as, and a list of
// what it pickles views of dicts as. It is a pure function.
func Resolve(callable *pickle.Global, args *pickle.Tuple) (any, bool, error) {
	switch {
	case callable.Name == "RebuildProxy" && callable.Module == managers:
		p, ok := rebuild(args.Items)
		return p, ok, nil
	case callable.Name == "list" && callable.Module == "builtins" && len(args.Items) == 1:
		l, ok := args.Items[0].(*pickle.List)
		return l, ok, nil
	}
	return nil, false, nil
}

func rebuild(args []any) (any, bool) {
	if len(args) != 4 {
		return nil, false
	}
	class, ok1 := args[0].(*pickle.Global)
	token, ok2 := args[1].(*pickle.Object)
	kwargs, ok3 := args[3].(*pickle.Dict)
	if !ok1 || !ok2 || !ok3 {
		return nil, false
	}
	if module, name, _ := token.Class(); module != managers || name != "Token" {
		return nil, false
	}
	state, ok := token.State.(*pickle.Tuple)
	if !ok || len(state.Items) != 3 {
		return nil, false
	}
	p := &Proxy{Class: class, Address: state.Items[1], serializer: args[2]}
	p.TypeID, ok1 = state.Items[0].(string)
	p.Ident, ok2 = state.Items[2].(string)
	if !ok1 || !ok2 {
		return nil, false
	}
	if p.auto() {
		p.Exposed, _, _ = kwargs.Get("exposed")
	}
	return p, true
}

func (p *Proxy) auto() bool { return p.Class.Name == "AutoProxy" && p.Class.Module == managers }

// PickleValue returns the call of RebuildProxy that CPython pickles the proxy as.
func (p *Proxy) PickleValue() (any, error) {
	class := p.Class
	if class.Module == managers {
		class = &pickle.Global{Module: managers, Name: class.Name}
	}
	kwargs := pickle.NewDict()
	if p.auto() && p.Exposed != nil {
		_ = kwargs.Set("exposed", p.Exposed) // a str is hashable
	}
	return &pickle.Object{
		Callable: &pickle.Global{Module: managers, Name: "RebuildProxy"},
		Args:     pickle.NewTuple(class, token(p.TypeID, p.Address, p.Ident), p.serializer, kwargs),
	}, nil
}

// token is a Token of CPython, which names an object.
func token(typeid string, address any, ident string) *pickle.Object {
	return &pickle.Object{
		How:      pickle.ByNew,
		Callable: &pickle.Global{Module: managers, Name: "Token"},
		Args:     pickle.NewTuple(),
		State:    pickle.NewTuple(typeid, address, ident),
		HasState: true,
	}
}

// PyType returns the name of the proxy's class.
func (p *Proxy) PyType() string {
	if p.auto() {
		return "AutoProxy[" + p.TypeID + "]"
	}
	return p.Class.Name[strings.LastIndexByte(p.Class.Name, '.')+1:]
}

// PyRepr returns what Python writes for a proxy, with the ident in place of an address in memory.
func (p *Proxy) PyRepr() string {
	return "<" + p.PyType() + " object, typeid " + pickle.Repr(p.TypeID) + " at 0x" + p.Ident + ">"
}
