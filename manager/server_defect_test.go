package manager_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/multiproc-go/multiproc/internal/modetest"
	"github.com/multiproc-go/multiproc/manager"
	"github.com/multiproc-go/multiproc/manager/internal/state"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
)

// brokenState panics in a call of the method panic.
type brokenState struct {
	after int // commands since
	broke bool
}

func (b *brokenState) Apply(_ uint64, c *state.Command) ([]state.Reply, []string) {
	if b.broke {
		b.after++
	}
	if c.Op == state.Call && c.Method == "panic" {
		b.broke = true
		panic("half done")
	}
	return nil, nil // calls wait
}

func (b *brokenState) Deadline() (time.Duration, bool) { return 0, false }

// TestDefect: after a panic in the state no command is executed, those who wait notice, and Serve says why.
func TestDefect(t *testing.T) {
	b := new(brokenState)
	var log record
	s, err := manager.NewServerOf(manager.Options{Logger: logTo(&log)}, b)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	waits, f := open(t, s), open(t, s)
	send(t, waits, wire.NewRequest("1", "wait").Graph())
	if kind, result := call(t, f, "1", "panic"); kind != wire.KindTraceback || !strings.Contains(result.(string), "SystemError") {
		t.Errorf("the call: %s %v", kind, result)
	}
	if err := modetest.Receive(t, served, "end of Serve"); err == nil || !strings.Contains(err.Error(), `method "panic": half done`) {
		t.Errorf("Serve: %v", err)
	}
	if _, err := waits.Recv(modetest.Patient(t)); err != io.EOF {
		t.Errorf("who waits: %v", err)
	}
	if b.after != 0 {
		t.Errorf("%d commands after the panic", b.after)
	}
	if text := log.String(); !strings.Contains(text, "half done") || !strings.Contains(text, "Apply") {
		t.Errorf("log: %s", text)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
