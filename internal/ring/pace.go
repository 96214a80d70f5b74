package ring

import (
	"sync/atomic"

	"github.com/multiproc-go/multiproc/internal/wait"
)

// A pace lets one side of a ring fall back a little when it is about as fast as the other, for then both of them would use the
// same cache lines at the same time: each message would cost what it takes a line to go from one CPU to the other and back, some
// times over. Who comes to find only a few messages (or places) several times in a row leaves them for a moment, and finds more. If
// there are no more then, the other side waits for an answer, or is slow: and for long nobody pauses again.
//
// It is of one process, and only a guess: it is not kept from races.
type pace struct {
	thin atomic.Int32 // how often in a row there were few; below 0: for how long nobody is to pause
}

const (
	few      = 4    // messages, or fewer than that, are not worth a look at the other side's cache line
	oftenFew = 4    // times in a row, and one pauses
	pause    = 48   // instructions of that name: about a microsecond, in which the other side does some tens of messages
	gain     = 2    // messages are what a pause has to bring
	rest     = 1024 // times nobody pauses after one that has not
)

// tooFast reports whether the caller, who has found n, is to pause.
func (p *pace) tooFast(n uint32) bool {
	return n < few && wait.Spins != 0 && p.thin.Add(1) >= oftenFew
}

// paused is told how far the other side has come during a pause.
func (p *pace) paused(moved uint32) {
	if moved >= gain {
		p.thin.Store(oftenFew - 1)
	} else {
		p.thin.Store(-rest)
	}
}
