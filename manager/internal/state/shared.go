package state

import (
	"slices"

	"github.com/multiproc-go/multiproc/pickle"
)

// shared is one shared object with all that keeps it.
//
// It lives while it is held, or nested in an object that lives. It is held while it has counts, users or calls that
// wait in it, or a timer.
type shared struct {
	number uint64
	ident  string
	kind   *kind
	obj    object // nil if it is foreign
	bytes  int64

	counts []holding // by Holder, in the order in which they came
	refs   int64     // the sum of counts
	users  map[*client]struct{}
	calls  int    // that wait
	timer  *timer // how long it is held without any of these, or nil

	nested int // how many times it is in objects that live
	in     map[*shared]int
	// in has the objects that are nested here, with how many times; nil while there are none.

	suspect bool // it is in State.suspects
	dead    bool
}

// holding is what one Holder has.
type holding struct {
	holder Holder
	n      int64
}

func (sh *shared) held() bool {
	return sh.refs > 0 || len(sh.users) > 0 || sh.calls > 0 || sh.timer != nil
}

// count returns the index of holder's counts, or -1.
func (sh *shared) count(holder Holder) int {
	return slices.IndexFunc(sh.counts, func(h holding) bool { return h.holder == holder })
}

// sorted returns the keys of a set of objects in the order in which they were made.
func sorted[V any](set map[*shared]V) []*shared {
	list := make([]*shared, 0, len(set))
	for sh := range set {
		list = append(list, sh)
	}
	slices.SortFunc(list, byNumber)
	return list
}

func byNumber(a, b *shared) int {
	switch {
	case a.number < b.number:
		return -1
	case a.number > b.number:
		return 1
	}
	return 0
}

// client is one connection.
type client struct {
	id         Client
	holder     Holder
	used       map[*shared]struct{}
	last       *shared // one of used, the last
	waiting    []*waiter
	taken      []taken // by replies that it may not have received
	takenBytes int64
}

// repr returns the repr of an object; what the limit cuts off is an error.
func (sh *shared) repr(dst []byte, limit int64) ([]byte, error) {
	if sh.obj == nil {
		return append(dst, "<"+sh.kind.class+" object at 0x"+sh.ident+">"...), nil
	}
	dst, err := sh.obj.repr(sh, dst, int(limit))
	return dst, reprError(err, limit)
}

func reprError(err error, limit int64) error {
	if e, ok := err.(*pickle.LimitError); ok && e.Budget == "Output" {
		return memoryError("the length of a repr", limit)
	}
	return err
}
