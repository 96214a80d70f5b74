package multiproc

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/multiproc-go/multiproc/internal/family"
)

// Info tells who a process of the family is.
type Info struct {
	Name  string
	Entry string // "" for the root
	Pid   int
	ID    uint32 // unique in the family while the process lives
	// Daemon is true of a child that its parent will not wait for.
	Daemon bool
}

func (i Info) String() string { return who(i.Name, i.Pid) }

// self is one member of the family as it sees itself: what it is and what it
// has to clean up. There is one in a process, and one more for each child in
// goroutine mode.
type self struct {
	joined *family.Member // nil: the process's own

	mu       sync.Mutex // protects the rest
	info     Info
	parent   *Info
	children []*Process     // alive, or not yet collected; in order of start
	started  map[string]int // entry name → children started so far
	exits    []func()
}

// here is this process. Its info is complete before Main or Init returns.
var here = &self{info: Info{Name: "main", Pid: os.Getpid()}}

type selfKey struct{}

// selfOf is who calls: in goroutine mode, the context tells.
func selfOf(ctx context.Context) *self {
	if s, ok := ctx.Value(selfKey{}).(*self); ok {
		return s
	}
	return here
}

// Self is this process, or in goroutine mode the child that ctx was given to.
func Self(ctx context.Context) Info {
	s := selfOf(ctx)
	m, err := s.member()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.info.ID = uint32(m.ID())
	}
	return s.info
}

// Parent is the process that started this one; ok is false in the root.
func Parent(ctx context.Context) (info Info, ok bool) {
	s := selfOf(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parent == nil {
		return Info{}, false
	}
	return *s.parent, true
}

// Children returns this process's children that are alive, in the order in which
// they were started. Unlike Python's active_children it has no side effects.
func Children(ctx context.Context) []*Process {
	return selfOf(ctx).list()
}

func (s *self) member() (*family.Member, error) {
	if s.joined != nil {
		return s.joined, nil
	}
	return family.Current()
}

// list returns the children that are not collected yet.
func (s *self) list() []*Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.children)
}

// name makes the default name of the next child in an entry.
func (s *self) name(entry string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started == nil {
		s.started = map[string]int{}
	}
	s.started[entry]++
	return fmt.Sprintf("%s-%d", entry, s.started[entry])
}

func (s *self) add(p *Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.children = append(s.children, p)
}

func (s *self) remove(p *Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.children, p); i >= 0 {
		s.children = slices.Delete(s.children, i, i+1)
	}
}

// leave waits for the children, and then ends the daemons: a daemon may serve
// the others to their end. (Python ends the daemons first.) From when ctx ends
// it ends all of them.
func (s *self) leave(ctx context.Context) {
	for {
		children := slices.DeleteFunc(s.list(), func(p *Process) bool { return isClosed(p.gone) })
		if len(children) == 0 {
			return
		}
		if i := slices.IndexFunc(children, func(p *Process) bool { return !p.daemon }); i >= 0 && ctx.Err() == nil {
			select {
			case <-children[i].gone:
			case <-ctx.Done():
			}
			continue
		}
		for _, p := range children {
			p.stop(errLeaving)
		}
		for _, p := range children {
			<-p.gone
		}
	}
}
