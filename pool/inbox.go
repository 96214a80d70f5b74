package pool

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/ring"
	"github.com/multiproc-go/multiproc/internal/wait"
	"github.com/multiproc-go/multiproc/queue"
)

// An inbox is the queue into which all workers put what they have to say. Its owner can look at it without taking anything, which a
// queue.Queue has no use for. It is a handle.
type inbox struct{ r *ring.Ring }

// inboxType is the element type of all inboxes.
const inboxType = 0x706f6f6c

func (b *inbox) config() ring.Config {
	return ring.Config{Kind: layout.KindQueue, Type: inboxType, Size: ring.Varying}
}

func newInbox(bytes int64) (*inbox, error) {
	b := &inbox{}
	c := b.config()
	c.Capacity, c.Budget, c.Leases, c.Bigs, c.Spin = 1<<14, max(bytes, 4<<10), 1, 64, -1
	var err error
	b.r, err = ring.New(c)
	return b, err
}

// MarshalBinary encodes the handle for a worker.
func (b *inbox) MarshalBinary() ([]byte, error) { return b.r.AppendBinary(nil, b.config()) }

// UnmarshalBinary undoes MarshalBinary.
func (b *inbox) UnmarshalBinary(data []byte) (err error) {
	b.r, err = ring.Decode(data, b.config(), family.DecodeBinary)
	return err
}

// BindMember makes b the handle of a member of this process.
func (b *inbox) BindMember(m *family.Member) { b.r = b.r.BoundTo(m) }

// put puts a message. The error is ctx's, or queue.ErrClosed, or says that there is no memory, or that the message is too long.
func (b *inbox) put(ctx context.Context, message []byte) error {
	err := b.r.PutBytes(ctx, b.r.Me(ctx), message, false, true)
	switch {
	case errors.Is(err, ring.ErrDrained):
		return queue.ErrClosed
	case errors.Is(err, ring.ErrTooLarge):
		return &queue.SizeError{Bytes: int64(len(message)), Budget: b.r.Budget()}
	}
	return err
}

func (b *inbox) close() { _ = b.r.Close(b.r.Me(context.Background())) }

// Who hears the workers: any goroutine that has p.hearing, which keeps the messages of a worker in their order. That is the pool's reader, which sleeps while there is
// nothing. But to wake a thread that sleeps, and then another goroutine by it, takes several times as long as a short task; so whoever waits for one
// listens himself for a while, in the reader's place.

// read is the goroutine that hears the workers when nobody else does.
func (p *Pool) read() {
	ctx := context.Background()
	me := p.inbox.r.Me(ctx)
	for {
		if err := p.inbox.r.Await(ctx, me); err != nil {
			p.deaf(err)
			return
		}
		p.hearing.Lock()
		for p.hearOne() {
		}
		p.hearing.Unlock()
		runtime.Gosched() // those who have waited for it run before we look for more
	}
}

// listen hears the workers for a while, until done is closed; one goroutine at a time, for it takes a CPU from others.
func (p *Pool) listen(done <-chan struct{}) {
	if wait.Spins == 0 || !p.listening.CompareAndSwap(false, true) {
		return
	}
	defer p.listening.Store(false)
	r := p.inbox.r
	me := r.Me(context.Background())
	mine := false // p.hearing
	defer func() {
		if mine {
			p.hearing.Unlock()
			_ = r.Unhush(me)
		}
	}()
	begin := time.Now()
	for i := 1; ; i++ {
		if !mine && p.hearing.TryLock() {
			mine = true
			_ = r.Hush(me)
		}
		if mine && r.Len() > 0 {
			p.hearOne()
		}
		if isClosed(done) {
			return
		}
		wait.Pause(1)
		if i%looks == 0 {
			if time.Since(begin) > patient {
				return
			}
			runtime.Gosched()
		}
	}
}

const (
	// patient is how long somebody who waits for a task listens himself.
	patient = 50 * time.Microsecond
	// looks is how often he looks before he lets other goroutines run.
	looks = 16
)

// hearOne deals with a message, if there is one. It is called with p.hearing held.
func (p *Pool) hearOne() bool {
	ctx := context.Background()
	b, _, err := p.inbox.r.GetBytes(ctx, p.inbox.r.Me(ctx), nil, false)
	if errors.Is(err, ring.ErrEmpty) {
		return false
	}
	if err == nil {
		err = p.hear(b)
	}
	if err != nil {
		p.deaf(err)
	}
	return err == nil
}

// deaf ends the pool because nothing can be heard any more. If that is because it has ended, it does nothing.
func (p *Pool) deaf(err error) {
	if errors.Is(err, queue.ErrClosed) || errors.Is(err, ring.ErrDrained) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inbox.close() // all are buried without having been heard
	p.breakDown(err)
	for _, m := range p.crew {
		m.kill()
	}
}
