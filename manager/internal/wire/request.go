package wire

import (
	"errors"
	"fmt"

	"github.com/multiproc-go/multiproc/pickle"
)

// ServerIdent is the ident under which a server knows itself. On a connection for calls ours answers requests
// to it, where CPython's answers with a traceback.
const ServerIdent = "0"

// Functions of the server. A connection's first request names one of them.
const (
	FuncDummy    = "dummy"
	FuncCreate   = "create"
	FuncIncref   = "incref"
	FuncDecref   = "decref"
	FuncMethods  = "get_methods"
	FuncDebug    = "debug_info"
	FuncCount    = "number_of_objects"
	FuncAccept   = "accept_connection"
	FuncShutdown = "shutdown"
	// Those of SharedMemoryManager's server.
	FuncTrackSegment   = "track_segment"
	FuncReleaseSegment = "release_segment"
	FuncListSegments   = "list_segments"
	// FuncBatch is ours, on connections for calls: (n,) says that the n requests that follow are answered before the client looks
	// at any of the replies.
	FuncBatch = "#batch"
)

// Methods that every object has, whatever it exposes.
const (
	MethodStr      = "__str__"
	MethodRepr     = "__repr__"
	MethodGetValue = "#GETVALUE"
)

// ErrRequest is returned for a pickle that is no request.
var ErrRequest = errors.New("manager: malformed request")

// A Request is what a client asks for: in a connection's first request a function of the server,
// with no Ident; in all later ones a method of the object Ident.
type Request struct {
	Ident  string
	Method string
	Args   *pickle.Tuple
	Kwargs *pickle.Dict
}

// ParseFirst reads a connection's first request: (anything, function, args, kwargs).
func ParseFirst(graph any) (Request, error) {
	_, r, err := parse(graph, "function")
	return r, err
}

// ParseCall reads a later request: (ident, method, args, kwargs).
func ParseCall(graph any) (Request, error) {
	first, r, err := parse(graph, "method")
	if err != nil {
		return r, err
	}
	var ok bool
	if r.Ident, ok = first.(string); !ok {
		return r, fmt.Errorf("%w: the ident is a %s", ErrRequest, pickle.TypeName(first))
	}
	return r, nil
}

// parse is as generous as Python's unpacking where that costs nothing: a list does for a tuple.
func parse(graph any, what string) (first any, r Request, err error) {
	parts, ok := sequence(graph)
	if !ok || len(parts) != 4 {
		return nil, r, fmt.Errorf("%w: not four values in a tuple", ErrRequest)
	}
	if r.Method, ok = parts[1].(string); !ok {
		return nil, r, fmt.Errorf("%w: the name of the %s is a %s", ErrRequest, what, pickle.TypeName(parts[1]))
	}
	switch args := parts[2].(type) {
	case *pickle.Tuple:
		r.Args = args
	case *pickle.List:
		r.Args = &pickle.Tuple{Items: args.Items}
	default:
		return nil, r, fmt.Errorf("%w: the arguments are a %s", ErrRequest, pickle.TypeName(parts[2]))
	}
	if r.Kwargs, ok = parts[3].(*pickle.Dict); !ok {
		return nil, r, fmt.Errorf("%w: the keyword arguments are a %s", ErrRequest, pickle.TypeName(parts[3]))
	}
	return parts[0], r, nil
}

func sequence(v any) ([]any, bool) {
	switch v := v.(type) {
	case *pickle.Tuple:
		return v.Items, true
	case *pickle.List:
		return v.Items, true
	}
	return nil, false
}

// Graph is the request as Python pickles it. Without an Ident it is a first request.
func (r *Request) Graph() *pickle.Tuple {
	var first any
	if r.Ident != "" {
		first = r.Ident
	}
	args, kwargs := r.Args, r.Kwargs
	if args == nil {
		args = &pickle.Tuple{}
	}
	if kwargs == nil {
		kwargs = pickle.NewDict()
	}
	return pickle.NewTuple(first, r.Method, args, kwargs)
}

// NewRequest returns a request of these arguments.
func NewRequest(ident, method string, args ...any) *Request {
	return &Request{Ident: ident, Method: method, Args: pickle.NewTuple(args...)}
}

// Protocol is the protocol in which to answer a pickle: its own, but one that every Python of
// today writes and reads. Protocols 0 and 1 have no mark, and who writes them reads 2.
func Protocol(request []byte) int {
	const mark = 0x80
	if len(request) < 2 || request[0] != mark {
		return 2
	}
	return min(max(int(request[1]), 2), pickle.HighestProtocol)
}
