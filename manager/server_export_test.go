package manager

import "github.com/multiproc-go/multiproc/manager/internal/state"

// Machine is what holds the objects.
type Machine = machine

// NewServerOf makes a server that has m in place of its state.
func NewServerOf(o Options, m Machine) (*Server, error) {
	return newServer(o, func(state.Options) machine { return m })
}

// Connections returns how many there are.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conn)
}

// Kept returns how many objects there are, whether they are counted or not.
func (s *Server) Kept() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.(*state.State).Objects()
}

// Waiting returns how many connections wait for a reply that is up to another client.
func (s *Server) Waiting() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conn {
		c.mu.Lock()
		if c.doing == waiting {
			n++
		}
		c.mu.Unlock()
	}
	return n
}

// Stopping reports whether the server admits nobody any more.
func (s *Server) Stopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// MaxBacklog is how much a client may send while its call waits.
const MaxBacklog = maxBacklog

// Busy is after how many requests a connection gets a thread.
const Busy = busy
