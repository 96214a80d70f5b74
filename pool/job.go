package pool

import (
	"context"
	"sync"
	"time"
)

// A task is one argument on its way. It belongs to its job, or while a worker has it to that worker; everything in it is
// protected by Pool.mu until it is in job.ended.
type task struct {
	job   *job
	index int    // in its job
	arg   []byte // encoded
	tries int    // how often a worker has begun it

	number uint64 // at its worker
	result []byte // encoded
	err    error
}

// A job is what one call of Map or Submit has brought.
type job struct {
	p     *Pool
	entry string
	chunk int // Options.Chunk

	// Protected by p.mu.
	queued  []*task // the next one first
	again   []*task // that were taken back; before queued
	out     int     // tasks at workers
	took    float64 // nanoseconds of one task, smoothed; 0 before the first has ended
	listed  bool    // in p.jobs
	feeding bool    // more tasks are about to come
	stopped error   // why it was cancelled

	then func(*task) // called with p.mu held for each task that has ended, in place of what follows; set before there is one

	mu    sync.Mutex // protects ended
	ended []*task
	wake  chan struct{} // room for one: ended is not empty
}

// openJob makes a job, unless the pool takes no more.
func (p *Pool) openJob(entry string, feeding bool) (*job, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse != nil {
		return nil, p.refuse
	}
	p.open++
	return &job{p: p, entry: entry, chunk: p.o.Chunk, feeding: feeding, wake: make(chan struct{}, 1)}, nil
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

const (
	// aim is how much work is handed out at a time where tasks are short, ahead how much a worker has before it.
	aim      = 200 * time.Microsecond
	ahead    = time.Millisecond
	maxChunk = 1 << 20
	// autoChunk and autoAhead bound, in tasks, what measuring can lead to.
	autoChunk = 1024
	autoAhead = 4096
)

// portion is how many tasks are handed out at a time, and how many a worker may have.
func (j *job) portion() (chunk, window int) {
	window = 1
	if j.took > 0 {
		window = min(max(int(float64(ahead)/j.took), 1), autoAhead)
	}
	if j.chunk > 0 {
		return j.chunk, max(min(window, 64*j.chunk), j.chunk)
	}
	chunk = 1
	if j.took > 0 {
		chunk = min(max(int(float64(aim)/j.took), 1), autoChunk)
	}
	return chunk, max(window, chunk)
}

// measure learns that n tasks took d together.
func (j *job) measure(d time.Duration, n int) {
	took := max(float64(d)/float64(n), 1)
	if j.took == 0 {
		j.took = took
	} else {
		j.took += (took - j.took) / 4
	}
}

// take takes up to n tasks that are to be handed out. It is called with p.mu held.
func (j *job) take(n int) []*task {
	from := &j.queued
	if len(j.again) > 0 {
		from = &j.again
	}
	n = min(n, len(*from))
	tasks := (*from)[:n:n]
	*from = (*from)[n:]
	j.p.queued -= n
	return tasks
}

func (j *job) waiting() int { return len(j.again) + len(j.queued) }

// end says that tasks have ended. It may be called with p.mu held.
func (j *job) end(tasks ...*task) {
	if j.then != nil {
		for _, t := range tasks {
			j.then(t)
		}
		return
	}
	j.mu.Lock()
	j.ended = append(j.ended, tasks...)
	j.mu.Unlock()
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// collect returns the tasks that have ended since, and has into used again.
func (j *job) collect(into []*task) []*task {
	j.mu.Lock()
	defer j.mu.Unlock()
	ended := j.ended
	j.ended = into[:0]
	return ended
}

// add queues tasks; if the pool or the job has ended, they end at once.
func (p *Pool) add(j *job, tasks ...*task) {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := j.stopped
	if p.dropAll != nil {
		err = p.dropAll
	}
	if err != nil {
		for _, t := range tasks {
			t.err = err
		}
		p.failed += len(tasks)
		j.end(tasks...)
		return
	}
	j.queued = append(j.queued, tasks...)
	p.queued += len(tasks)
	p.list(j)
	p.dispatch()
}

// list makes a job one that has tasks to be handed out.
func (p *Pool) list(j *job) {
	if !j.listed {
		j.listed = true
		p.jobs = append(p.jobs, j)
	}
}

// cancelJob ends what no worker has begun, and tells those that have. All tasks of the job end, after their worker's grace time at
// the latest.
func (p *Pool) cancelJob(j *job, cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cancelLocked(j, cause)
}

func (p *Pool) cancelLocked(j *job, cause error) {
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
	for tasks := j.take(j.waiting()); len(tasks) > 0; tasks = j.take(j.waiting()) {
		for _, t := range tasks {
			t.err = err
		}
		p.failed += len(tasks)
		j.end(tasks...)
	}
}
