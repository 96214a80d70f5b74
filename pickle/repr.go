package pickle

import (
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// reprLimit is how long a repr is at most, if nobody says.
const reprLimit = 1 << 20

// Repr returns Python's repr of v. What is longer than 1 MiB, nested too deeply, or an int with more than 4300 digits
// ends in "..." there; AppendRepr says so by an error.
//
// Strings are quoted by the Unicode tables of Go. An Object whose class has the name of an exception is written as
// one; any other is written as Python does by default, without an address: <queue.Queue object>.
func Repr(v any) string {
	b, err := AppendRepr(nil, v, 0)
	if err != nil {
		b = append(b, "..."...)
	}
	return string(b)
}

// AppendRepr appends Python's repr of v, at most limit bytes of it; 0 stands for 1 MiB. What is longer ends in a
// *LimitError, what is nested too deeply in a *DepthError; dst then has what was written before.
func AppendRepr(dst []byte, v any, limit int) ([]byte, error) {
	if limit <= 0 {
		limit = reprLimit
	}
	r := reprer{out: dst, start: len(dst), limit: limit}
	err := r.value(v)
	if err == nil {
		err = r.check()
	}
	if len(r.out) > r.start+limit {
		r.out = r.out[:r.start+limit]
	}
	return r.out, err
}

// reprer writes one repr.
type reprer struct {
	out   []byte
	start int
	limit int
	path  []address        // the containers around
	deep  map[address]bool // those of path beyond shallow
}

// shallow is how many containers around are looked through one by one.
const shallow = 16

func (r *reprer) check() error {
	if len(r.out)-r.start > r.limit {
		return &LimitError{"Output", int64(r.limit)}
	}
	return nil
}

func (r *reprer) add(s string) { r.out = append(r.out, s...) }

func (r *reprer) value(v any) error {
	if err := r.check(); err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
		r.add("None")
	case bool:
		if v {
			r.add("True")
		} else {
			r.add("False")
		}
	case int64:
		r.out = strconv.AppendInt(r.out, v, 10)
	case *big.Int:
		var err error
		r.out, err = appendDecimal(r.out, v, defaultDigits)
		return err
	case float64:
		r.out = appendFloat(r.out, v)
	case complex128:
		r.out = appendComplex(r.out, v)
	case string:
		r.out = appendQuoted(r.out, v[:min(len(v), r.limit)])
	case Bytes:
		r.out = appendBytes(r.out, string(v[:min(len(v), r.limit)]), false)
	case *ByteArray:
		r.add("bytearray(")
		r.out = appendBytes(r.out, string(v.Data[:min(len(v.Data), r.limit)]), true)
		r.add(")")
	case *Tuple:
		return r.nested(v, "(...)", func() error { return r.tuple(v.Items) })
	case *List:
		return r.nested(v, "[...]", func() error { return r.list("[", v.Items, "]") })
	case *Dict:
		return r.nested(v, "{...}", func() error { return r.dict(v) })
	case *Set:
		return r.nested(v, TypeName(v)+"(...)", func() error { return r.set(v) })
	case *Slice:
		return r.nested(v, "", func() error { return r.list("slice(", []any{v.Start, v.Stop, v.Step}, ")") })
	case *Range:
		args := []any{v.Start, v.Stop, v.Step}
		if equalNumbers(v.Step, int64(1)) {
			args = args[:2]
		}
		return r.list("range(", args, ")")
	case *Global:
		r.add(v.repr())
	case *Object:
		return r.object(v)
	case Custom:
		r.add(v.PyRepr())
	default:
		r.add("<" + goTypeName(v) + " object>")
	}
	return nil
}

// nested writes a container by inside, or as recursive if it is around itself. Python does not look for that in slices.
func (r *reprer) nested(v any, recursive string, inside func() error) error {
	if len(r.path) >= maxDepth {
		return &DepthError{"while getting the repr of an object"}
	}
	at := wordOf(v)
	if recursive != "" && (r.deep[at] || slices.Contains(r.path[:min(len(r.path), shallow)], at)) {
		r.add(recursive)
		return nil
	}
	r.path = append(r.path, at)
	if len(r.path) > shallow {
		if r.deep == nil {
			r.deep = make(map[address]bool)
		}
		r.deep[at] = true
	}
	err := inside()
	if len(r.path) > shallow {
		delete(r.deep, at)
	}
	r.path = r.path[:len(r.path)-1]
	return err
}

