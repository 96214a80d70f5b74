package manager

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

// segments are the shared memory segments of Python's SharedMemoryManager. Its clients make them, and tell the server their names;
// the server unlinks them when it stops, or when it is asked to. They are names of this machine and no objects, so they are not in the state.
//
// A client that dies leaves its segments to the server, as in Python. A server that is killed leaves them to the resource trackers of the
// Pythons that have made them.
type segments struct {
	ended bool
	list  []segment // in the order in which they came
}

// A segment is known by its name, and by the file that had that name when the server was told: if another has it later, it is not the server's to
// unlink.
type segment struct {
	name string
	file os.FileInfo
}

const (
	maxSegments    = 1 << 16
	maxSegmentName = 255
)

// segmentCall executes a request of SharedMemoryManager; it reports whether the function is one of those.
func (c *client) segmentCall(r *wire.Request) (known bool) {
	s := c.s
	var run func(name string) error
	switch r.Method {
	case wire.FuncListSegments:
		if err := arguments(r, 0); err != nil {
			c.traceback("TypeError", err.Error())
			return true
		}
		names := &pickle.List{}
		s.mu.Lock()
		for _, segment := range s.segments.list {
			names.Items = append(names.Items, segment.name)
		}
		s.mu.Unlock()
		c.answer(wire.KindReturn, names)
		return true
	case wire.FuncTrackSegment:
		run = s.trackSegment
	case wire.FuncReleaseSegment:
		run = s.releaseSegment
	default:
		return false
	}
	name, err := text(r, 0, 1)
	if err != nil {
		c.traceback("TypeError", err.Error())
		return true
	}
	if err := run(name); err != nil {
		var e *Exception
		if errors.As(err, &e) {
			c.traceback(e.Name, fmt.Sprint(e.Args...))
		} else {
			c.traceback("OSError", err.Error())
		}
		return true
	}
	c.answer(wire.KindReturn, nil)
	return true
}

// trackSegment notes a segment. It has to be there: Python's clients make it first.
func (s *Server) trackSegment(name string) error {
	if name == "" || len(name) > maxSegmentName || strings.ContainsAny(name, "/\x00") || name == "." || name == ".." {
		return NewException("ValueError", fmt.Sprintf("%.40q is no name of a segment", name))
	}
	file, err := statSegment(name)
	if errors.Is(err, os.ErrNotExist) {
		return NewException("FileNotFoundError", "there is no segment "+pickle.Repr(name))
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known := slices.ContainsFunc(s.segments.list, func(old segment) bool { return old.name == name && os.SameFile(old.file, file) })
	switch {
	case s.segments.ended:
		return ErrClosed
	case known:
		return nil
	case len(s.segments.list) >= maxSegments:
		return NewException("MemoryError", fmt.Sprintf("the number of segments is limited to %d", maxSegments))
	}
	s.segments.list = append(s.segments.list, segment{name, file})
	return nil
}

// releaseSegment unlinks a segment that is tracked.
func (s *Server) releaseSegment(name string) error {
	s.mu.Lock()
	i := slices.IndexFunc(s.segments.list, func(old segment) bool { return old.name == name })
	if i < 0 {
		s.mu.Unlock()
		return NewException("ValueError", "list.remove(x): x not in list") // as Python says it
	}
	segment := s.segments.list[i]
	s.segments.list = slices.Delete(s.segments.list, i, i+1)
	s.mu.Unlock()
	return segment.unlink()
}

// unlinkSegments is part of the server's end: no more are tracked.
func (s *Server) unlinkSegments() {
	s.mu.Lock()
	all := s.segments.list
	s.segments = segments{ended: true}
	s.mu.Unlock()
	for _, segment := range all {
		if err := segment.unlink(); err != nil {
			s.log.Warn("manager: a segment cannot be unlinked", "name", segment.name, "err", err)
		}
	}
}

// unlink removes a segment, unless that was done or its name belongs to another.
func (g segment) unlink() error {
	file, err := statSegment(g.name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !os.SameFile(file, g.file):
		return nil
	}
	if err = removeSegment(g.name); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
