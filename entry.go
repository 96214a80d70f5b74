package multiproc

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/handoff"
)

// None is the argument of an entry that needs none, and the result of one that
// was declared by [Proc].
type None struct{}

// An Entry is a named function that a child process can be started in. Declare
// entries in package variables or init functions: a child is the same program,
// and finds its entry by name before Main or Init returns.
type Entry[A, R any] struct {
	entry *entry
}

// entry is an Entry without its types.
type entry struct {
	name    string
	where   string // file:line of the declaration
	handled string // file:line of the handler, "" while there is none

	// call runs the function on an encoded argument, for member m.
	call func(ctx context.Context, arg handoff.Payload, m *family.Member) (handoff.Payload, error)
}

// registry holds the program's entries.
var registry = struct {
	sync.Mutex
	entries map[string]*entry
	closed  bool // Main or Init has run
}{entries: map[string]*entry{}}

// Func declares an entry. It panics with a [*DeclarationError] if name is empty
// or taken, or if values of A or R would lose something on their way from one
// process to another: unexported fields, functions, channels, interfaces.
func Func[A, R any](name string, fn func(context.Context, A) (R, error)) *Entry[A, R] {
	where := caller()
	e := declare[A, R](name, where)
	e.handle(where, fn)
	return e
}

// Proc declares an entry that has no result but an error; otherwise as [Func].
func Proc[A any](name string, fn func(context.Context, A) error) *Entry[A, None] {
	where := caller()
	e := declare[A, None](name, where)
	if fn == nil {
		e.handle(where, nil)
	}
	e.handle(where, func(ctx context.Context, arg A) (None, error) { return None{}, fn(ctx, arg) })
	return e
}

// Declare declares an entry whose function is given later, by [Entry.Handle] in
// an init function: for an entry that starts itself, which would otherwise be an
// initialization cycle.
func Declare[A, R any](name string) *Entry[A, R] {
	return declare[A, R](name, caller())
}

// Handle gives a declared entry its function. It panics with a
// [*DeclarationError] if it has one.
func (e *Entry[A, R]) Handle(fn func(context.Context, A) (R, error)) {
	e.handle(caller(), fn)
}

// Name is the name that the entry was declared with.
func (e *Entry[A, R]) Name() string { return e.entry.name }

func declare[A, R any](name, where string) *Entry[A, R] {
	fail := func(err error) { panic(&DeclarationError{Name: name, Where: where, Err: err}) }
	if name == "" {
		fail(errNoName)
	}
	if err := handoff.Check(reflect.TypeFor[A]()); err != nil {
		fail(fmt.Errorf("the argument: %w", err))
	}
	if err := handoff.Check(reflect.TypeFor[R]()); err != nil {
		fail(fmt.Errorf("the result: %w", err))
	}
	registry.Lock()
	defer registry.Unlock()
	if first := registry.entries[name]; first != nil {
		panic(&DeclarationError{Name: name, Where: where, First: first.where, Err: errDeclared})
	}
	if registry.closed {
		fail(errLate)
	}
	e := &entry{name: name, where: where}
	registry.entries[name] = e
	return &Entry[A, R]{e}
}

func (e *Entry[A, R]) handle(where string, fn func(context.Context, A) (R, error)) {
	registry.Lock()
	defer registry.Unlock()
	fail := func(first string, err error) {
		panic(&DeclarationError{Name: e.entry.name, Where: where, First: first, Err: err})
	}
	switch {
	case fn == nil:
		fail("", errNoFunc)
	case e.entry.handled != "":
		fail(e.entry.handled, errHandled)
	case registry.closed:
		fail("", errLate)
	}
	e.entry.handled = where
	e.entry.call = func(ctx context.Context, arg handoff.Payload, m *family.Member) (handoff.Payload, error) {
		var in A
		files, err := handoff.Decode(arg, &in, m)
		if err != nil {
			return handoff.Payload{}, fmt.Errorf("multiproc: the argument: %w", err)
		}
		defer files.Close() // after the result, of which they may be part
		out, err := fn(ctx, in)
		if err != nil {
			return handoff.Payload{}, err
		}
		result, err := handoff.Encode(out)
		if err != nil {
			return handoff.Payload{}, fmt.Errorf("multiproc: the result: %w", err)
		}
		return result, nil
	}
}

// caller is the file:line outside this package that called an exported function.
func caller() string {
	if _, file, line, ok := runtime.Caller(2); ok {
		return fmt.Sprintf("%s:%d", file, line)
	}
	return "an unknown place"
}

// closeRegistry ends the time of declarations. It reports whether that is news.
func closeRegistry() bool {
	registry.Lock()
	defer registry.Unlock()
	first := !registry.closed
	registry.closed = true
	return first
}

func initialized() bool {
	registry.Lock()
	defer registry.Unlock()
	return registry.closed
}

func lookup(name string) *entry {
	registry.Lock()
	defer registry.Unlock()
	return registry.entries[name]
}

// run calls the entry in a goroutine of its own, so that a Goexit ends nothing
// else, and returns how it ended.
func (e *entry) run(ctx context.Context, arg handoff.Payload, m *family.Member) outcome {
	ended := make(chan outcome, 1)
	go func() {
		var o outcome
		returned := false
		defer func() {
			if !returned {
				// A panic with nil is not nil here: it is a *runtime.PanicNilError.
				if v := recover(); v != nil {
					o = panicked(v, debug.Stack())
				} else {
					o = failed(ErrGoexit)
				}
			}
			ended <- o
		}()
		result, err := e.call(ctx, arg, m)
		if err != nil {
			o = failed(err) // calls its Error method: may panic too
		} else {
			o = outcome{kind: kindResult, result: result}
		}
		returned = true
	}()
	return <-ended
}
