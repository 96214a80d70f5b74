// Package plain knows which types are plain memory: of a fixed size and without pointers, so that their bytes mean
// the same to every process.
package plain

import (
	"fmt"
	"hash/fnv"
	"reflect"
)

// Signature is a digest of what two programs must agree on to share a t; never 0. If t is not plain, reason says why and
// bad is the first part of it that is not.
func Signature(t reflect.Type) (sig uint32, bad, reason string) {
	h := fnv.New32a()
	bad, reason = describe(h.Write, t, RootName(t))
	return max(h.Sum32(), 1), bad, reason
}

// describe writes what two programs must agree on to share a t, and returns the
// first part of it that cannot be shared.
func describe(write func([]byte) (int, error), t reflect.Type, path string) (bad, reason string) {
	say := func(format string, args ...any) { write(fmt.Appendf(nil, format, args...)) }
	switch t.Kind() {
	case reflect.Bool,
		reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Int,
		reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uint,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		say("%s%d;", t.Kind(), t.Size())
		return "", ""
	case reflect.Array:
		say("[%d]", t.Len())
		return describe(write, t.Elem(), path+"[]")
	case reflect.Struct:
		say("{%d;", t.Size())
		for f := range t.Fields() {
			say("@%d", f.Offset)
			if bad, reason := describe(write, f.Type, path+"."+f.Name); reason != "" {
				return bad, reason
			}
		}
		say("}")
		return "", ""
	case reflect.Uintptr:
		return path, "is an address, which means something to one process only"
	case reflect.Pointer:
		return path, "is a pointer into the memory of one process"
	case reflect.Interface:
		return path, "is an interface, which points into the memory of one process"
	default:
		return path, "is a " + t.Kind().String() + ", which points into the memory of one process"
	}
}

// RootName is how a path begins: the type's own name, without its package.
func RootName(t reflect.Type) string {
	if t.Name() == "" {
		return t.String()
	}
	return t.Name()
}
