package multiproc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/multiproc-go/multiproc"
)

func TestChildError(t *testing.T) {
	for _, test := range []struct {
		how  string
		text string
		is   []error
		not  error
	}{
		{"own", "wrapped: multiproc_test: own", []error{errOwn}, io.EOF},
		{"several", "multiproc_test: own\ndeep: unexpected EOF", []error{errOwn, io.ErrUnexpectedEOF}, io.EOF},
		{"file", "open /nowhere/at/all: no such file or directory", []error{fs.ErrNotExist, syscall.ENOENT}, errOwn},
		{"goexit", multiproc.ErrGoexit.Error(), []error{multiproc.ErrGoexit}, errOwn},
		{"?", "unknown: ?", nil, errOwn},
	} {
		p := startFail(t, test.how)
		err := p.Wait(patient(t))
		e, ok := errors.AsType[*multiproc.ChildError](err)
		if !ok {
			t.Errorf("%s: %T: %v", test.how, err, err)
			continue
		}
		if e.Err.Error() != test.text || e.Name != p.Name() || e.Pid != p.Pid() {
			t.Errorf("%s: %q of %q, %d", test.how, e.Err, e.Name, e.Pid)
		}
		for _, is := range test.is {
			if !errors.Is(err, is) {
				t.Errorf("%s: not %v", test.how, is)
			}
		}
		if errors.Is(err, test.not) {
			t.Errorf("%s: is %v", test.how, test.not)
		}
		if again := p.Wait(patient(t)); again != err {
			t.Errorf("%s: then %v", test.how, again)
		}
		if code, _ := p.ExitCode(); code != 1 {
			t.Errorf("%s: exit code %d", test.how, code)
		}
	}
}

func TestPanicError(t *testing.T) {
	for _, test := range []struct {
		how, value, stack string
		is                error
	}{
		{"panic", "boom", "multiproc_test.explode", nil},
		{"panic with error", "wrapped: multiproc_test: own", "entries_test.go", errOwn},
		{"panic with nil", "panic called with nil argument", "entries_test.go", nil},
		{"panic by the runtime", "index out of range [20] with length 0", "entries_test.go", nil},
		{"broken error", "an error that panics", "brokenError", nil},
	} {
		p := startFail(t, test.how)
		err := p.Wait(patient(t))
		e, ok := errors.AsType[*multiproc.PanicError](err)
		if !ok {
			t.Errorf("%s: %T: %v", test.how, err, err)
			continue
		}
		if !strings.Contains(e.Value, test.value) || !strings.Contains(e.Stack, test.stack) {
			t.Errorf("%s: %s", test.how, err)
		}
		if test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%s: not %v", test.how, test.is)
		}
		if code, _ := p.ExitCode(); code != 2 {
			t.Errorf("%s: exit code %d", test.how, code)
		}
	}
}

func startFail(t *testing.T, how string) *multiproc.Process {
	t.Helper()
	p, err := multiproc.Start(t.Context(), fail.With(how))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestErrorTexts(t *testing.T) {
	for _, test := range []struct {
		err  error
		text string
	}{
		{&multiproc.ChildError{Name: "n", Pid: 7, Err: io.EOF}, "n (pid 7): EOF"},
		{&multiproc.ExitError{Name: "n", Pid: 7, Code: 9}, "n (pid 7): exited with code 9"},
		{&multiproc.SignalError{Name: "n", Pid: 7, Signal: syscall.SIGKILL, CoreDumped: true, Err: context.Canceled},
			"n (pid 7): killed by signal: killed (core dumped), after: context canceled"},
		{&multiproc.StartError{Name: "n", Err: io.EOF}, "multiproc: start n: EOF"},
		{&multiproc.ProcessError{Op: "kill", Name: "n", Pid: 7, Err: io.EOF}, "multiproc: kill n (pid 7): EOF"},
		{&multiproc.PanicError{Name: "n", Pid: 7, Value: "v", Stack: "s"}, "n (pid 7): panic: v\n\ns"},
		{&multiproc.InterruptError{Signal: os.Interrupt}, "multiproc: signal: interrupt"},
	} {
		if got := test.err.Error(); got != test.text {
			t.Errorf("%q in place of %q", got, test.text)
		}
	}
	if !errors.Is(&multiproc.InterruptError{Signal: syscall.SIGTERM}, multiproc.ErrTerminated) {
		t.Error("SIGTERM is not ErrTerminated")
	}
	if fmt.Sprint(multiproc.Auto, multiproc.Processes, multiproc.Goroutines) != "auto processes goroutines" {
		t.Error("modes")
	}
}