func (r *reprer) list(open string, items []any, end string) error {
	r.add(open)
	for i, item := range items {
		if i > 0 {
			r.add(", ")
		}
		if err := r.value(item); err != nil {
			return err
		}
	}
	r.add(end)
	return nil
}

func (r *reprer) tuple(items []any) error {
	if len(items) == 1 {
		return r.list("(", items, ",)")
	}
	return r.list("(", items, ")")
}

func (r *reprer) dict(d *Dict) error {
	r.add("{")
	first := true
	for key, value := range d.All() {
		if !first {
			r.add(", ")
		}
		first = false
		if err := r.value(key); err != nil {
			return err
		}
		r.add(": ")
		if err := r.value(value); err != nil {
			return err
		}
	}
	r.add("}")
	return nil
}

func (r *reprer) set(s *Set) error {
	open, end := "{", "}"
	switch {
	case s.Len() == 0:
		open, end = TypeName(s)+"(", ")"
	case s.frozen:
		open, end = "frozenset({", "})"
	}
	items := make([]any, 0, s.Len())
	for item := range s.All() {
		items = append(items, item)
	}
	return r.list(open, items, end)
}

func (r *reprer) object(o *Object) error {
	module, name, ok := o.Class()
	switch {
	case !ok:
		r.add("<object>")
		return nil
	case module == builtins && name == "type" && o.Args != nil && len(o.Args.Items) == 1: // of None, say
		r.add("<class '" + TypeName(o.Args.Items[0]) + "'>")
		return nil
	case o.Args == nil || !isExceptionName(module, name):
		r.add("<" + qualified(module, name) + " object>")
		return nil
	}
	return r.nested(o, lastName(name)+"(...)", func() error { return r.list(lastName(name)+"(", o.Args.Items, ")") })
}

// isExceptionName guesses whether a class is an exception: Python's own are named so, but for a few.
func isExceptionName(module, name string) bool {
	name = lastName(name)
	for _, end := range []string{"Error", "Exception", "Warning"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	switch name {
	case "StopIteration", "StopAsyncIteration", "KeyboardInterrupt", "SystemExit", "GeneratorExit", "BaseExceptionGroup", "ExceptionGroup":
		return module == "builtins"
	case "Empty", "Full", "ShutDown":
		return module == "queue" || module == "_queue" || module == "asyncio.queues"
	case "BufferTooShort":
		return module == "multiprocessing.context"
	}
	return false
}

// typeName returns "type" for a class. Python's own functions begin with a small letter, as few of its classes do.
func (g *Global) typeName() string {
	switch {
	case g.Module != "builtins":
		return "type"
	case g.Name == "Ellipsis":
		return "ellipsis"
	case g.Name == "NotImplemented":
		return "NotImplementedType"
	case isBuiltinFunction(g.Name):
		return "builtin_function_or_method"
	}
	return "type"
}

func (g *Global) repr() string {
	switch g.typeName() {
	case "type":
		return "<class '" + qualified(g.Module, g.Name) + "'>"
	case "builtin_function_or_method":
		return "<built-in function " + g.Name + ">"
	}
	return g.Name
}

func isBuiltinFunction(name string) bool {
	switch name {
	case "__build_class__", "__import__", "abs", "aiter", "all", "anext", "any", "ascii", "bin", "breakpoint", "callable", "chr",
		"compile", "delattr", "dir", "divmod", "eval", "exec", "format", "getattr", "globals", "hasattr", "hash", "hex", "id",
		"input", "isinstance", "issubclass", "iter", "len", "locals", "max", "min", "next", "oct", "open", "ord", "pow", "print",
		"repr", "round", "setattr", "sorted", "sum", "vars":
		return true
	}
	return false
}

// qualified is how Python names a class: without its module, if that is builtins.
func qualified(module, name string) string {
	if module == "builtins" {
		return name
	}
	return module + "." + name
}

// lastName is what is behind the last dot.
func lastName(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }
