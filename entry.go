package multiproc

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"runtime/debug"
	"sync"

	entrypoint "github.com/multiproc-go/multiproc/internal/entry"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/handoff"
	"github.com/multiproc-go/multiproc/internal/handoff/mark"
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
	where   place // of the declaration
	handled place // of the handler, 0 while there is none

	argument, result reflect.Type

	// call runs the function on an encoded argument, for member m.
	call func(ctx context.Context, arg handoff.Payload, m *family.Member) (handoff.Payload, error)

	// serve makes what runs it many times in one process, and encode an argument for that.
	serve  func() (entrypoint.Func, error)
	encode func(arg any) ([]byte, error)
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

func declare[A, R any](name string, where place) *Entry[A, R] {
	e := &entry{name: name, where: where, argument: reflect.TypeFor[A](), result: reflect.TypeFor[R]()}
	if name == "" {
		e.fail(errNoName)
	}
	if !mark.IsMarked() {
		e.check()
	} // else this is most likely a child, whose parent has checked the same types before
	registry.Lock()
	defer registry.Unlock()
	if first := registry.entries[name]; first != nil {
		panic(&DeclarationError{Name: name, Where: where.String(), First: first.where.String(), Err: errDeclared})
	}
	if registry.closed {
		e.fail(errLate)
	}
	registry.entries[name] = e
	return &Entry[A, R]{e}
}

// check panics if values of e's types could not travel.
func (e *entry) check() {
	if err := handoff.Check(e.argument); err != nil {
		e.fail(fmt.Errorf("the argument: %w", err))
	}
	if err := handoff.Check(e.result); err != nil {
		e.fail(fmt.Errorf("the result: %w", err))
	}
}

func (e *entry) fail(err error) {
	panic(&DeclarationError{Name: e.name, Where: e.where.String(), Err: err})
}

// checkEntries is for a process that was marked and turned out to be no child.
func checkEntries() {
	registry.Lock()
	defer registry.Unlock()
	for _, e := range registry.entries {
		e.check()
	}
}

func (e *Entry[A, R]) handle(where place, fn func(context.Context, A) (R, error)) {
	registry.Lock()
	defer registry.Unlock()
	fail := func(first place, err error) {
		panic(&DeclarationError{Name: e.entry.name, Where: where.String(), First: first.String(), Err: err})
	}
	switch {
	case fn == nil:
		fail(0, errNoFunc)
	case e.entry.handled != 0:
		fail(e.entry.handled, errHandled)
	case registry.closed:
		fail(0, errLate)
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
		result.Settle(true) // whether it arrives or not, this entry is over
		return result, nil
	}
	coders := sync.OnceValues(newCoders[A, R])
	e.entry.serve = func() (entrypoint.Func, error) {
		c, err := coders()
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, m *family.Member, arg, out []byte) ([]byte, error) {
			var in A
			if err := c.argument.Decode(arg, &in, m); err != nil {
				return out, fmt.Errorf("multiproc: the argument: %w", err)
			}
			result, err := fn(ctx, in)
			if err != nil {
				return out, err
			}
			encoded, err := c.result.Append(out, &result)
			if err != nil {
				return out, fmt.Errorf("multiproc: the result: %w", err)
			}
			return encoded, nil
		}, nil
	}
	e.entry.encode = func(arg any) ([]byte, error) {
		c, err := coders()
		if err != nil {
			return nil, err
		}
		in := arg.(A)
		return c.argument.Append(nil, &in)
	}
}

// coders are for an entry that runs many times in one process.
type coders[A, R any] struct {
	argument *handoff.Coder[A]
	result   *handoff.Coder[R]
}

func newCoders[A, R any]() (c coders[A, R], err error) {
	if c.argument, err = handoff.NewCoder[A](); err != nil {
		return c, fmt.Errorf("the argument: %w", err)
	}
	if c.result, err = handoff.NewCoder[R](); err != nil {
		return c, fmt.Errorf("the result: %w", err)
	}
	return c, nil
}

// provide gives what a pool needs to the floor above.
func provide() {
	entrypoint.Provide(entrypoint.Means{
		Lookup: func(name string) entrypoint.Func {
			e := lookup(name)
			if e == nil || e.serve == nil {
				return nil
			}
			fn, err := e.serve()
			if err != nil {
				return nil // the parent has been told so
			}
			return fn
		},
		Encode: func(task any) (string, []byte, error) {
			t := task.(Task)
			switch {
			case t.entry == nil:
				return "", nil, nil
			case t.entry.encode == nil:
				return "", nil, ErrNoHandler
			}
			arg, err := t.entry.encode(t.arg)
			return t.entry.name, arg, err
		},
		Member: func(ctx context.Context) (*family.Member, error) { return selfOf(ctx).member() },
	})
}

// A place is where in the source something was called; 0 is nowhere.
type place uintptr

// caller is the place outside this package that called an exported function.
func caller() place {
	var pc [1]uintptr
	runtime.Callers(3, pc[:])
	return place(pc[0])
}

// String is the place's file:line, "" for nowhere.
func (p place) String() string {
	if p == 0 {
		return ""
	}
	frame, _ := runtime.CallersFrames([]uintptr{uintptr(p)}).Next()
	return fmt.Sprintf("%s:%d", frame.File, frame.Line)
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
