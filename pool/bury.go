package pool

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"github.com/multiproc-go/multiproc"
)

// tend waits for the end of the worker.
func (m *mate) tend() {
	select {
	case <-m.proc.Done():
		m.report()
	case <-m.gone:
		go func() { // for as long as it takes
			<-m.proc.Done()
			m.p.mu.Lock()
			defer m.p.mu.Unlock()
			m.p.bury(m)
		}()
	}
}

// report has the worker buried.
func (m *mate) report() {
	// Behind all that it has sent.
	note := binary.AppendUvarint(binary.AppendUvarint(nil, m.Number), 0)
	if m.p.inbox.put(context.Background(), append(note, kindDead)) != nil {
		m.p.mu.Lock()
		defer m.p.mu.Unlock()
		m.p.bury(m)
	}
}

// bury does all that the death of a worker asks for. It is called with p.mu held, when all messages of the worker have been heard.
func (p *Pool) bury(m *mate) {
	err := m.proc.Wait(context.Background())
	if !m.buried {
		logged := m.Log.Slice()
		r := reader{rest: logged[:min(m.Logged.Load(), uint64(len(logged)))]}
		r.rest = slices.Clone(r.rest)
		p.records(m, &r)
		p.forget(m, err, m.Begun.Load())
	}
	m.timer.Stop()
	m.cancel(nil)
	m.clear()
	p.settle()
}

// forget takes a worker that has ended off the crew, fails the task that it had begun, and gives the others to others.
func (p *Pool) forget(m *mate, err error, begun uint64) {
	m.buried = true
	p.crew = slices.DeleteFunc(p.crew, func(o *mate) bool { return o == m })
	early := m.standing == starting
	p.unseat(m)
	m.standing = leaving
	out := m.out
	m.out = nil
	for _, b := range out {
		m.lose(b, b.left())
		b.trim()
		if !b.has(begun) {
			p.takeBack(b)
			continue
		}
		if n := int(begun - b.number); n > 0 {
			p.takeBack(b.cut(n, math.MaxInt)) // of which nothing was heard
		}
		guilty := b.cut(1, 0)
		p.blame(m, guilty, err)
		if guilty != b {
			p.takeBack(b)
		}
	}
	if early && p.dropAll == nil && !p.finished() {
		if err == nil {
			err = errEnded
		}
		p.notSetUp(err)
	}
	p.fill()
	p.dispatch()
}

var errEnded = errors.New("pool: a worker ended before it was ready")

// blame decides about a task that a worker has died of.
func (p *Pool) blame(m *mate, b *batch, err error) {
	b.tries++
	signal, killed := errors.AsType[*multiproc.SignalError](err)
	_, exited := errors.AsType[*multiproc.ExitError](err)
	if exited || killed && signal.Signal != os.Kill {
		m.doomed = 0 // it ended by itself, before it could be killed
	}
	doomed := m.doomed == b.number
	switch {
	case b.job.stopped != nil:
		err = b.job.stopped
	case p.dropAll != nil:
		err = p.dropAll
	case !doomed && m.doomed != 0:
		b.tries--
		p.takeBack(b) // it was killed for the task before, which has just ended
		return
	case !doomed && (killed || exited) && b.tries <= p.o.Retry:
		p.retried++
		p.takeBack(b)
		return
	case !doomed && m.standing == leaving && err == nil:
		b.tries--
		p.takeBack(b) // it was told to end, for another task
		return
	default:
		if err == nil {
			err = errEnded
		}
		err = &WorkerError{Entry: b.job.entry, Worker: m.proc.Name(), Pid: m.proc.Pid(), Tries: b.tries, Err: err, timeout: doomed}
	}
	p.endWith(b, err)
}

// loseLater sees to goroutines, which nothing ends that they do not heed: after the grace time nobody waits for them.
func (m *mate) loseLater() {
	if m.proc.Pid() != os.Getpid() {
		return
	}
	grace := m.p.o.Worker.Grace
	if grace == 0 {
		grace = multiproc.DefaultGrace
	}
	p := m.p
	time.AfterFunc(grace, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if m.buried || isClosed(m.proc.Done()) {
			return
		}
		close(m.gone)
		p.forget(m, errOutlasts, m.current())
		p.settle()
	})
}

var errOutlasts = fmt.Errorf("pool: %w: to kill a goroutine that outlasts its grace time", errors.ErrUnsupported)
