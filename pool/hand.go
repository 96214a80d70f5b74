package pool

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/queue"
)

// dispatch hands out what it can. It is called with p.mu held.
func (p *Pool) dispatch() {
	blocked := false
	for len(p.jobs) > 0 {
		j := p.jobs[0]
		if j.waiting == 0 {
			j.listed = false
			p.jobs = p.jobs[1:]
			continue
		}
		chunk, window := j.pace.portion(j.chunk)
		m := p.choose(window)
		if m == nil || m.load > 0 && j.feeding && j.waiting < chunk {
			break // whoever has less to do will ask again
		}
		if blocked = !p.hand(m, j, chunk) && m.load == 0; blocked {
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
		if m != nil && !m.full && m.load < window && (best == nil || m.load < best.load) {
			best = m
		}
	}
	return best
}

// hand hands up to n tasks to a worker. It returns false if that has no room now.
func (p *Pool) hand(m *mate, j *job, n int) bool {
	if max := p.o.MaxTasksPerWorker; max > 0 {
		n = min(n, max-int(m.next-1))
	}
	batches, count := j.front(n)
	b := appendBytes(p.scratch[:0], j.entry)
	b = binary.AppendUvarint(binary.AppendUvarint(b, m.next), uint64(count))
	for _, tasks := range batches {
		b = append(b, tasks.args...)
	}
	if p.scratch = b; cap(b) > 4*messageBytes {
		p.scratch = nil
	}
	err := m.Tasks.TryPut(b)
	if errors.Is(err, queue.ErrFull) {
		m.full = true
		return false
	}
	batches = j.take(len(batches))
	if err != nil {
		p.refuseTasks(m, batches, err)
		return true
	}
	crashpoint.At("pool.handed")
	if m.load == 0 {
		m.begin(time.Now())
	}
	for _, tasks := range batches {
		tasks.number = m.next
		m.next += uint64(tasks.count)
	}
	m.out = append(m.out, batches...)
	m.load += count
	j.out += count
	p.out += count
	if max := p.o.MaxTasksPerWorker; max > 0 && int(m.next-1) >= max {
		m.retire()
		p.fill()
	}
	return true
}

// refuseTasks deals with tasks that could not be put into a worker's queue.
func (p *Pool) refuseTasks(m *mate, batches []*batch, err error) {
	if errors.Is(err, queue.ErrClosed) || errors.Is(err, queue.ErrCorrupt) {
		// It is about to be buried, or has to be.
		for _, b := range batches {
			p.takeBack(b)
		}
		m.kill()
		p.fill()
		return
	}
	for _, b := range batches {
		p.endWith(b, err)
	}
}

// begin notes that the worker's first task runs from now on.
func (m *mate) begin(now time.Time) {
	m.since = now
	if d := m.p.o.TaskTimeout; d > 0 {
		m.timer.Reset(d)
	}
}

// lose takes tasks that have not ended off a worker's load.
func (m *mate) lose(b *batch, n int) {
	m.load -= n
	m.p.out -= n
	b.job.out -= n
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

func (p *Pool) recalled(m *mate, message []byte) {
	r := reader{rest: message}
	r.bytes()
	first := r.number()
	count := r.number()
	p.mu.Lock()
	defer p.mu.Unlock()
	var back []*batch
	m.out = slices.DeleteFunc(m.out, func(b *batch) bool {
		is := b.number >= first && b.number-first < count
		if is {
			back = append(back, b)
		}
		return is
	})
	for _, b := range back {
		m.lose(b, b.left())
		p.takeBack(b)
	}
	m.full = false
	if m.load == 0 {
		m.timer.Stop()
	}
	p.dispatch()
	p.settle()
}

// uneven reports whether a worker has tasks in its queue while another has none to do.
func (p *Pool) uneven() bool { return p.queued == 0 && p.idle() && p.crowded() != nil }

func (p *Pool) idle() bool {
	return slices.ContainsFunc(p.seats, func(s seat) bool { return s.mate != nil && s.mate.load == 0 })
}

func (p *Pool) crowded() *mate {
	for _, m := range p.crew {
		if m.load > 1 && m.Tasks.Len() > 0 {
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
		if m.load == 0 {
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
