package pool

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/multiproc-go/multiproc/internal/entry"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/handoff"
)

// A Pool is some worker processes that run tasks. It belongs to the process that made it; its methods, and the functions that take it, may be
// called by any number of goroutines.
type Pool struct {
	o      Options
	ctx    context.Context // the workers'
	cancel context.CancelCauseFunc
	inbox  *inbox
	member *family.Member
	means  entry.Means
	init   lane // its Init and InitArg

	up   chan struct{} // closed when all seats were taken once, or never will be
	over chan struct{} // closed when no worker is left and none will come
	side sync.WaitGroup

	hearing   sync.Mutex  // held from the taking of a message until all that it tells is done
	listening atomic.Bool // somebody is in listen

	mu      sync.Mutex // protects the rest
	crew    []*mate    // all that were started and are not buried
	seats   []seat
	early   map[uint64][][]byte // messages of mates that are not in crew yet
	pending int                 // mates that are being started, and do not exist yet
	spares  int                 // that there shall be
	started int                 // for names
	ready   bool                // up is closed
	scratch []byte              // for one message
	fails   int                 // workers in a row that were not set up
	refuse  error               // why no task is taken any more
	dropAll error               // what becomes of tasks that come back
	closing bool                // end when there are no tasks left
	jobs    []*job
	open    int // calls of Map that may add tasks
	queued  int // tasks
	out     int // tasks at workers
	done    int
	failed  int
	retried int
	err     error // why the pool ended, if not by Close
	again   *time.Timer
	changed chan struct{} // room for one: for Progress
}

// spin is how long a worker, or the pool, looks for the next message before it sleeps.
const spin = 20 * time.Microsecond

// New starts a pool, and returns when all its workers are ready for tasks. The error says what is wrong with the options, that shared memory
// is used up, or is [ErrInit] and why. How long Options.Init may take is for ctx to say: when it ends, workers that are not ready have the
// grace time left, and the error is ctx's cause.
//
// When ctx ends, nothing is handed out any more, the contexts of running tasks end, and workers that outlast the grace time are killed. It must be
// the context that Main or the entry was given, or be derived from it.
func New(ctx context.Context, o Options) (*Pool, error) {
	o, err := o.settle()
	if err != nil {
		return nil, err
	}
	means, ok := entry.Provided()
	if !ok {
		return nil, fmt.Errorf("pool: New: %w", errNotInitialized)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p := &Pool{o: o, means: means, up: make(chan struct{}), over: make(chan struct{}), seats: make([]seat, o.Workers), early: map[uint64][][]byte{}, changed: make(chan struct{}, 1), spares: max(o.Spares, 0)}
	if p.init.Init, p.init.InitArg, err = means.Encode(o.Init); err != nil {
		return nil, fmt.Errorf("pool: Options.Init: %w", err)
	}
	if p.member, err = means.Member(ctx); err != nil {
		return nil, fmt.Errorf("pool: New: %w", err)
	}
	if p.inbox, err = newInbox(o.Bytes); err != nil {
		return nil, fmt.Errorf("pool: New: %w", err)
	}
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	stop := context.AfterFunc(ctx, func() { p.end(context.Cause(ctx)) })
	p.again = time.AfterFunc(time.Hour, p.lookAgain)
	p.again.Stop()
	p.side.Go(func() {
		<-p.over
		stop()
		p.again.Stop()
	})
	p.side.Go(p.read)
	if o.Progress != nil {
		p.side.Go(p.report)
	}
	p.mu.Lock()
	p.fill()
	p.mu.Unlock()
	<-p.up
	p.mu.Lock()
	err = p.err
	p.mu.Unlock()
	if err != nil {
		_ = p.Wait(context.Background())
		return nil, err
	}
	return p, nil
}

// Close ends the taking of tasks. What was taken is finished; then the workers end. It does not wait for that: [Pool.Wait] does. More than once is
// no error.
func (p *Pool) Close() { p.close(nil) }

// Cancel is Close, but tasks that no worker has begun are dropped: their error is [ErrClosed].
func (p *Pool) Cancel() {
	p.close(func() {
		for _, j := range p.jobs {
			p.drop(j, ErrClosed)
		}
		for _, m := range p.crew {
			if m.load > 0 {
				p.recall(m)
			}
		}
	})
}

func (p *Pool) close(also func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse == nil {
		p.refuse = ErrClosed
	}
	p.closing = true
	if also != nil {
		p.dropAll = ErrClosed
		also()
	}
	p.settle()
}

// Terminate kills all workers at once. The error of all tasks that have not ended is [ErrClosed]. In goroutine mode, where nothing can be killed, the
// workers' contexts end.
func (p *Pool) Terminate() {
	p.end(ErrClosed)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.crew {
		m.kill()
	}
}

// end drops all tasks and ends the workers' contexts.
func (p *Pool) end(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endLocked(cause)
}

func (p *Pool) endLocked(cause error) {
	if p.refuse == nil || p.refuse == ErrClosed {
		p.refuse = cause
	}
	p.closing = true
	if p.dropAll == nil || p.dropAll == ErrClosed {
		p.dropAll = cause
	}
	if cause != ErrClosed || !p.ready {
		p.fail(cause)
	}
	for _, j := range p.jobs {
		p.drop(j, cause)
	}
	for _, m := range p.crew {
		for _, b := range m.out {
			if b.job.stopped == nil {
				b.job.stopped = cause
			}
		}
		m.stop(cause)
	}
	p.cancel(cause)
	p.settle()
}

// fail makes New return err.
func (p *Pool) fail(err error) {
	if p.err == nil {
		p.err = err
	}
	if !p.ready {
		p.ready = true
		close(p.up)
	}
}

// breakDown is the end of a pool that has no worker and gets none.
func (p *Pool) breakDown(err error) {
	if !p.ready {
		p.fail(fmt.Errorf("%w: %w", ErrInit, err))
	} else {
		p.fail(fmt.Errorf("%w: %w", ErrBroken, err))
	}
	p.endLocked(p.err)
}

// settle lets the workers go when there is nothing left to do, and ends the pool when all are gone.
func (p *Pool) settle() {
	p.change()
	if !p.finished() {
		return
	}
	for _, m := range p.crew {
		m.retire()
	}
	if len(p.crew)+p.pending == 0 && !isClosed(p.over) {
		close(p.over)
		p.inbox.close()
	}
}

// finished reports whether there is nothing left to do, and nothing will come.
func (p *Pool) finished() bool {
	return p.closing && p.queued+p.out == 0 && (p.open == 0 || p.dropAll != nil)
}

// Wait waits until the pool has ended, after Close, Cancel, Terminate or the end of New's ctx. It returns nil; ctx's error if that ends first; or
// why the pool ended although nobody has closed it: [ErrBroken], or the cause of New's ctx.
func (p *Pool) Wait(ctx context.Context) error {
	select {
	case <-p.over:
	case <-ctx.Done():
		if !isClosed(p.over) {
			return ctx.Err()
		}
	}
	p.side.Wait()
	p.cancel(nil)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

var errNotInitialized = handoff.Sentinel("pool: neither multiproc.Main nor multiproc.Init has been called")
