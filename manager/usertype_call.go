package manager

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime/debug"

	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

// A panicError is what became of a call that has panicked.
type panicError struct {
	function string
	value    any
	stack    []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic in %s: %v", e.function, e.value) }

// create runs the constructor.
func (u *UserType) create(ctx context.Context, args *pickle.Tuple, kwargs *pickle.Dict) (object reflect.Value, err error) {
	results, err := u.constructor.call(ctx, u.constructor.value, args, kwargs)
	if err != nil {
		return object, err
	}
	object = results[0]
	if k := object.Kind(); (k == reflect.Pointer || k == reflect.Interface || k == reflect.Map) && object.IsNil() {
		return object, NewException("RuntimeError", u.name+"() has made nothing")
	}
	return object, nil
}

// invoke calls a method that clients know by this name, and returns the graph of its result.
func (u *UserType) invoke(ctx context.Context, object reflect.Value, name string, args *pickle.Tuple, kwargs *pickle.Dict) (any, error) {
	fn, ok := u.methods[name]
	if !ok {
		return u.fallback(object, name)
	}
	results, err := fn.call(ctx, object.Method(fn.index), args, kwargs)
	if err != nil {
		return nil, err
	}
	return fn.graph(results)
}

// fallback is what every object can do.
func (u *UserType) fallback(object reflect.Value, name string) (text any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{u.name + ".String", p, debug.Stack()}
		}
	}()
	switch name {
	case wire.MethodStr, wire.MethodRepr:
		if s, ok := object.Interface().(fmt.Stringer); ok {
			return s.String(), nil
		}
		return "<" + u.name + " object>", nil
	case wire.MethodGetValue:
		return nil, NewException("TypeError", fmt.Sprintf("cannot pickle '%s' object", u.name))
	}
	return nil, NewException("AttributeError", fmt.Sprintf("'%s' object has no attribute '%s'", u.name, name))
}

// call makes Go values of the arguments and calls. The error is an Exception if the call was not
// possible, what the function returned, or a panicError.
func (fn *function) call(ctx context.Context, f reflect.Value, args *pickle.Tuple, kwargs *pickle.Dict) (results []reflect.Value, err error) {
	defer func() { // types of arguments may have methods, too
		if p := recover(); p != nil {
			results, err = nil, &panicError{fn.name, p, debug.Stack()}
		}
	}()
	in, err := fn.arguments(ctx, args, kwargs)
	if err != nil {
		return nil, err
	}
	if fn.variadic {
		results = f.CallSlice(in)
	} else {
		results = f.Call(in)
	}
	if fn.fails {
		last := len(results) - 1
		if failure, _ := results[last].Interface().(error); failure != nil {
			return nil, failure
		}
		results = results[:last]
	}
	return results, nil
}

func (fn *function) arguments(ctx context.Context, args *pickle.Tuple, kwargs *pickle.Dict) ([]reflect.Value, error) {
	if kwargs != nil && kwargs.Len() > 0 {
		return nil, NewException("TypeError", fn.name+"() takes no keyword arguments")
	}
	fixed := len(fn.in)
	if fn.variadic {
		fixed--
	}
	if n := len(args.Items); n < fixed || n > fixed && !fn.variadic {
		return nil, NewException("TypeError", fmt.Sprintf("%s() takes %s but %d %s given", fn.name, counted(fixed, fn.variadic), n, were(n)))
	}
	in := make([]reflect.Value, 0, len(fn.in)+1)
	if fn.ctx {
		in = append(in, reflect.ValueOf(ctx))
	}
	for i, t := range fn.in[:fixed] {
		v := reflect.New(t)
		if err := fn.convert(args.Items[i], v, i); err != nil {
			return nil, err
		}
		in = append(in, v.Elem())
	}
	if fn.variadic {
		rest := args.Items[fixed:]
		slice := reflect.MakeSlice(fn.in[fixed], len(rest), len(rest))
		for i, graph := range rest {
			if err := fn.convert(graph, slice.Index(i).Addr(), fixed+i); err != nil {
				return nil, err
			}
		}
		in = append(in, slice)
	}
	return in, nil
}

func (fn *function) convert(graph any, to reflect.Value, i int) error {
	if err := pickle.ToGo(graph, to.Interface()); err != nil {
		return NewException("TypeError", fmt.Sprintf("%s() argument %d: %v", fn.name, i+1, err))
	}
	return nil
}

// graph makes one value of all results.
func (fn *function) graph(results []reflect.Value) (graph any, err error) {
	// What reads a result may panic, as when the method goes on writing to a map.
	defer func() {
		if p := recover(); p != nil {
			graph, err = nil, &panicError{fn.name, p, debug.Stack()}
		}
	}()
	items := make([]any, len(results))
	for i, r := range results {
		if items[i], err = pickle.FromGo(r.Interface()); err != nil {
			return nil, &unserializableError{fn.name, err}
		}
	}
	switch len(items) {
	case 0:
		return nil, nil
	case 1:
		return items[0], nil
	}
	return &pickle.Tuple{Items: items}, nil
}

// An unserializableError says that a method has done its work, and its result cannot be sent.
type unserializableError struct {
	function string
	err      error
}

func (e *unserializableError) Error() string {
	return fmt.Sprintf("the result of %s: %v", e.function, e.err)
}

// closeObject drops an object.
func (u *UserType) closeObject(object reflect.Value) (err error) {
	if !u.closes {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{u.name + ".Close", p, debug.Stack()}
		}
	}()
	return object.Interface().(io.Closer).Close()
}

// failure is the reply that tells err to a client.
func failure(err error) (kind string, result any) {
	if p, ok := err.(*panicError); ok {
		return wire.KindTraceback, wire.TracebackText("RuntimeError", p.Error())
	}
	if u, ok := err.(*unserializableError); ok {
		return wire.KindUnserializable, wire.TracebackText("TypeError", u.Error())
	}
	var e *Exception
	if !errors.As(err, &e) {
		e = NewException("RuntimeError", err.Error())
	}
	return wire.KindError, pickle.NewException(e.Module, e.Name, e.Args...)
}

func counted(n int, orMore bool) string {
	text := fmt.Sprintf("%d arguments", n)
	if n == 1 {
		text = "1 argument"
	}
	if orMore {
		text = "at least " + text
	}
	return text
}

func were(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}
