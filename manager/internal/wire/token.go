package wire

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/multiproc-go/multiproc/pickle"
)

// Module is where Python has the classes of managers.
const Module = "multiprocessing.managers"

// Names in Module that stand in pickles.
const (
	ClassToken   = "Token"
	FuncRebuild  = "RebuildProxy"
	ClassAuto    = "AutoProxy"
	rebuildWords = 4
)

// A Token names an object: of a type, at a server, by its ident.
type Token struct {
	Type    string
	Address any // a str, bytes or (host, port), as a graph; see [Address]
	Ident   string
}

// Graph is the token as Python pickles it.
func (t Token) Graph() *pickle.Object {
	return &pickle.Object{
		How:      pickle.ByNew,
		Callable: &pickle.Global{Module: Module, Name: ClassToken},
		Args:     &pickle.Tuple{},
		State:    pickle.NewTuple(t.Type, t.Address, t.Ident),
		HasState: true,
	}
}

// ParseToken reads a token; ok is false if v is none.
func ParseToken(v any) (t Token, ok bool) {
	o, ok := v.(*pickle.Object)
	if !ok || !o.HasState {
		return t, false
	}
	if g, ok := o.Callable.(*pickle.Global); !ok || g.Module != Module || g.Name != ClassToken {
		return t, false
	}
	parts, ok := sequence(o.State)
	if !ok || len(parts) != 3 {
		return t, false
	}
	t.Address = parts[1]
	if t.Type, ok = parts[0].(string); !ok {
		return t, false
	}
	t.Ident, ok = parts[2].(string)
	return t, ok
}

// A Proxy is how a proxy stands in messages, as an argument or in another object.
type Proxy struct {
	Class   pickle.Global // Module and "DictProxy", or ClassAuto
	Token   Token
	Exposed []string // of ClassAuto; nil otherwise
}

// Graph is the proxy as Python pickles it: a call of RebuildProxy.
func (p *Proxy) Graph() *pickle.Object {
	kwargs := pickle.NewDict()
	if p.Exposed != nil {
		names := &pickle.Tuple{}
		for _, name := range p.Exposed {
			names.Items = append(names.Items, name)
		}
		_ = kwargs.Set("exposed", names) // a str is always a key
	}
	class := p.Class
	return &pickle.Object{
		Callable: &pickle.Global{Module: Module, Name: FuncRebuild},
		Args:     pickle.NewTuple(&class, p.Token.Graph(), "pickle", kwargs),
	}
}

// ParseProxy reads a proxy; ok is false if the call is none. It fits the hook of a pickle.Decoder.
func ParseProxy(callable *pickle.Global, args *pickle.Tuple) (p Proxy, ok bool) {
	if callable.Module != Module || callable.Name != FuncRebuild || len(args.Items) != rebuildWords {
		return p, false
	}
	class, ok := args.Items[0].(*pickle.Global)
	if !ok {
		return p, false
	}
	p.Class = *class
	if p.Token, ok = ParseToken(args.Items[1]); !ok {
		return p, false
	}
	if kwargs, isDict := args.Items[3].(*pickle.Dict); isDict {
		if names, found, err := kwargs.Get("exposed"); found && err == nil {
			p.Exposed, ok = Names(names)
		}
	}
	return p, ok
}

// ErrAddress is returned for an address of a token that names no place.
var ErrAddress = errors.New("manager: address of no known form")

// Address is the form of an address in tokens: a str for a Unix socket, with a NUL in
// front for an abstract one, and (host, port) for TCP.
func Address(a net.Addr) any {
	switch a := a.(type) {
	case *net.TCPAddr:
		host := a.IP.String()
		if a.Zone != "" {
			host += "%" + a.Zone
		}
		return pickle.NewTuple(host, int64(a.Port))
	case *net.UnixAddr:
		if name, ok := strings.CutPrefix(a.Name, "@"); ok {
			return "\x00" + name
		}
		return a.Name
	}
	return a.String()
}

// NetAddress is the reverse of Address: what package net and package conn call the place.
func NetAddress(address any) (network, at string, err error) {
	if parts, ok := sequence(address); ok && len(parts) == 2 {
		host, isHost := parts[0].(string)
		port, isPort := parts[1].(int64)
		if isHost && isPort && 0 < port && port <= 65535 {
			return "tcp", net.JoinHostPort(host, strconv.FormatInt(port, 10)), nil
		}
	}
	path, ok := address.(string)
	if b, isBytes := address.(pickle.Bytes); isBytes {
		path, ok = string(b), true
	}
	if !ok || path == "" {
		return "", "", fmt.Errorf("%w: %.80s", ErrAddress, pickle.Repr(address))
	}
	if name, abstract := strings.CutPrefix(path, "\x00"); abstract {
		return "unix", "@" + name, nil
	}
	if path[0] == '@' { // a file, although package net would take it for abstract
		path = "./" + path
	}
	return "unix", path, nil
}
