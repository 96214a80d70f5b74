package multiproc

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/handoff"
)

var takesFile = Proc("takes file", func(context.Context, *File) error { return nil })

// Should the kernel refuse to take a descriptor along, as it does when very many are on
// their way, then the child waits for it in vain.
func TestArgumentCannotBeSent(t *testing.T) {
	if family.ModeOf() == family.Goroutines {
		t.Skip("the argument does not travel")
	}
	m, err := here.member()
	if err != nil {
		t.Fatal(err)
	}
	closed, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	arg, err := handoff.Encode(NewFile(closed))
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	arg.Close()
	task := takesFile.With(nil)
	p := newProcess(here, task)
	if err := startProcess(t.Context(), p, task, m, arg); err != nil {
		t.Fatal(err)
	}
	err = p.Wait(t.Context())
	if _, ok := errors.AsType[*StartError](err); !ok || !errors.Is(err, os.ErrClosed) {
		t.Errorf("%T: %v", err, err)
	}
}
