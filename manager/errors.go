package manager

import (
	"strings"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/handoff"
	"github.com/multiproc-go/multiproc/pickle"
)

// Errors of servers and clients.
var (
	// ErrClosed is returned by everything that is used after its Close, and by what was
	// waiting when Close was called.
	ErrClosed = handoff.Sentinel("manager: closed")
	// ErrAuthentication is returned when the two ends do not have the same key. It is package conn's.
	ErrAuthentication = conn.ErrAuthentication
	// ErrEmptyKey is returned when the key has no bytes and the options do not say that it is meant.
	ErrEmptyKey = handoff.Sentinel("manager: the authkey is empty, and EmptyAuthkey is not set")
	// ErrAddress is returned for an address that cannot be understood. It is package conn's.
	ErrAddress = conn.ErrAddress
)

// An Exception is an exception of Python. A client gets one when a method has raised it in
// the server; a method of a user type may return one to have it raised in the
// client, in Go or in Python. Errors that are no Exception become a RuntimeError with their text.
type Exception struct {
	Module string // "builtins", "queue"
	Name   string // "KeyError", "Empty"
	Args   []any  // as a graph, see package pickle
}

// NewException returns an exception of one of Python's own classes, such as ValueError.
// The args are values of a graph: strings, int64, and so on; see package pickle.
func NewException(name string, args ...any) *Exception {
	return &Exception{Module: builtins, Name: name, Args: args}
}

const builtins = "builtins"

func (e *Exception) Error() string {
	var b strings.Builder
	b.WriteString("manager: ")
	if e.Module != builtins && e.Module != "" {
		b.WriteString(e.Module)
		b.WriteByte('.')
	}
	b.WriteString(e.Name)
	if len(e.Args) > 0 {
		b.WriteString(": ")
	}
	for i, arg := range e.Args {
		if i > 0 {
			b.WriteString(", ")
		}
		if text, ok := arg.(string); ok && len(e.Args) == 1 && e.Name != "KeyError" {
			b.WriteString(text)
			continue
		}
		text, _ := pickle.AppendRepr(nil, arg, maxErrorText) // what is longer is cut
		b.Write(text)
	}
	return b.String()
}

// maxErrorText is how much of each argument stands in the text of an Exception.
const maxErrorText = 200

// A RemoteError is returned when the server refuses a request: there is no such object or
// method, the request is malformed, or the result cannot be sent. It is Python's
// RemoteError.
type RemoteError struct {
	Kind string // "#TRACEBACK" or "#UNSERIALIZABLE"
	Text string // what the server says: of Python's, a traceback
}

func (e *RemoteError) Error() string {
	text := strings.TrimRight(e.Text, "\n")
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		text = text[i+1:] // of a traceback, its last line says what it is
	}
	if e.Kind == "#UNSERIALIZABLE" {
		return "manager: the server cannot send its result: " + text
	}
	return "manager: the server: " + text
}
