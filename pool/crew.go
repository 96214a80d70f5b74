package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/queue"
	"github.com/multiproc-go/multiproc/shm"
)

// A seat is one of Options.Workers: who works in it changes.
type seat struct {
	mate *mate
	// What former mates have done, and how many there were.
	busy     time.Duration
	done     int
	restarts int
}

// standing is how it is with a mate.
type standing uint8

const (
	starting standing = iota
	spare             // set up, without a seat
	seated
	leaving // it has been told to end, in whatever way, and gets no tasks
)

// A mate is a worker process as its owner sees it. Everything but lane is protected by Pool.mu.
type mate struct {
	p *Pool
	lane
	proc   *multiproc.Process
	cancel context.CancelCauseFunc

	standing standing
	seat     int      // -1: none
	out      []*batch // handed out, in the order of their numbers; the first is the one that runs
	load     int      // tasks in out that have not ended
	next     uint64   // number of the next task
	full     bool     // its queue was, when it last was looked at
	since    time.Time
	busy     time.Duration
	done     int
	timer    *time.Timer // Options.TaskTimeout
	doomed   uint64      // number of the task for which it was killed
	buried   bool
	gone     chan struct{} // closed when nobody waits for it any more, although it lives
}

// fill starts as many workers as are missing. It is called with p.mu held.
func (p *Pool) fill() {
	missing := p.spares - p.pending
	for i := range p.seats {
		if p.seats[i].mate == nil {
			missing++
		}
	}
	for _, m := range p.crew {
		if m.standing <= spare {
			missing--
		}
	}
	if p.finished() {
		return
	}
	for range missing {
		if p.dropAll != nil {
			return
		}
		p.pending++
		p.side.Go(p.hire)
	}
}

// hire starts one worker.
func (p *Pool) hire() {
	p.mu.Lock()
	pause := time.Duration(0)
	if p.fails > 0 {
		pause = 5 * time.Millisecond << p.fails
	}
	p.started++
	number := p.started
	p.mu.Unlock()
	if pause > 0 {
		select {
		case <-time.After(pause):
		case <-p.ctx.Done():
		}
	}
	m, err := p.launch(number)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending--
	said := p.early[uint64(number)]
	delete(p.early, uint64(number))
	if err != nil {
		p.notSetUp(err)
		return
	}
	p.crew = append(p.crew, m)
	p.side.Go(m.tend)
	for _, b := range said {
		p.note(m, &reader{rest: b})
	}
	if p.dropAll != nil {
		m.stop(p.dropAll)
	}
	p.dispatch()
	p.settle()
}

// launch makes a lane and starts a worker on it.
func (p *Pool) launch(number int) (_ *mate, err error) {
	m := &mate{p: p, lane: p.init, seat: -1, next: 1, gone: make(chan struct{})}
	m.Number, m.Inbox = uint64(number), p.inbox
	defer func() {
		if err != nil {
			m.clear()
		}
	}()
	if m.Tasks, err = queue.New[[]byte](queue.Options{Capacity: autoAhead, Bytes: p.o.Bytes, Spin: spin}); err != nil {
		return nil, err
	}
	if m.Log, err = shm.NewArray[byte](logBytes); err != nil {
		return nil, err
	}
	if m.Logged, err = shm.NewValue[uint64](0); err != nil {
		return nil, err
	}
	if m.Begun, err = shm.NewValue[uint64](0); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(p.ctx)
	m.cancel = cancel
	o := p.o.Worker
	o.Name, o.Daemon = fmt.Sprintf("%s-%d", p.o.Name, number), true
	if m.proc, err = multiproc.Start(ctx, worker.With(m.lane).WithOptions(o)); err != nil {
		cancel(nil)
		return nil, err
	}
	m.timer = time.AfterFunc(time.Hour, m.timeout)
	m.timer.Stop()
	return m, nil
}

// clear frees the lane. Nobody may use it any more.
func (m *mate) clear() {
	if m.Tasks != nil {
		m.Tasks.Close()
	}
	if m.Log != nil {
		m.Log.Close()
	}
	if m.Logged != nil {
		m.Logged.Close()
	}
	if m.Begun != nil {
		m.Begun.Close()
	}
}

// notSetUp is called for a worker that ended before it was ready.
func (p *Pool) notSetUp(err error) {
	if p.dropAll != nil || p.ctx.Err() != nil { // then the pool is about to end, and not because of this
		p.settle()
		return
	}
	p.fails++
	busy := slices.ContainsFunc(p.crew, func(m *mate) bool { return m.standing == seated })
	if !p.ready || p.fails >= maxFails && !busy {
		p.breakDown(err)
		return
	}
	p.fails = min(p.fails, maxFails)
	p.fill()
}

// maxFails is how many workers in a row must fail to start before a pool without any gives up.
const maxFails = 6

// unseat frees the seat of a worker for another.
func (p *Pool) unseat(m *mate) {
	if m.seat < 0 {
		return
	}
	s := &p.seats[m.seat]
	s.mate, s.busy, s.done = nil, s.busy+m.busy, s.done+m.done
	s.restarts++
	m.seat = -1
	if p.o.Spares == 0 {
		p.spares = 1 // where one has ended, others will
	}
	p.seatSpares()
}

// seatSpares gives free seats to workers that are ready.
func (p *Pool) seatSpares() {
	for i := range p.seats {
		if p.seats[i].mate != nil {
			continue
		}
		at := slices.IndexFunc(p.crew, func(m *mate) bool { return m.standing == spare })
		if at < 0 {
			return
		}
		m := p.crew[at]
		m.standing, m.seat, p.seats[i].mate = seated, i, m
	}
	if !p.ready {
		p.ready = true
		close(p.up)
	}
}

// retire lets a worker finish what it has, and then go.
func (m *mate) retire() {
	if m.standing != leaving {
		m.p.unseat(m)
		m.standing = leaving
		_ = m.Tasks.Drain()
	}
}

// stop ends the context of a worker's task, and after the grace time the worker.
func (m *mate) stop(cause error) {
	m.p.unseat(m)
	m.standing = leaving
	m.cancel(cause)
	m.loseLater()
}

// kill kills a worker.
func (m *mate) kill() {
	m.p.unseat(m)
	m.standing = leaving
	if errors.Is(m.proc.Kill(), multiproc.ErrUnsupported) {
		m.loseLater()
	}
}

// timeout kills a worker whose task has taken too long.
func (m *mate) timeout() {
	p := m.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if m.load == 0 || m.buried || isClosed(m.proc.Done()) {
		return
	}
	if left := p.o.TaskTimeout - time.Since(m.since); left > 0 {
		m.timer.Reset(left)
		return
	}
	m.doomed = m.current()
	m.kill()
	p.fill()
}

// current is the number of the task that a worker is at, 0 if it is idle.
func (m *mate) current() uint64 {
	if len(m.out) == 0 {
		return 0
	}
	return m.out[0].current()
}

// has reports whether a worker has tasks of j.
func (m *mate) has(j *job) bool {
	return slices.ContainsFunc(m.out, func(b *batch) bool { return b.job == j })
}
