package manager

import (
	"net"
	"sync"
	"sync/atomic"

	"github.com/multiproc-go/multiproc/manager/internal/state"
)

// peers are the client processes that can be told apart: those at the other end of Unix sockets. One
// that dies takes its references along.
//
// A process is known by a descriptor for it, from its first connection until it ends. While that is open its pid
// is not given to another process, so that a later connection of the same pid is the same process.
type peers struct {
	mu    sync.Mutex
	ended bool
	last  state.Holder
	known map[int]*peer // by pid
}

// A peer is one client process. Nil is one that is not known.
type peer struct {
	number state.Holder
	id     int
	watch  *processWatch
	dead   atomic.Bool
}

func (p *peer) holder() state.Holder {
	if p == nil {
		return 0
	}
	return p.number
}

func (p *peer) pid() int {
	if p == nil {
		return 0
	}
	return p.id
}

// of returns the process at the other end of c. It is nil, and its references are counted as CPython's
// server counts all, if that cannot be known: over TCP, on other systems than Linux before 5.3, for a process of another
// pid namespace, or for want of descriptors.
func (ps *peers) of(s *Server, c net.Conn) *peer {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	pid := peerPid(c)
	if pid <= 0 || ps.ended {
		return nil
	}
	if p := ps.known[pid]; p != nil && !p.watch.ended() {
		return p
	}
	w, err := watchProcess(c, pid)
	if err != nil {
		s.log.Debug("manager: the client's process cannot be watched", "pid", pid, "err", err)
		return nil
	}
	ps.last++
	p := &peer{number: ps.last, id: pid, watch: w}
	if ps.known == nil {
		ps.known = make(map[int]*peer)
	}
	ps.known[pid] = p
	s.conns.Go(func() { ps.await(s, p) })
	return p
}

// await tells the state when a process has died.
func (ps *peers) await(s *Server, p *peer) {
	died := p.watch.wait()
	ps.mu.Lock()
	if ps.known[p.id] == p { // otherwise its pid belongs to another by now
		delete(ps.known, p.id)
	}
	ps.mu.Unlock()
	if died {
		s.log.Debug("manager: a client's process has ended", "pid", p.id)
		p.dead.Store(true)
		s.event(&state.Command{Op: state.Gone, Holder: p.number})
	}
	p.watch.close()
}

// leave is the end of a connection of p. What it had sent before its process died may have been executed
// after the news of that.
func (p *peer) leave(s *Server) {
	if p != nil && p.dead.Load() {
		s.event(&state.Command{Op: state.Gone, Holder: p.number})
	}
}

// close ends watching.
func (ps *peers) close() {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.ended = true
	for _, p := range ps.known {
		p.watch.close()
	}
}
