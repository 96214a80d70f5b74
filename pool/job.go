package pool

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A job is what one call of Map or Submit has brought.
type job struct {
	p     *Pool
	entry string
	chunk int // Options.Chunk

	// Protected by p.mu.
	queued  []*batch // the next one first
	again   []*batch // that were taken back; before queued
	waiting int      // tasks in both
	out     int      // tasks at workers
	pace    pace
	listed  bool  // in p.jobs
	feeding bool  // more tasks are about to come
	stopped error // why it was cancelled

	then func(piece) // called with p.mu held for what has ended, in place of what follows; set before there is anything

	mu    sync.Mutex // protects ended
	ended []piece
	wake  chan struct{} // room for one: ended is not empty
}

// openJob makes a job, unless the pool takes no more.
func (p *Pool) openJob(entry string) (*job, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse != nil {
		return nil, p.refuse
	}
	p.open++
	return &job{p: p, entry: entry, chunk: p.o.Chunk, feeding: true, wake: make(chan struct{}, 1)}, nil
}

// submit is openJob, add and fed of a job with one batch. The hand-out is the last that it does: who submits is soon to wait for what comes of it.
func (p *Pool) submit(b *batch) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.refuse != nil:
		return p.refuse
	case b.job.stopped != nil:
		p.endWith(b, b.job.stopped)
	default:
		b.job.enqueue(b)
		p.change()
		p.dispatch()
	}
	return nil
}

// fed says that no more tasks will come.
func (j *job) fed() {
	j.p.mu.Lock()
	defer j.p.mu.Unlock()
	j.feeding = false
	j.p.open--
	j.p.dispatch()
	j.p.settle()
}

// end says that tasks have ended. It may be called with p.mu held.
func (j *job) end(c piece) {
	if j.then != nil {
		j.then(c)
		return
	}
	j.mu.Lock()
	j.ended = append(j.ended, c)
	j.mu.Unlock()
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// endWith ends all tasks of a batch that have not ended, with an error. It is called with p.mu held.
func (p *Pool) endWith(b *batch, err error) {
	p.failed += b.left()
	b.job.end(piece{index: b.index + b.ended, count: b.left(), err: err})
}

// collect returns what has ended since, and has into used again.
func (j *job) collect(into []piece) []piece {
	j.mu.Lock()
	defer j.mu.Unlock()
	ended := j.ended
	j.ended = into[:0]
	return ended
}

// add queues tasks; if the pool or the job has ended, they end at once. kept is false if the tasks went into another batch, and this one can be
// used again.
func (p *Pool) add(b *batch) (kept bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	j := b.job
	err := j.stopped
	if p.dropAll != nil {
		err = p.dropAll
	}
	if err != nil {
		p.endWith(b, err)
		return true
	}
	kept = j.enqueue(b)
	p.dispatch()
	return kept
}

// enqueue queues tasks behind all others of the job.
func (j *job) enqueue(b *batch) (kept bool) {
	j.waiting += b.count
	j.p.queued += b.count
	j.p.list(j)
	if n := len(j.queued); n > 0 && j.queued[n-1].append(b) {
		return false
	}
	j.queued = append(j.queued, b)
	return true
}

// list makes a job one that has tasks to be handed out.
func (p *Pool) list(j *job) {
	if !j.listed {
		j.listed = true
		p.jobs = append(p.jobs, j)
	}
}

// next is where the tasks are that are to be handed out next.
func (j *job) next() *[]*batch {
	if len(j.again) > 0 {
		return &j.again
	}
	return &j.queued
}

// messageBytes is how long a message of several tasks becomes, about.
const messageBytes = 64 << 10

// front splits batches such that the first k of those that are next are up to n tasks that fit into a message, at least one.
func (j *job) front(n int) (batches []*batch, count int) {
	list := j.next()
	k, size := 0, 0
	for k < len(*list) && count < n && (count == 0 || size < messageBytes) {
		b := (*list)[k]
		if front := b.cut(n-count, messageBytes-size); front != b {
			*list = slices.Insert(*list, k, front)
			b = front
		}
		k, count, size = k+1, count+b.count, size+len(b.args)
	}
	return (*list)[:k:k], count
}

// take takes the first k batches of those that are next.
func (j *job) take(k int) []*batch {
	list := j.next()
	taken := (*list)[:k:k]
	*list = (*list)[k:]
	for _, b := range taken {
		j.waiting -= b.count
		j.p.queued -= b.count
	}
	return taken
}

// takeBack queues tasks again that were handed out and have not ended, before all others of their job.
func (p *Pool) takeBack(b *batch) {
	j := b.job
	err := j.stopped
	if p.dropAll != nil {
		err = p.dropAll
	}
	if err != nil {
		p.endWith(b, err)
		return
	}
	b.trim()
	j.again = append(j.again, b)
	j.waiting += b.count
	p.queued += b.count
	p.list(j)
}

// cancelJob ends what no worker has begun, and tells those that have. All tasks of the job end, after their worker's grace time at
// the latest.
func (p *Pool) cancelJob(j *job, cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if j.stopped != nil {
		return
	}
	j.stopped = cause
	p.drop(j, cause)
	if j.out == 0 {
		return
	}
	for _, w := range p.crew {
		if w.has(j) {
			p.recall(w)
		}
	}
	// Tasks that are about to end need no cancelling, which costs a worker.
	p.side.Go(func() {
		select {
		case <-time.After(patience):
		case <-p.over:
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, w := range p.crew {
			if w.has(j) {
				w.stop(context.Canceled)
			}
		}
	})
}

// patience is how long a task that is cancelled may run on before it is told.
const patience = 5 * time.Millisecond

// drop ends the tasks of a job that no worker has.
func (p *Pool) drop(j *job, err error) {
	for j.waiting > 0 {
		for _, b := range j.take(len(*j.next())) {
			p.endWith(b, err)
		}
	}
}
