package pool

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/multiproc-go/multiproc"
)

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
	j := (*job)(nil)
	if len(m.out) > 0 {
		j = m.out[0].job
	}
	ended, kind := p.records(m, r)
	switch kind {
	case kindReady:
		p.fails = 0
		if m.standing == starting {
			m.standing = spare
			p.seatSpares()
		}
	case kindDead:
		p.bury(m)
		return
	}
	if ended == 0 {
		return
	}
	m.full = false
	m.busy += busy
	if j != nil {
		j.pace.measure(busy, ended)
	}
	if m.load > 0 {
		m.begin(time.Now())
	} else {
		m.timer.Stop()
	}
}

// records ends the tasks of which records tell, up to the end or to a record of another kind. It returns how many records there were, those
// of tasks that had ended before included, and the kind of the last.
func (p *Pool) records(m *mate, r *reader) (ended int, kind uint64) {
	var run piece // results, one behind the other, that their job was not given yet
	var job *job
	var from []byte // begins with the run
	number := uint64(0)
	flush := func(until []byte) {
		if run.count > 0 {
			run.records = from[:len(from)-len(until)]
			job.end(run)
			run.count = 0
		}
	}
	for len(r.rest) > 0 {
		begin := r.rest
		var failure error
		switch kind = r.number(); kind {
		case kindResult:
			number = r.number()
			r.bytes()
		case kindNext:
			r.broken = r.broken || number == 0
			number++
			r.bytes()
		case kindFailed:
			number = r.number()
			failure = r.failure()
		case kindReady, kindDead:
			flush(begin)
			return ended, kind
		default:
			r.broken = true
		}
		if r.broken {
			flush(begin)
			return ended, kind
		}
		ended++
		at := m.find(number)
		if at < 0 || number < m.out[at].current() {
			flush(begin) // told twice
			continue
		}
		b := m.out[at]
		if number != b.current() {
			flush(begin)
			r.broken = true
			return ended, kind
		}
		index := b.index + b.ended
		if failure != nil || run.count > 0 && (b.job != job || index != run.index+run.count) {
			flush(begin)
		}
		m.lose(b, 1)
		m.done++
		if failure != nil {
			p.hearFailure(m, b, failure)
		} else {
			if run.count == 0 {
				from, job, run.index = begin, b.job, index
			}
			run.count++
			p.done++
		}
		if b.ended++; b.left() == 0 {
			if at == 0 {
				m.out[0] = nil
				m.out = m.out[1:]
			} else {
				m.out = slices.Delete(m.out, at, at+1)
			}
		}
	}
	flush(nil)
	return ended, kind
}

// find is the place in out of the batch that has a task, or -1. It mostly is the first; those before it are about to be recalled.
func (m *mate) find(number uint64) int {
	if len(m.out) > 0 && m.out[0].has(number) {
		return 0
	}
	return slices.IndexFunc(m.out, func(b *batch) bool { return b.has(number) })
}

// hearFailure deals with the failure of the task that a batch of a worker is at.
func (p *Pool) hearFailure(m *mate, b *batch, failure error) {
	j, name, pid := b.job, m.proc.Name(), m.proc.Pid()
	canceled := errors.Is(failure, context.Canceled)
	var err error
	switch {
	case j.stopped != nil && canceled:
		err = j.stopped
	case m.doomed == b.current():
		err = &WorkerError{Entry: j.entry, Worker: name, Pid: pid, Tries: b.tries + 1, Err: failure, timeout: true}
	case m.standing == leaving && canceled && p.dropAll == nil:
		p.takeBack(b.one()) // its context has ended because of another task
		return
	default:
		err = &multiproc.ChildError{Name: name, Pid: pid, Err: failure}
	}
	p.failed++
	j.end(piece{index: b.index + b.ended, count: 1, err: err})
}
