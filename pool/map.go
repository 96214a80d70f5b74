package pool

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/handoff"
)

// An ItemError is returned for one of the inputs of a Map. Err is a *multiproc.ChildError if the task returned an error, or its result could
// not be encoded, a [*WorkerError] if its worker died, or tells why the argument could not be sent.
type ItemError struct {
	Index int // of the input
	Err   error
}

func (e *ItemError) Error() string { return fmt.Sprintf("input %d: %v", e.Index, e.Err) }

func (e *ItemError) Unwrap() error { return e.Err }

// Map runs the entry on each input and returns the results in the order of the inputs. After the first failure nothing more is begun; the
// error is that of the task, an [*ItemError], and the results are those that there are, with zeros where there are none. When ctx ends, running tasks
// see their context end and have the grace time; the error is ctx's cause. Whatever the error, no task runs any more when Map returns, in goroutine mode
// but for those that outlast the grace time.
func Map[A, R any](ctx context.Context, p *Pool, e *multiproc.Entry[A, R], inputs []A) ([]R, error) {
	results := make([]R, len(inputs))
	var failure error
	err := each(ctx, p, e, slices.Values(inputs), len(inputs), func(i int, r R, err error) bool {
		if err != nil {
			failure = err
			return false
		}
		results[i] = r
		return true
	})
	if err == nil {
		err = failure
	}
	return results, err
}

// MapUnordered runs the entry on each input and yields the results as they come. A task that fails yields its error, an [*ItemError], with a zero
// result, and the others go on. The end of ctx, or of the pool, is the last thing that is yielded.
//
// The inputs are drawn by a goroutine of their own, no further ahead than the workers need, some at a time where tasks are short. When the loop is left
// early, it waits for that goroutine and for the running tasks, as after the end of ctx: the sequence should not block for ever.
func MapUnordered[A, R any](ctx context.Context, p *Pool, e *multiproc.Entry[A, R], inputs iter.Seq[A]) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		more := true
		err := each(ctx, p, e, inputs, 0, func(_ int, r R, err error) bool {
			more = yield(r, err)
			return more
		})
		if err != nil && more {
			yield(*new(R), err)
		}
	}
}

// MapSeq is [MapUnordered], but it yields in the order of the inputs. Results that come before it is their turn are kept meanwhile: no more than are
// drawn ahead.
func MapSeq[A, R any](ctx context.Context, p *Pool, e *multiproc.Entry[A, R], inputs iter.Seq[A]) iter.Seq2[R, error] {
	type early struct {
		r   R
		err error
	}
	return func(yield func(R, error) bool) {
		more, next, kept := true, 0, map[int]early{}
		err := each(ctx, p, e, inputs, 0, func(i int, r R, err error) bool {
			if i != next {
				kept[i] = early{r, err}
				return true
			}
			for {
				next++
				if more = yield(r, err); !more {
					return false
				}
				k, ok := kept[next]
				if !ok {
					return true
				}
				delete(kept, next)
				r, err = k.r, k.err
			}
		}, &next)
		if err != nil && more {
			yield(*new(R), err)
		}
	}
}

var errLeft = errors.New("pool: the loop over the results was left")

// each runs the entry on all inputs and calls yield with what comes of each, until that returns false. It returns why not all were run: the cause of
// ctx, or that the pool has ended. How many inputs there are, if it is known, allows to queue many at a time. What is before *next, if there is
// one, is what makes room for more.
func each[A, R any](ctx context.Context, p *Pool, e *multiproc.Entry[A, R], inputs iter.Seq[A], known int, yield func(int, R, error) bool, next ...*int) error {
	c, err := codersOf[A, R]()
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	j, err := p.openJob(e.Name())
	if err != nil {
		return err
	}
	f := &feed[A]{p: p, j: j, coder: c.argument, most: 1, done: make(chan struct{})}
	if known > 0 {
		f.most = feedBatch
	}
	f.room = sync.NewCond(&f.mu)
	go f.run(inputs)
	stop := context.AfterFunc(ctx, func() { f.stop(context.Cause(ctx)) })
	wanted := true // more results; at the end, if yield has panicked
	defer func() {
		stop()
		if wanted {
			f.stop(errLeft)
			_ = f.drain(func(int, []byte, error) {}, func() {})
		}
		if f.panic != nil {
			panic(f.panic)
		}
	}()
	ended := 0
	err = f.drain(func(index int, result []byte, failure error) {
		ended++
		if !wanted || ctx.Err() != nil {
			return
		}
		var r R
		if failure == nil {
			if err := c.result.Decode(result, &r, p.member); err != nil {
				failure = fmt.Errorf("the result: %w", err)
			}
		}
		if failure != nil {
			if f.isOver(failure) {
				f.stop(failure)
				return
			}
			failure = &ItemError{index, failure}
		}
		if !yield(index, r, failure) {
			wanted = false
			f.stop(errLeft)
		}
	}, func() {
		released := ended
		if len(next) > 0 {
			released = *next[0]
		}
		f.release(released)
	})
	wanted = false
	if ctx.Err() != nil && err != nil {
		return context.Cause(ctx)
	}
	if err == errLeft {
		return nil
	}
	return err
}

