package shm

import (
	"fmt"
	"hash/fnv"
	"reflect"
	"sync"
)

// typeInfo is what is known of an element type.
type typeInfo struct {
	size uint64
	sig  uint32 // of its layout; never 0
	err  error
}

var typeInfos sync.Map // reflect.Type → typeInfo

func infoOf[T any]() typeInfo {
	t := reflect.TypeFor[T]()
	if v, ok := typeInfos.Load(t); ok {
		return v.(typeInfo)
	}
	h := fnv.New32a()
	info := typeInfo{size: uint64(t.Size())}
	path, reason := describe(h.Write, t, rootName(t))
	if reason == "" && t.Size() == 0 {
		path, reason = rootName(t), "has no bytes"
	}
	if reason != "" {
		info.err = &TypeError{t, path, reason}
	}
	info.sig = max(h.Sum32(), 1)
	typeInfos.Store(t, info)
	return info
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

// rootName is how a path begins: the type's own name, without its package.
func rootName(t reflect.Type) string {
	if t.Name() == "" {
		return t.String()
	}
	return t.Name()
}
