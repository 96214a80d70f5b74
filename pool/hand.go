package pool

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/queue"
)

// dispatch hands out what it can. It is called with p.mu held.
func (p *Pool) dispatch() {
	blocked := false
	for len(p.jobs) > 0 {
		j := p.jobs[0]
		if j.waiting() == 0 {
			j.listed = false
			p.jobs = p.jobs[1:]
			continue
		}
		chunk, window := j.portion()
		m := p.choose(window)
		if m == nil || len(m.out) > 0 && j.feeding && j.waiting() < chunk {
			break // whoever has less to do will ask again
		}
		if blocked = !p.hand(m, j, chunk) && len(m.out) == 0; blocked {
			break
		}
		// Jobs take turns.
		p.jobs = append(p.jobs[1:], j)
	}
	if blocked || p.uneven() {
		p.again.Reset(ahead)
	}
}

// choose finds the worker with the fewest tasks, if it has fewer than window.
func (p *Pool) choose(window int) *mate {
	var best *mate
	for i := range p.seats {
		m := p.seats[i].mate
		if m != nil && !m.full && len(m.out) < window && (best == nil || len(m.out) < len(best.out)) {
			best = m
		}
	}
	return best
}

// messageBytes is how long a message of several tasks becomes, about.
const messageBytes = 64 << 10

// hand hands up to n tasks to a worker. It returns false if that has no room now.
func (p *Pool) hand(m *mate, j *job, n int) bool {
	if max := p.o.MaxTasksPerWorker; max > 0 {
		n = min(n, max-int(m.next-1))
	}
	from := &j.queued
	if len(j.again) > 0 {
		from = &j.again
	}
	count, size := 0, 0
	for count < min(n, len(*from)) && (count == 0 || size < messageBytes) {
		size += len((*from)[count].arg) + 2
		count++
	}
	tasks := (*from)[:count:count]
	b := appendBytes(make([]byte, 0, size+len(j.entry)+32), j.entry)
	b = binary.AppendUvarint(binary.AppendUvarint(b, m.next), uint64(count))
	for _, t := range tasks {
		b = appendBytes(b, t.arg)
	}
	err := m.Tasks.TryPut(b)
	if errors.Is(err, queue.ErrFull) {
		m.full = true
		return false
	}
	*from = (*from)[count:]
	p.queued -= count
	if err != nil {
		p.refuseTasks(m, tasks, err)
		return true
	}
	crashpoint.At("pool.handed")
	if len(m.out) == 0 {
		m.begin(time.Now())
	}
	for _, t := range tasks {
		t.number = m.next
		m.next++
	}
	m.out = append(m.out, tasks...)
	j.out += count
	p.out += count
	if max := p.o.MaxTasksPerWorker; max > 0 && int(m.next-1) >= max {
		m.retire()
		p.fill()
	}
	return true
}

// refuseTasks deals with tasks that could not be put into a worker's queue.
func (p *Pool) refuseTasks(m *mate, tasks []*task, err error) {
	if errors.Is(err, queue.ErrClosed) || errors.Is(err, queue.ErrCorrupt) {
		// It is about to be buried, or has to be.
		for _, t := range tasks {
			p.takeBack(t)
		}
		m.kill()
		p.fill()
		return
	}
	for _, t := range tasks {
		t.err = err
	}
	p.failed += len(tasks)
	tasks[0].job.end(tasks...)
}

// begin notes that the worker's first task runs from now on.
func (m *mate) begin(now time.Time) {
	m.since = now
	if d := m.p.o.TaskTimeout; d > 0 {
		m.timer.Reset(d)
	}
}

// takeBack queues a task again that was handed out, before all others of its job.
func (p *Pool) takeBack(t *task) {
	j := t.job
	err := j.stopped
	if p.dropAll != nil {
		err = p.dropAll
	}
	if err != nil {
		t.err = err
		p.failed++
		j.end(t)
		return
	}
	j.again = append(j.again, t)
	p.queued++
	p.list(j)
}

// hear deals with one message of a worker.
func (p *Pool) hear(b []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := reader{rest: b}
	number := r.number()
	for _, m := range p.crew {
		if m.Number == number {
			p.note(m, &r)
			if r.broken {
				return errMessage
			}
			p.dispatch()
			p.settle()
			return nil
		}
	}
	if p.pending > 0 {
		p.early[number] = append(p.early[number], r.rest) // it was faster than we, who have started it
	}
	return nil
}