// feedBatch is how many tasks of a known number are queued at a time, and feedBytes of how many bytes.
const (
	feedBatch = 1024
	feedBytes = 16 << 10
)

// A feed draws the inputs of a job.
type feed[A any] struct {
	p     *Pool
	j     *job
	coder *handoff.Coder[A]
	most  int // that are queued at a time
	done  chan struct{}

	mu       sync.Mutex // protects the rest
	room     *sync.Cond
	fed      int
	released int
	stopped  error
	drained  int // tasks that have ended; the consumer's
	panic    any // of the sequence; to be read when done is closed
}

func (f *feed[A]) run(inputs iter.Seq[A]) {
	defer close(f.done)
	defer f.j.fed()
	defer func() { f.panic = recover() }()
	b := &batch{job: f.j}
	flush := func() bool {
		next, size, kept := b.index+b.count, len(b.args), false
		if b.count > 0 && !f.queue(b.count, func() { kept = f.p.add(b) }) {
			return false
		}
		if kept { // else it is ours, to be used again
			b = &batch{job: f.j}
			if f.most > 1 {
				b.args = make([]byte, 0, size+size/8)
			}
		}
		b.index, b.count, b.args = next, 0, b.args[:0]
		return true
	}
	for in := range inputs {
		var err error
		b.args, err = sized(b.args, func(args []byte) ([]byte, error) { return f.coder.Append(args, &in) })
		if err != nil {
			if !flush() {
				return
			}
			failed := piece{index: b.index, count: 1, err: fmt.Errorf("the argument: %w", err)}
			b.index++
			if !f.queue(1, func() { f.j.end(failed) }) {
				return
			}
			continue
		}
		if b.count++; b.count >= f.most || len(b.args) >= feedBytes {
			if !flush() {
				return
			}
		}
	}
	flush()
}

// queue calls add when there is room for n more tasks. It returns false when no more are wanted.
func (f *feed[A]) queue(n int, add func()) bool {
	f.mu.Lock()
	for {
		if f.stopped != nil {
			f.mu.Unlock()
			return false
		}
		if under := f.fed - f.released; under < f.p.limit(f.j) {
			break
		}
		f.room.Wait()
	}
	f.fed += n
	f.mu.Unlock()
	add()
	return true
}

// limit is how many tasks of a job are drawn and not yielded at most.
func (p *Pool) limit(j *job) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	chunk, window := j.pace.portion(j.chunk)
	return p.o.Workers*(chunk+window) + 1
}

func (f *feed[A]) release(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.released = n
	f.room.Signal()
}

// stop ends the drawing, and cancels the tasks that are under way.
func (f *feed[A]) stop(cause error) {
	f.mu.Lock()
	if f.stopped == nil {
		f.stopped = cause
	}
	f.room.Broadcast()
	f.mu.Unlock()
	f.p.cancelJob(f.j, cause)
}

// isOver reports whether an error is the pool's end and not a task's.
func (f *feed[A]) isOver(err error) bool {
	f.p.mu.Lock()
	defer f.p.mu.Unlock()
	return err == f.p.dropAll
}

// drain calls each with every task, and then after some of them, until all have ended and no more come. It returns why the feed was stopped.
func (f *feed[A]) drain(each func(index int, result []byte, err error), then func()) error {
	var ended []piece
	done, all := f.done, false
	for {
		f.mu.Lock()
		if f.drained >= f.fed && all {
			defer f.mu.Unlock()
			return f.stopped
		}
		f.mu.Unlock()
		select {
		case <-f.j.wake:
		case <-done:
			done, all = nil, true
			continue
		}
		ended = f.j.collect(ended)
		for _, c := range ended {
			f.drained += c.count // before each, which may panic
		}
		n := 0
		for i, c := range ended {
			ended[i] = piece{}
			c.each(func(index int, result []byte, err error) {
				each(index, result, err)
				if n++; n%releaseAt == 0 {
					then()
				}
			})
		}
		then()
	}
}

// releaseAt is after how many results room is made for as many inputs.
const releaseAt = 64
