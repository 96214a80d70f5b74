package shm

import (
	"reflect"
	"sync"

	"github.com/multiproc-go/multiproc/internal/plain"
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
	sig, path, reason := plain.Signature(t)
	info := typeInfo{size: uint64(t.Size()), sig: sig}
	if reason == "" && t.Size() == 0 {
		path, reason = plain.RootName(t), "has no bytes"
	}
	if reason != "" {
		info.err = &TypeError{t, path, reason}
	}
	typeInfos.Store(t, info)
	return info
}
