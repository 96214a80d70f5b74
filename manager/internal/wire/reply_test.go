package wire_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

func TestReplies(t *testing.T) {
	for _, kind := range []string{wire.KindReturn, wire.KindError, wire.KindTraceback, wire.KindProxy, wire.KindUnserializable} {
		got, result, err := wire.ParseReply(over(t, wire.NewReply(kind, "x")))
		if err != nil || got != kind || result != "x" {
			t.Errorf("%s: %s %v, %v", kind, got, result, err)
		}
	}
	for name, graph := range map[string]any{
		"nothing":       nil,
		"one":           pickle.NewTuple(wire.KindReturn),
		"three":         pickle.NewTuple(wire.KindReturn, nil, nil),
		"unknown":       pickle.NewTuple("#MAYBE", nil),
		"no kind":       pickle.NewTuple(nil, nil),
		"no traceback":  pickle.NewTuple(wire.KindTraceback, nil),
		"unserialized?": pickle.NewTuple(wire.KindUnserializable, int64(1)),
	} {
		if kind, result, err := wire.ParseReply(graph); !errors.Is(err, wire.ErrReply) {
			t.Errorf("%s: %s %v, %v", name, kind, result, err)
		}
	}
}

func TestCreatedAndProxyResults(t *testing.T) {
	names := pickle.NewTuple("get", "put")
	ident, exposed, err := wire.ParseCreated(over(t, pickle.NewTuple("1f", names)))
	if err != nil || ident != "1f" || !slices.Equal(exposed, []string{"get", "put"}) {
		t.Errorf("created: %s %v, %v", ident, exposed, err)
	}
	token := wire.Token{Type: "Iterator", Address: "/s", Ident: "20"}
	exposed, got, err := wire.ParseProxyResult(over(t, pickle.NewTuple(names, token.Graph())))
	if err != nil || got != token || !slices.Equal(exposed, []string{"get", "put"}) {
		t.Errorf("proxy: %v %+v, %v", exposed, got, err)
	}
	for _, graph := range []any{nil, pickle.NewTuple(), pickle.NewTuple("1", nil), pickle.NewTuple(int64(1), names), pickle.NewTuple("1", pickle.NewTuple(int64(1)))} {
		if _, _, err := wire.ParseCreated(graph); !errors.Is(err, wire.ErrReply) {
			t.Errorf("created: %s: %v", pickle.Repr(graph), err)
		}
		if _, _, err := wire.ParseProxyResult(graph); !errors.Is(err, wire.ErrReply) {
			t.Errorf("proxy: %s: %v", pickle.Repr(graph), err)
		}
	}
}

// TestTracebackText: the last line is what Python's users look at.
func TestTracebackText(t *testing.T) {
	text := wire.TracebackText("KeyError", "'1f'")
	if !strings.HasPrefix(text, "Traceback") || !strings.HasSuffix(text, "\nKeyError: '1f'\n") {
		t.Errorf("%q", text)
	}
}
