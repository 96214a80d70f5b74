// Package entry lets a floor above the root package run entries by name, as a pool's workers do. The root, which holds the
// entries, provides the means once the program's declarations are over.
package entry

import (
	"context"
	"sync/atomic"

	"github.com/multiproc-go/multiproc/internal/family"
)

// A Func runs an entry on an argument, as member m, and appends the result to out. Both are as handoff.Coder writes them. A panic or
// Goexit of the entry is the caller's.
type Func func(ctx context.Context, m *family.Member, arg, out []byte) ([]byte, error)

// Means are what the root provides.
type Means struct {
	// Lookup finds an entry with a function; nil if there is none.
	Lookup func(name string) Func
	// Encode takes a multiproc.Task apart: its entry, "" for a zero Task, and its argument as Lookup's Func takes it.
	Encode func(task any) (name string, arg []byte, err error)
	// Member is who ctx's code is.
	Member func(ctx context.Context) (*family.Member, error)
}

var means atomic.Pointer[Means]

// Provide is called by the root package when no entry can be declared any more.
func Provide(m Means) { means.Store(&m) }

// Provided returns what the root has provided; ok is false before.
func Provided() (m Means, ok bool) {
	if p := means.Load(); p != nil {
		return *p, true
	}
	return Means{}, false
}
