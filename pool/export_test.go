package pool

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/multiproc-go/multiproc/internal/wait"
)

// Explain tells, for a test in which nothing goes on any more, how it is with the pool and with its workers.
func (p *Pool) Explain() string {
	var s strings.Builder
	heard := p.hearing.TryLock()
	if heard {
		p.hearing.Unlock()
	}
	fmt.Fprintf(&s, "inbox: %d messages; somebody hears: %t, listens: %t; spins: %d\n", p.inbox.r.Len(), !heard, p.listening.Load(), wait.Spins)
	for deadline := time.Now().Add(5 * time.Second); !p.mu.TryLock(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			fmt.Fprintln(&s, "Pool.mu is held all the time")
			return s.String()
		}
	}
	defer p.mu.Unlock()
	fmt.Fprintf(&s, "pending %d, early %d, started %d, spares %d, fails %d, queued %d, out %d, jobs %d, open %d, ready %t, closing %t, err %v\n",
		p.pending, len(p.early), p.started, p.spares, p.fails, p.queued, p.out, len(p.jobs), p.open, p.ready, p.closing, p.err)
	for _, m := range p.crew {
		fmt.Fprintf(&s, "%s: %s, seat %d, load %d, %d messages for it, logged %d, begun %d, full %t\n", m.proc,
			[...]string{"starting", "spare", "seated", "leaving"}[m.standing], m.seat, m.load, m.Tasks.Len(), m.Logged.Load(), m.Begun.Load(), m.full)
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", m.proc.Pid()))
		for _, dir := range threads {
			fmt.Fprintf(&s, "\t%s:", filepath.Base(dir))
			for _, name := range []string{"stat", "wchan", "syscall", "stack"} {
				b, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					continue // some of them are for root only
				}
				text := strings.Join(strings.Fields(string(b)), " ")
				if name == "stat" { // of which the state is one letter behind the name
					_, text, _ = strings.Cut(text, ") ")
					text = text[:min(len(text), 1)]
				}
				fmt.Fprintf(&s, " %s: %s;", name, text)
			}
			s.WriteByte('\n')
		}
	}
	return s.String()
}

// Pids are the workers that have not been buried.
func (p *Pool) Pids() (pids []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.crew {
		pids = append(pids, m.proc.Pid())
	}
	return pids
}