// note deals with what follows the worker's number in a message.
func (p *Pool) note(m *mate, r *reader) {
	busy := time.Duration(r.number())
	ended, j := 0, (*job)(nil)
	if len(m.out) > 0 {
		j = m.out[0].job
	}
	for len(r.rest) > 0 && !r.broken {
		switch kind := p.record(m, r); kind {
		case kindReady:
			p.fails = 0
			if m.standing == starting {
				m.standing = spare
				p.seatSpares()
			}
		case kindDead:
			p.bury(m)
			return
		default:
			ended++
		}
	}
	p.tell()
	if ended == 0 {
		return
	}
	m.full = false
	m.busy += busy
	if j != nil {
		j.measure(busy, ended)
	}
	if len(m.out) > 0 {
		m.begin(time.Now())
	} else {
		m.timer.Stop()
	}
}

// record reads a record and ends its task. It returns the record's kind.
func (p *Pool) record(m *mate, r *reader) uint64 {
	number, kind := r.number(), r.number()
	var result []byte
	var failure error
	switch kind {
	case kindResult:
		result = r.bytes()
	case kindFailed:
		failure = r.failure()
	case kindReady, kindDead:
		return kind
	default:
		r.broken = true
	}
	if r.broken {
		return kind
	}
	at := 0
	if len(m.out) == 0 || m.out[0].number != number {
		if at = slices.IndexFunc(m.out, func(t *task) bool { return t.number == number }); at < 0 {
			return kind // told twice
		}
	}
	t := m.out[at]
	if at == 0 {
		m.out = m.out[1:]
	} else {
		m.out = slices.Delete(m.out, at, at+1)
	}
	p.out--
	t.job.out--
	m.done++
	t.tries++
	name, pid := m.proc.Name(), m.proc.Pid()
	switch {
	case failure == nil:
		t.result = result
		p.done++
	case t.job.stopped != nil && errors.Is(failure, context.Canceled):
		t.err = t.job.stopped
	case m.doomed == t:
		t.err = &WorkerError{Entry: t.job.entry, Worker: name, Pid: pid, Tries: t.tries, Err: failure, timeout: true}
	case m.standing == leaving && errors.Is(failure, context.Canceled) && p.dropAll == nil:
		t.tries--
		p.takeBack(t) // its context has ended because of another task
		return kind
	default:
		t.err = &multiproc.ChildError{Name: name, Pid: pid, Err: failure}
	}
	if failure != nil {
		p.failed++
	}
	if len(p.endedAtOnce) > 0 && p.endedAtOnce[0].job != t.job {
		p.tell()
	}
	p.endedAtOnce = append(p.endedAtOnce, t)
	return kind
}

// tell ends the tasks of which the last records have told.
func (p *Pool) tell() {
	if len(p.endedAtOnce) > 0 {
		p.endedAtOnce[0].job.end(p.endedAtOnce...)
		clear(p.endedAtOnce)
		p.endedAtOnce = p.endedAtOnce[:0]
	}
}

// recall takes back what a worker has in its queue. The worker may be stopped while it has the queue's lock, so that this may take
// long; it is called with p.mu held and does its work without.
func (p *Pool) recall(m *mate) {
	p.side.Go(func() {
		for {
			b, err := m.Tasks.TryGet()
			if err != nil {
				return // there is no more, or it is about to be buried
			}
			p.recalled(m, b)
		}
	})
}

func (p *Pool) recalled(m *mate, b []byte) {
	r := reader{rest: b}
	r.bytes()
	first := r.number()
	count := r.number()
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := m.out[:0:0]
	for _, t := range m.out {
		if t.number < first || t.number-first >= count {
			kept = append(kept, t)
			continue
		}
		p.out--
		t.job.out--
		p.takeBack(t)
	}
	m.out = kept
	m.full = false
	if len(kept) == 0 {
		m.timer.Stop()
	}
	p.dispatch()
	p.settle()
}

// uneven reports whether a worker has tasks in its queue while another has none to do.
func (p *Pool) uneven() bool { return p.queued == 0 && p.idle() && p.crowded() != nil }

func (p *Pool) idle() bool {
	return slices.ContainsFunc(p.seats, func(s seat) bool { return s.mate != nil && len(s.mate.out) == 0 })
}

func (p *Pool) crowded() *mate {
	for _, m := range p.crew {
		if len(m.out) > 1 && m.Tasks.Len() > 0 {
			return m
		}
	}
	return nil
}

// lookAgain takes tasks from a worker that does not come to them and gives them to others.
func (p *Pool) lookAgain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if isClosed(p.over) {
		return
	}
	for _, m := range p.crew {
		if len(m.out) == 0 {
			m.full = false
		}
	}
	if p.queued == 0 && p.idle() {
		if m := p.crowded(); m != nil && time.Since(m.since) >= ahead {
			p.recall(m)
			return
		}
	}
	p.dispatch()
}
