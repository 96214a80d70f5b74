package manager

import (
	"bytes"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/multiproc-go/multiproc/manager/internal/state"
)

// outcome is what became of a command.
type outcome uint8

const (
	answered outcome = iota // the reply is there
	foreign                 // an object of a user type has to act; the reply is there for the case that it succeeds
	later                   // the reply is up to another client, and comes to client.late
)

// apply executes c.command and puts its reply in c.out. The ident is that of the foreign object.
func (s *Server) apply(c *client) (what outcome, ident string) {
	s.mu.Lock()
	replies, ok := s.step(&c.command)
	what = later
	for i := range replies {
		r := &replies[i]
		if r.Client != c.id || r.Request != c.command.Request {
			s.deliver(r)
			continue
		}
		what, c.out = answered, append(c.out[:0], r.Data...)
		if r.Foreign {
			what, ident = foreign, r.Ident
			if c.command.Op == state.Create {
				s.objects[ident] = object{}
			}
		}
	}
	if what == later && c.late == nil {
		c.late = make(chan []byte, 1)
	}
	s.mu.Unlock()
	if !ok {
		c.traceback("SystemError", "a defect of the server; its log has more")
		return answered, ""
	}
	return what, ident
}

// event executes a command that nobody waits for: of the time, of somebody's coming or end.
func (s *Server) event(cmd *state.Command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	replies, _ := s.step(cmd)
	for i := range replies {
		s.deliver(&replies[i])
	}
}

// step has the state execute a command, with mu held. A panic leaves the state half changed, and replies unsent for which others
// wait. So it is the last step: to stop is better than to tell what is wrong, and those who wait notice.
func (s *Server) step(cmd *state.Command) (replies []state.Reply, ok bool) {
	if s.defect != nil {
		return nil, false
	}
	defer func() {
		if p := recover(); p != nil {
			s.defect = fmt.Errorf("manager: a defect has stopped the server: panic in command %d of method %q: %v", cmd.Op, cmd.Method, p)
			s.log.Error("manager: a command has failed; the server stops", "op", int(cmd.Op), "method", cmd.Method,
				"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			go s.shutdown() // Serve waits for it
		}
	}()
	cmd.Now = time.Since(s.started)
	s.index++
	replies, freed := s.state.Apply(s.index, cmd)
	for _, ident := range freed {
		if o, ok := s.objects[ident]; ok && !s.ended { // otherwise finish does it
			delete(s.objects, ident)
			if o.of != nil { // otherwise construct notices
				s.calls.Go(func() { s.drop(o) })
			}
		}
	}
	s.arm(cmd.Now)
	return replies, true
}

// deliver gives the reply of a call that has waited to its connection, with mu held.
func (s *Server) deliver(r *state.Reply) {
	if c := s.conn[r.Client]; c != nil && c.late != nil {
		c.late <- bytes.Clone(r.Data) // there is room: a connection waits for one reply at most
	}
}

// arm sets the timer for when the state wants a Tick, with mu held. One that is set to fire before is left alone.
func (s *Server) arm(now time.Duration) {
	at, ok := s.state.Deadline()
	if !ok || s.ended || s.armed != 0 && s.armed <= at {
		return
	}
	s.armed = max(at, now+1)
	s.timer.Reset(s.armed - now)
}

// tick runs when the timer fires.
func (s *Server) tick() {
	s.mu.Lock()
	s.armed = 0
	ended := s.ended
	s.mu.Unlock()
	if !ended {
		s.event(&state.Command{Op: state.Tick})
	}
}
