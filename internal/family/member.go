package family

import (
	"context"
	"os"
	"slices"
	"sync"

	"github.com/multiproc-go/multiproc/internal/lease"
)

// Member is one process of the family, or a goroutine that stands for one.
type Member struct {
	*Family
	id       lease.ID
	parent   lease.ID
	orphaned chan struct{}
	orphan   sync.Once // closes orphaned, in goroutine mode
	heirs    []*heir   // Family.mu; nil after Die
	dead     bool      // likewise
}

// An heir is told of the death of a member that is a goroutine. Where members are processes the system tells.
type heir struct{ f func() }

// AtDeath has Die call f, unless forget is called before. It is false if m is dead, or is not a goroutine: f will not be called.
func (m *Member) AtDeath(f func()) (forget func(), ok bool) {
	if m.mode != Goroutines {
		return nil, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return nil, false
	}
	h := &heir{f}
	m.heirs = append(m.heirs, h)
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.heirs = slices.DeleteFunc(m.heirs, func(x *heir) bool { return x == h })
	}, true
}

// ID names the member in lock words and in the process table.
func (m *Member) ID() lease.ID { return m.id }

// Mode tells whether the member is a process.
func (m *Member) Mode() Mode { return m.mode }

// As is the id under which ctx's code acts on m's handle: in goroutine mode that of the
// member that ctx belongs to. What outlives its entry acts as the root.
func (m *Member) As(ctx context.Context) lease.ID {
	if m.mode == Processes {
		return m.id
	}
	id := m.id
	if c := FromContext(ctx); c != nil {
		id = c.id
	}
	if m.Table.State(id) != lease.Alive {
		return m.steward()
	}
	return id
}

// steward is the id under which this process allocates and reaps: its own, and in
// goroutine mode the root's, which lives as long as the process.
func (m *Member) steward() lease.ID {
	if m.mode == Goroutines {
		return m.root
	}
	return m.id
}

// Orphaned is closed when an ancestor of the member is dead.
func (m *Member) Orphaned() <-chan struct{} { return m.orphaned }

// Reserve takes a slot of the process table for a child that is to be started.
func (m *Member) Reserve() (lease.ID, error) { return m.Table.Reserve(m.id) }

// Collect ends the slot of a child that was waited for, or could not be started.
func (m *Member) Collect(id lease.ID) { m.Table.Collect(id, m.steward()) }

// Leave says that this process is about to end by itself.
func (m *Member) Leave() { m.Table.Leave(m.id) }

// Invitation is what the child in slot id needs to [Join], and the arena. The file
// stays the family's.
func (m *Member) Invitation(id lease.ID) (Invitation, *os.File) {
	return Invitation{Family: m.mem.Header().Family, ID: uint32(id)}, m.mem.File()
}

// Spawn makes a child of m that is a goroutine of this process.
func (m *Member) Spawn() (*Member, error) { return m.spawn(m.id) }

func (f *Family) spawn(parent lease.ID) (*Member, error) {
	id, err := f.Table.Reserve(parent)
	if err != nil {
		return nil, err
	}
	if err := f.Table.PublishLocal(id); err != nil {
		return nil, err
	}
	m := &Member{Family: f, id: id, parent: parent, orphaned: make(chan struct{})}
	f.mu.Lock()
	defer f.mu.Unlock()
	if parent == 0 {
		f.root = id
	} else {
		f.children[parent] = append(f.children[parent], m)
		if f.Table.State(parent) != lease.Alive {
			m.orphan.Do(func() { close(m.orphaned) })
		}
	}
	return m, nil
}

// Die is the death of a member that is a goroutine: the locks that it holds become
// abandoned, its children orphans. Once is enough.
func (m *Member) Die() {
	m.Table.EndLocal(m.id, m.steward())
	m.mu.Lock()
	heirs := m.heirs
	m.heirs, m.dead = nil, true
	defer func() {
		m.mu.Unlock()
		for _, h := range heirs {
			h.f()
		}
	}()
	m.orphanChildren(m.id)
	delete(m.children, m.id)
	siblings := slices.DeleteFunc(m.children[m.parent], func(c *Member) bool { return c == m })
	if len(siblings) == 0 {
		delete(m.children, m.parent)
	} else {
		m.children[m.parent] = siblings
	}
}

// orphanChildren is called with mu held.
func (f *Family) orphanChildren(id lease.ID) {
	for _, c := range f.children[id] {
		c.orphan.Do(func() { close(c.orphaned) })
		f.orphanChildren(c.id)
	}
}
