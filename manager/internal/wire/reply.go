package wire

import (
	"errors"
	"fmt"

	"github.com/multiproc-go/multiproc/pickle"
)

// Kinds of replies.
const (
	KindReturn         = "#RETURN"         // the value that the method has returned
	KindError          = "#ERROR"          // the exception that it has raised
	KindTraceback      = "#TRACEBACK"      // str: why it could not be called
	KindProxy          = "#PROXY"          // (exposed names, token): the result is an object of its own
	KindUnserializable = "#UNSERIALIZABLE" // str: why the result cannot be sent
)

// ErrReply is returned for a pickle that is no reply.
var ErrReply = errors.New("manager: malformed reply")

// NewReply returns the graph of a reply.
func NewReply(kind string, result any) *pickle.Tuple { return pickle.NewTuple(kind, result) }

// ParseReply reads a reply. The result of a kind that has to be a str is one; that of KindProxy is as it came,
// see [ParseProxyResult]. Whether the kind is one of ours is checked too.
func ParseReply(graph any) (kind string, result any, err error) {
	parts, ok := sequence(graph)
	if !ok || len(parts) != 2 {
		return "", nil, fmt.Errorf("%w: not two values in a tuple", ErrReply)
	}
	kind, ok = parts[0].(string)
	if !ok {
		return "", nil, fmt.Errorf("%w: its kind is a %s", ErrReply, pickle.TypeName(parts[0]))
	}
	result = parts[1]
	switch kind {
	case KindReturn, KindError, KindProxy:
	case KindTraceback, KindUnserializable:
		if _, ok := result.(string); !ok {
			return "", nil, fmt.Errorf("%w: the text of %s is a %s", ErrReply, kind, pickle.TypeName(result))
		}
	default:
		return "", nil, fmt.Errorf("%w: of the kind %.40q", ErrReply, kind)
	}
	return kind, result, nil
}

// Names reads a tuple, list or set of str: what an object exposes.
func Names(v any) ([]string, bool) {
	items, ok := sequence(v)
	if set, isSet := v.(*pickle.Set); isSet {
		ok = true
		for item := range set.All() {
			items = append(items, item)
		}
	}
	if !ok {
		return nil, false
	}
	names := make([]string, len(items))
	for i, item := range items {
		if names[i], ok = item.(string); !ok {
			return nil, false
		}
	}
	return names, true
}

// ParseCreated reads the result of the function create: (ident, exposed names).
func ParseCreated(result any) (ident string, exposed []string, err error) {
	parts, ok := sequence(result)
	if ok && len(parts) == 2 {
		if ident, ok = parts[0].(string); ok {
			exposed, ok = Names(parts[1])
		}
		if ok {
			return ident, exposed, nil
		}
	}
	return "", nil, fmt.Errorf("%w: of create: %.80s", ErrReply, pickle.Repr(result))
}

// ParseProxyResult reads the result of a reply of KindProxy.
func ParseProxyResult(result any) (exposed []string, t Token, err error) {
	parts, ok := sequence(result)
	if ok && len(parts) == 2 {
		if exposed, ok = Names(parts[0]); ok {
			t, ok = ParseToken(parts[1])
		}
		if ok {
			return exposed, t, nil
		}
	}
	return nil, t, fmt.Errorf("%w: of a proxy: %.80s", ErrReply, pickle.Repr(result))
}

// TracebackText is the text of a reply of KindTraceback: in the form of Python's, so that a
// RemoteError there reads as always, and without its lines about files, which would tell a client
// where the server has its code.
func TracebackText(class, text string) string {
	if text == "" {
		return "Traceback (most recent call last):\n" + class + "\n"
	}
	return "Traceback (most recent call last):\n" + class + ": " + text + "\n"
}
