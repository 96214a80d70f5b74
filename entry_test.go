package multiproc_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc"
)

func TestStartRefused(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	loop := &parcel{}
	loop.Next = loop
	before := multiproc.Children(t.Context())
	for name, test := range map[string]struct {
		ctx  context.Context
		task multiproc.Task
		is   error
		text string
	}{
		"context ended": {ended, double.With(1), context.Canceled, "double"},
		"no handler":    {t.Context(), declaredOnly.With(1), multiproc.ErrNoHandler, "declared only"},
		"cycle":         {t.Context(), mirror.With(*loop), nil, "contains itself"},
	} {
		p, err := multiproc.Start(test.ctx, test.task)
		if _, ok := errors.AsType[*multiproc.StartError](err); !ok || p != nil {
			t.Errorf("%s: %v, %T: %v", name, p, err, err)
			continue
		}
		if test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if c := multiproc.Children(t.Context()); !slices.Equal(c, before) {
		t.Errorf("started all the same: %v", c)
	}
}

func TestStartOfZeroTask(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	multiproc.Start(t.Context(), multiproc.Task{})
}

func TestDeclarationPanics(t *testing.T) {
	type hidden struct {
		Deep []struct{ Fn func() }
	}
	for name, test := range map[string]struct {
		declare func()
		texts   []string
	}{
		"empty name": {
			func() { multiproc.Proc("", func(context.Context, int) error { return nil }) },
			[]string{"name", "entry_test.go:"},
		},
		"argument": {
			func() { multiproc.Proc("hidden", func(context.Context, hidden) error { return nil }) },
			[]string{"argument", "hidden.Deep[].Fn", "entry_test.go:"},
		},
		"result": {
			func() {
				multiproc.Func("hidden", func(context.Context, int) (chan int, error) { return nil, nil })
			},
			[]string{"result", "chan int"},
		},
		"twice": {
			func() { multiproc.Declare[int, int]("double") },
			[]string{"double", "entries_test.go:", "entry_test.go:"},
		},
		"handled twice": {
			func() { double.Handle(func(_ context.Context, n int) (int, error) { return n, nil }) },
			[]string{"double", "entries_test.go:", "entry_test.go:"},
		},
		"late": {
			func() { multiproc.Declare[int, int]("late") },
			[]string{"late", "after Main or Init"},
		},
		"handled late": {
			func() { declaredOnly.Handle(func(_ context.Context, n int) (int, error) { return n, nil }) },
			[]string{"declared only", "after Main or Init"},
		},
		"nil function": {
			func() { declaredOnly.Handle(nil) },
			[]string{"declared only", "nil"},
		},
	} {
		func() {
			defer func() {
				e, ok := recover().(*multiproc.DeclarationError)
				if !ok {
					t.Errorf("%s: no DeclarationError", name)
					return
				}
				for _, text := range test.texts {
					if !strings.Contains(e.Error(), text) {
						t.Errorf("%s: %q lacks %q", name, e, text)
					}
				}
			}()
			test.declare()
		}()
	}
}
