package manager

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// A UserType is a Go type whose objects live in a [Server], for clients to create and call; [Type] makes one.
type UserType struct {
	name        string
	constructor function
	value       reflect.Type
	closes      bool                // it is an io.Closer
	methods     map[string]function // by the names that clients use
	exposed     []string            // those names
}

// Type declares a Go type that clients of a [Server] may create under a name. The constructor is a
// function that returns the object, or the object and an error:
//
//	manager.Options{Types: []manager.UserType{
//		manager.Type("Counter", func(start int) (*Counter, error) { … }),
//	}}
//
// The object's exported methods are what clients may call, or those of them that are named
// here. They are called by their own name, and in the manner of Python: AddAll also is add_all (and Del, whose
// name Python could not write, del_). In Python this is all it takes:
//
//	class M(SyncManager): pass
//	M.register("Counter")
//
// Constructor and methods may begin with a context.Context, which ends when the client that
// waits for the call is gone, or the server. Their other arguments are made by pickle.ToGo of what the
// client sends, and their results go back by pickle.FromGo: none is None, several are a
// tuple. A last result of type error that is not nil becomes an exception: an [Exception] that it is or wraps
// itself, anything else a RuntimeError with its text, which the client sees in full.
// There are no keyword arguments. A panic is logged with its stack and told to the client
// as a RemoteError without it; the server and the object live on.
//
// A value of a class that Go does not know, and a proxy, are given as they are to an argument of type any, for
// the method to return them or to keep them; a proxy that is kept so does not keep its object.
//
// Methods run in goroutines of their own. Several clients' calls run at the same time, and what a
// method has returned is read after it: the type has to be safe for that.
//
// An object is dropped when no client refers to it any more. If it is an io.Closer, Close is called then, once,
// or when the server stops; clients cannot call it.
// If it has a method String, that is its text in Python.
//
// Type panics if the constructor is not of this form, or a method has an argument or a
// result that cannot be sent, such as a channel.
func Type(name string, constructor any, methods ...string) UserType {
	u, err := newUserType(name, constructor, methods)
	if err != nil {
		panic(fmt.Errorf("manager: Type %q: %w", name, err))
	}
	return u
}

// Name returns the name by which clients create the type.
func (u UserType) Name() string { return u.name }

// Exposed returns the names of the methods that clients may call.
func (u UserType) Exposed() []string { return slices.Clone(u.exposed) }

func newUserType(name string, constructor any, only []string) (UserType, error) {
	u := UserType{name: name, methods: make(map[string]function)}
	if name == "" {
		return u, errors.New("a type needs a name")
	}
	c := reflect.ValueOf(constructor)
	if c.Kind() != reflect.Func || c.IsNil() {
		return u, fmt.Errorf("the constructor is a %T, not a function", constructor)
	}
	fn, err := newFunction(name, c.Type(), 0)
	if err != nil {
		return u, fmt.Errorf("the constructor: %w", err)
	}
	if len(fn.out) != 1 {
		return u, errors.New("the constructor does not return one object, or one and an error")
	}
	fn.value = c
	u.constructor, u.value = fn, fn.out[0]
	u.closes = u.value.Implements(reflect.TypeFor[io.Closer]())
	if err := u.addMethods(only); err != nil {
		return u, err
	}
	slices.Sort(u.exposed)
	return u, nil
}

// addMethods finds the methods. A value's methods and a pointer's are told apart by the constructor's result.
func (u *UserType) addMethods(only []string) error {
	for _, name := range only {
		if _, ok := u.value.MethodByName(name); !ok {
			return fmt.Errorf("%v has no exported method %s", u.value, name)
		}
	}
	taken := make(map[string]string) // whose a name is
	for i := range u.value.NumMethod() {
		m := u.value.Method(i)
		if !m.IsExported() || len(only) > 0 && !slices.Contains(only, m.Name) || u.closes && m.Name == "Close" {
			continue
		}
		skip := 1 // the receiver
		if u.value.Kind() == reflect.Interface {
			skip = 0
		}
		fn, err := newFunction(u.name+"."+m.Name, m.Type, skip)
		if err == nil {
			err = fn.sendable()
		}
		if err != nil {
			return fmt.Errorf("method %s: %w; name the methods to offer without it", m.Name, err)
		}
		fn.index = m.Index
		for _, name := range pythonNames(m.Name) {
			if other := taken[name]; other != "" {
				return fmt.Errorf("methods %s and %s are both called %s", other, m.Name, name)
			}
			taken[name] = m.Name
			u.methods[name] = fn
			u.exposed = append(u.exposed, name)
		}
	}
	if len(u.exposed) == 0 {
		return fmt.Errorf("%v has no exported methods", u.value)
	}
	return nil
}

// pythonNames are the names by which clients call a method.
func pythonNames(method string) []string {
	snake := snakeCase(method)
	if slices.Contains(keywords(), snake) {
		snake += "_" // as Python's style guide has it
	}
	if slices.Contains(keywords(), method) { // Python's AutoProxy writes a def for each name, and would not compile
		return []string{snake}
	}
	return []string{method, snake}
}

// keywords are those of Python that a method could be called.
func keywords() []string {
	return strings.Fields("False None True and as assert async await break class continue def del elif else except " +
		"finally for from global if import in is lambda nonlocal not or pass raise return try while with yield")
}

// snakeCase writes GetURLs as get_urls, and ID as id.
func snakeCase(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) {
			before, last := runes[i-1], i+1 == len(runes)
			plural := i+2 == len(runes) && runes[i+1] == 's'
			if !unicode.IsUpper(before) && before != '_' || !last && unicode.IsLower(runes[i+1]) && !plural && before != '_' {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// A function is a constructor or a method.
type function struct {
	name     string        // for errors
	value    reflect.Value // of a constructor
	index    int           // of a method, in its type
	ctx      bool          // begins with a context
	in       []reflect.Type
	variadic bool
	out      []reflect.Type // without the error
	fails    bool           // ends with an error
}

func newFunction(name string, t reflect.Type, skip int) (function, error) {
	fn := function{name: name, variadic: t.IsVariadic()}
	for i := skip; i < t.NumIn(); i++ {
		if i == skip && t.In(i) == reflect.TypeFor[context.Context]() {
			fn.ctx = true
			continue
		}
		fn.in = append(fn.in, t.In(i))
	}
	for i := range t.NumOut() {
		if i == t.NumOut()-1 && t.Out(i) == reflect.TypeFor[error]() {
			fn.fails = true
			continue
		}
		fn.out = append(fn.out, t.Out(i))
	}
	for i, in := range fn.in {
		if err := sendable(in, true, nil); err != nil {
			return fn, fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	return fn, nil
}

func (fn *function) sendable() error {
	for i, out := range fn.out {
		if err := sendable(out, false, nil); err != nil {
			return fmt.Errorf("result %d: %w", i+1, err)
		}
	}
	return nil
}

// sendable finds what cannot be sent in any case; the rest is told by package pickle when it happens.
func sendable(t reflect.Type, argument bool, above []reflect.Type) error {
	if slices.Contains(above, t) {
		return nil
	}
	above = append(above, t)
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Uintptr:
		return fmt.Errorf("a %v cannot be sent", t)
	case reflect.Interface:
		if argument && t.NumMethod() > 0 {
			return fmt.Errorf("a %v cannot be made of what is sent", t)
		}
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return sendable(t.Elem(), argument, above)
	case reflect.Map:
		if err := sendable(t.Key(), argument, above); err != nil {
			return err
		}
		return sendable(t.Elem(), argument, above)
	}
	return nil
}
