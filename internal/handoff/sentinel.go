package handoff

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/memory"
)

// sentinels is what errors.Is can still find after the wire. Every process of a
// family runs the same program, so each has the same names, once its init
// functions have run.
var sentinels registry

// usual are the errors that need no registration. Of addresses the linker makes the table;
// of errors each child would make a map at its start, before it can do anything of use.
var usual = [...]struct {
	name string
	err  *error
}{
	{"context.Canceled", &context.Canceled},
	{"context.DeadlineExceeded", &context.DeadlineExceeded},
	{"io.EOF", &io.EOF},
	{"io.ErrUnexpectedEOF", &io.ErrUnexpectedEOF},
	{"os.ErrNotExist", &os.ErrNotExist},
	{"os.ErrExist", &os.ErrExist},
	{"os.ErrPermission", &os.ErrPermission},
	{"os.ErrClosed", &os.ErrClosed},
	{"os.ErrDeadlineExceeded", &os.ErrDeadlineExceeded},
	{"errors.ErrUnsupported", &errors.ErrUnsupported},

	{"shm.ErrClosed", &family.ErrClosed},
	{"shm.ErrHandle", &family.ErrHandle},
	{"shm.ErrForeign", &family.ErrForeign},
	{"shm.ErrKind", &family.ErrKind},
	{"shm.ErrLimit", &memory.ErrLimit},
	{"shm.ErrNoSpace", &memory.ErrNoSpace},
}

// A registry keeps its first errors in a list, which costs a child nothing at its start, and
// searches it one by one; there is a map only of what is more.
type registry struct {
	mu     sync.RWMutex // protects the rest
	first  [64]sentinel
	n      int // of first
	byName map[string]error
}

type sentinel struct {
	name string
	err  error
}

// Sentinel returns a new error with this text that errors.Is still recognizes
// when it comes from another process of the family, wrapped or joined as it may be.
// It panics if the text is taken. Call it when package variables are initialized:
//
//	var ErrNoStock = handoff.Sentinel("shop: no stock")
func Sentinel(text string) error {
	err := errors.New(text)
	RegisterSentinel(text, err)
	return err
}

// RegisterSentinel makes an existing error survive the wire, under a name that
// is the same in every process. It panics if the name stands for another error
// already, and if errors.Is could not compare err.
func RegisterSentinel(name string, err error) {
	if name == "" || strings.Contains(name, nameSeparator) || strings.HasPrefix(name, errnoPrefix) {
		panic(fmt.Sprintf("handoff: %q cannot name a sentinel error", name))
	}
	if err == nil || !reflect.TypeOf(err).Comparable() {
		panic(fmt.Sprintf("handoff: sentinel %q is nil or of a type that cannot be compared", name))
	}
	sentinels.mu.Lock()
	defer sentinels.mu.Unlock()
	switch old := sentinels.find(name); {
	case old == err:
	case old != nil:
		panic(fmt.Sprintf("handoff: two sentinel errors are named %q", name))
	case sentinels.n < len(sentinels.first):
		sentinels.first[sentinels.n] = sentinel{name, err}
		sentinels.n++
	default:
		if sentinels.byName == nil {
			sentinels.byName = map[string]error{}
		}
		sentinels.byName[name] = err
	}
}

// find returns the error of that name, or nil. It is called with mu held.
func (r *registry) find(name string) error {
	for i := range usual {
		if usual[i].name == name {
			return *usual[i].err
		}
	}
	for i := range r.first[:r.n] {
		if r.first[i].name == name {
			return r.first[i].err
		}
	}
	return r.byName[name]
}

// errnoPrefix begins the name of a syscall.Errno. Those need no registration: the
// number is the name, for the family is on one machine.
const errnoPrefix = "syscall.Errno "

// lookup returns the error of that name, or nil if this program has none.
func (r *registry) lookup(name string) error {
	if number, ok := strings.CutPrefix(name, errnoPrefix); ok {
		if n, err := strconv.ParseUint(number, 10, 32); err == nil {
			return syscall.Errno(n)
		}
		return nil
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.find(name)
}

// snapshot is what is registered now. EncodeError calls methods of foreign errors, so
// it must not hold the lock.
func (r *registry) snapshot() map[string]error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := make(map[string]error, len(usual)+r.n+len(r.byName))
	for _, u := range usual {
		all[u.name] = *u.err
	}
	for _, s := range r.first[:r.n] {
		all[s.name] = s.err
	}
	maps.Copy(all, r.byName)
	return all
}
