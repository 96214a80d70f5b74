package pickle_test

import (
	"math"
	"strings"
	"testing"

	"github.com/multiproc-go/multiproc/pickle"
)

// TestRepr has what the corpus and the living Python cannot tell: what an instance looks like whose class is unknown.
func TestRepr(t *testing.T) {
	object := func(how pickle.Construction, callable any, args ...any) *pickle.Object {
		return &pickle.Object{How: how, Callable: callable, Args: pickle.NewTuple(args...)}
	}
	global := func(module, name string) *pickle.Global { return &pickle.Global{Module: module, Name: name} }
	self := pickle.NewException("builtins", "ValueError", nil)
	self.Args.Items[0] = self
	for _, c := range []struct {
		v          any
		repr, kind string
	}{
		{pickle.NewException("builtins", "KeyError", "zz"), "KeyError('zz')", "KeyError"},
		{pickle.NewException("builtins", "ValueError"), "ValueError()", "ValueError"},
		{pickle.NewException("m.n", "Outer.CustomError", int64(1), "b"), "CustomError(1, 'b')", "CustomError"},
		{pickle.NewException("queue", "Empty"), "Empty()", "Empty"},
		{pickle.NewException("m", "Empty"), "<m.Empty object>", "Empty"},
		{pickle.NewException("builtins", "StopIteration", nil), "StopIteration(None)", "StopIteration"},
		{self, "ValueError(ValueError(...))", "ValueError"},
		{object(pickle.ByNew, global("m", "C")), "<m.C object>", "C"},
		{object(pickle.ByReduce, global("builtins", "reversed"), pickle.NewList()), "<reversed object>", "reversed"},
		{object(pickle.ByReduce, global("copyreg", "_reconstructor"), global("m", "C"), nil, nil), "<m.C object>", "C"},
		{object(pickle.ByReduce, global("builtins", "type"), nil), "<class 'NoneType'>", "type"},
		{&pickle.Object{How: pickle.ByPersistentID, Callable: int64(1)}, "<object>", "object"},
		{global("builtins", "int"), "<class 'int'>", "type"},
		{global("m", "C.D"), "<class 'm.C.D'>", "type"},
		{global("builtins", "len"), "<built-in function len>", "builtin_function_or_method"},
		{global("builtins", "Ellipsis"), "Ellipsis", "ellipsis"},
		{global("builtins", "NotImplemented"), "NotImplemented", "NotImplementedType"},
		{5, "<int object>", "int"}, // not of a graph
		{"a\xffb", `'a\xffb'`, "str"},
		{math.Copysign(0, -1), "-0.0", "float"},
	} {
		if got := pickle.Repr(c.v); got != c.repr && c.v != any(self) {
			t.Errorf("%s, want %s", got, c.repr)
		}
		if got := pickle.TypeName(c.v); got != c.kind {
			t.Errorf("the type of %s is %s, want %s", c.repr, got, c.kind)
		}
	}
	if got := pickle.Repr(self); got != "ValueError(ValueError(...))" {
		t.Error(got)
	}
	long := pickle.NewList(strings.Repeat("x", 2<<20))
	if got := pickle.Repr(long); len(got) != 1<<20+3 || !strings.HasSuffix(got, "xxx...") {
		t.Errorf("%d bytes", len(got))
	}
}

func TestTruth(t *testing.T) {
	one := pickle.NewSet(false)
	if _, err := one.Add(nil); err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{nil, false, int64(0), 0.0, 0i, "", pickle.Bytes(""), &pickle.ByteArray{}, pickle.NewTuple(), pickle.NewList(), pickle.NewDict(),
		pickle.NewSet(true), &pickle.Range{Start: int64(5), Stop: int64(0), Step: int64(1)}} {
		if pickle.Truth(v) {
			t.Errorf("%s is true", pickle.Repr(v))
		}
	}
	for _, v := range []any{true, int64(-1), math.NaN(), 1i, "0", pickle.Bytes("\x00"), pickle.NewTuple(nil), pickle.NewList(nil), one,
		&pickle.Range{Start: int64(5), Stop: int64(0), Step: int64(-1)}, &pickle.Slice{}, pickle.NewException("m", "C"), &pickle.Global{}} {
		if !pickle.Truth(v) {
			t.Errorf("%s is false", pickle.Repr(v))
		}
	}
}
