// Package crashpoint names the moments at which a death is hardest to survive, so
// that a test can die exactly there.
//
// The names stand on slow paths only, where an unset hook costs one load.
package crashpoint

import "sync/atomic"

var hook atomic.Pointer[func(name string)]

// At marks a moment. It does nothing unless a hook is set.
func At(name string) {
	if h := hook.Load(); h != nil {
		(*h)(name)
	}
}

// Set makes every [At] of this process call h; nil ends that. For tests and the
// crash suite only.
func Set(h func(name string)) {
	if h == nil {
		hook.Store(nil)
		return
	}
	hook.Store(&h)
}
