package wait

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/multiproc-go/multiproc/internal/sys"
)

const (
	// directWaits is how many goroutines may sleep in the kernel for themselves, each
	// on a thread of its own. It is the fastest way; the rest share pollers.
	directWaits = 16
	// pollerWaits is how many one poller sleeps for.
	pollerWaits = sys.WaitvMax - 2
)

// pollers sleep for many goroutines that wait for different words: a thread each for
// up to pollerWaits words. A poller exists while it has somebody to sleep for.
type pollers struct {
	mu   sync.Mutex // guards the list, and the sleepers of each
	list []*poller
}

type poller struct {
	hub      *Hub
	control  atomic.Uint32 // changed and woken when the sleepers are other ones
	sleepers []*sleeper
}

// sleeper is a goroutine that parks until its word is worth another look.
type sleeper struct {
	word      *atomic.Uint32
	value     uint32
	epoch     uint32
	suspect   func() bool
	cancelled bool          // by its context; the poller then lets it go
	awake     chan struct{} // closed by the poller, which has forgotten the word by then
}

// blockPolled waits as Block does, in a poller. To look again without need would cost
// each sleeper a new start of the poller's sleep; so the poller looks itself, and
// suspect says whether a word that has not changed is worth it all the same.
func (h *Hub) blockPolled(ctx context.Context, s *sleeper) error {
	s.awake = make(chan struct{})
	p := h.pollers.add(h, s)
	p.nudge()
	select {
	case <-s.awake:
		return ctx.Err()
	case <-ctx.Done():
	}
	// The poller may be about to swallow a wake for us: when it has let us go, the
	// caller can pass that on.
	h.pollers.mu.Lock()
	s.cancelled = true
	h.pollers.mu.Unlock()
	p.nudge()
	<-s.awake
	return ctx.Err()
}

// add finds or starts a poller with room for s.
func (ps *pollers) add(h *Hub, s *sleeper) *poller {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, p := range ps.list {
		if len(p.sleepers) < pollerWaits {
			p.sleepers = append(p.sleepers, s)
			return p
		}
	}
	p := &poller{hub: h, sleepers: []*sleeper{s}}
	ps.list = append(ps.list, p)
	go p.run()
	return p
}

// remove is called with mu held.
func (ps *pollers) remove(p *poller) {
	for i := range ps.list {
		if ps.list[i] == p {
			ps.list = append(ps.list[:i], ps.list[i+1:]...)
			return
		}
	}
}

func (p *poller) nudge() {
	p.control.Add(1)
	sys.FutexWake(&p.control, 1, true)
}

func (p *poller) run() {
	words := make([]sys.Waitv, 0, sys.WaitvMax)
	for overslept := false; ; {
		epoch := p.hub.epoch.Load() // before the words, as in a Lock
		words = append(words[:0],
			sys.Waitv{Word: &p.control, Value: p.control.Load(), Private: true},
			sys.Waitv{Word: p.hub.epoch, Value: epoch})
		var ok bool
		if words, ok = p.look(words, epoch, overslept); !ok {
			return
		}
		began, timeout := time.Now(), p.hub.last/2+rand.N(p.hub.last)
		if p.hub.way == Waitv {
			sys.FutexWaitv(words, timeout)
		} else {
			// Nobody can tell this thread about more words than one.
			timeout = polledSlice
			sys.FutexWait(&p.control, words[0].Value, sys.AllBits, timeout)
		}
		overslept = time.Since(began) >= timeout
	}
}

// look lets those sleepers go whose words are worth a look and adds the words of the
// others. It returns false if none is left; then the poller is no more.
func (p *poller) look(words []sys.Waitv, epoch uint32, overslept bool) ([]sys.Waitv, bool) {
	ps := &p.hub.pollers
	ps.mu.Lock()
	defer ps.mu.Unlock()
	stay := p.sleepers[:0]
	for _, s := range p.sleepers {
		if s.cancelled || s.word.Load() != s.value || (overslept || s.epoch != epoch) && s.suspect() {
			close(s.awake)
			continue
		}
		s.epoch = epoch
		stay = append(stay, s)
		words = append(words, sys.Waitv{Word: s.word, Value: s.value})
	}
	clear(p.sleepers[len(stay):])
	p.sleepers = stay
	if len(stay) == 0 {
		ps.remove(p)
		return nil, false
	}
	return words, true
}
