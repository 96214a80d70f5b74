package pool

import "time"

// Stats is how it is with a pool at one moment.
type Stats struct {
	Queued  int // tasks that no worker has; a lazy Map adds its inputs by and by
	Running int // tasks that workers have, those that wait for their turn there included
	Done    int // tasks that returned a result
	Failed  int // tasks that did not
	Retried int // times that a task was begun again after a worker's death

	Workers []WorkerStats
}

// WorkerStats is one of Options.Workers. Processes change; what they have done is added up.
type WorkerStats struct {
	Name     string // of the process; "" while there is none
	Pid      int
	Busy     time.Duration
	Done     int
	Restarts int // how often a process has taken the place of another
	// Task is the entry that it runs, "" if it is idle, and Since when it began, as far as the pool has heard.
	Task  string
	Since time.Time
}

// Stats tells how it is with the pool.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Stats{Queued: p.queued, Running: p.out, Done: p.done, Failed: p.failed, Retried: p.retried}
	for i := range p.seats {
		seat := &p.seats[i]
		w := WorkerStats{Busy: seat.busy, Done: seat.done, Restarts: seat.restarts}
		if m := seat.mate; m != nil {
			w.Name, w.Pid = m.proc.Name(), m.proc.Pid()
			w.Busy += m.busy
			w.Done += m.done
			if m.load > 0 {
				w.Task, w.Since = m.out[0].job.entry, m.since
			}
		}
		s.Workers = append(s.Workers, w)
	}
	return s
}

// change says that Stats returns something new.
func (p *Pool) change() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// reportEvery is how often Options.Progress is called at most.
const reportEvery = 100 * time.Millisecond

// report is the goroutine that calls Options.Progress.
func (p *Pool) report() {
	for {
		select {
		case <-p.changed:
			p.o.Progress(p.Stats())
		case <-p.over:
			p.o.Progress(p.Stats())
			return
		}
		select {
		case <-time.After(reportEvery):
		case <-p.over:
		}
	}
}
