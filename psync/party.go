package psync

import (
	"time"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
)

// Party is a process that holds an object, waits for it or is a member of it, as Holders, Waiters and Members see it. In
// goroutine mode it is a child that is a goroutine.
//
// What these functions return is a snapshot for people who look inside: the next moment everything may be different, and
// two processes in one list need not have been in it at the same time. They cost some loads for each process of the family,
// and the others nothing. Those who have died are not in the list, whatever they were doing.
//
// Who waits is known from when it sleeps: not who still looks a few times whether it has to. A process can record 31 different
// things that its goroutines wait for; [Unrecorded] tells who waits for more. Since when an object is held is known only
// if somebody waits for it: it is since when that one has seen it held at least.
type Party struct {
	// ID is unique in the family while the process lives: that of multiproc.Info.
	ID  uint32
	Pid int
	// Name and Entry are those of multiproc.Info too, cut to 48 bytes. Entry is "" for the root.
	Name  string
	Entry string
	// Reads is true of one that reads an RWMutex, or waits to read.
	Reads bool
	// Count is how many goroutines of the process wait, or how often it holds the object.
	Count int
	// Since is when the process began to wait, or since when it has held the object at least. It is zero if that is not known.
	Since time.Time
}

// waiters is who waits for an object.
func waiters(ref *family.Ref) []Party {
	var list []Party
	for _, p := range ref.Waiting() {
		list = append(list, Party(p))
	}
	return list
}

// Unrecorded lists processes whose goroutines wait for more than can be recorded: Count of them are in no list. Most
// often there are none.
func Unrecorded() (list []Party) {
	m, err := family.Current()
	if err != nil {
		return nil
	}
	m.Table.Living(func(id lease.ID) {
		if n := m.Book.Unnoted(id); n > 0 {
			if p, ok := m.Party(id, n, 0); ok {
				list = append(list, Party(p))
			}
		}
	})
	return list
}

// Holders is who holds m: one process or none.
func (m *Mutex) Holders() []Party {
	if !m.ref.Live() {
		return nil
	}
	l := m.place.Lock
	id, ticket := lease.ID(l.Word.Load()&layout.LockOwner), l.Ticket.Load()
	p, ok := m.ref.Member.Party(id, 1, m.ref.HeldSince(id, ticket))
	if !ok {
		return nil
	}
	return []Party{Party(p)}
}

// Waiters is who waits for m.
func (m *Mutex) Waiters() []Party { return waiters(&m.ref) }

// Holders is who holds m: one process or none. Count is how often its owner has locked it.
func (m *ReentrantMutex) Holders() []Party {
	list := m.mu.Holders()
	if len(list) == 1 {
		// What a dead holder has left is not its process's.
		if depth := m.x.Depth.Load(); depth > 0 && uint32(m.x.Owner.Load()>>32) == list[0].ID {
			list[0].Count = int(depth)
		}
	}
	return list
}

// Waiters is who waits for m.
func (m *ReentrantMutex) Waiters() []Party { return m.mu.Waiters() }

// Holders is who is doing what is to be done once: one process or none.
func (o *Once) Holders() []Party { return o.mu.Holders() }

// Waiters is who waits for the one that is doing it.
func (o *Once) Waiters() []Party { return o.mu.Waiters() }

// Holders is who holds permits of s, each process once, with Count permits. Those that Wait has taken are nobody's.
func (s *Semaphore) Holders() (list []Party) {
	if !s.ref.Live() {
		return nil
	}
	for id, n := range s.sema.Holders() {
		if p, ok := s.ref.Member.Party(id, n, 0); ok {
			list = append(list, Party(p))
		}
	}
	return list
}

// Waiters is who waits for permits of s, with Acquire or Wait.
func (s *Semaphore) Waiters() []Party { return waiters(&s.ref) }

// Holders is who holds m: a writer, or readers, each process of them once, with Count readings.
func (m *RWMutex) Holders() (list []Party) {
	if !m.ref.Live() {
		return nil
	}
	if id, ok := m.rw.Writer(); ok {
		since := m.ref.HeldSince(id, m.rw.Place.Lock.Ticket.Load())
		if p, ok := m.ref.Member.Party(id, 1, since); ok {
			return []Party{Party(p)}
		}
	}
	for id, n := range m.rw.Readers() {
		if p, ok := m.ref.Member.Party(id, n, 0); ok {
			p.Reads = true
			list = append(list, Party(p))
		}
	}
	return list
}

// Waiters is who waits for m. A process whose goroutines wait to read and to write is there twice.
func (m *RWMutex) Waiters() []Party { return waiters(&m.ref) }

// Waiters is who waits for e.
func (e *Event) Waiters() []Party { return waiters(&e.ref) }

// Waiters is who waits on c. One that was signalled and waits for the mutex is among the waiters of that.
func (c *Cond) Waiters() []Party { return waiters(&c.ref) }

// Members is who has a seat at b: those whose death breaks it. Count is the number of seats.
func (b *Barrier) Members() (list []Party) {
	if b.env == nil || !b.ref.Live() {
		return nil
	}
	for id, n := range b.barrier.Members() {
		if p, ok := b.ref.Member.Party(id, n, 0); ok {
			list = append(list, Party(p))
		}
	}
	return list
}

// Waiters is who has arrived at b and waits for the others.
func (b *Barrier) Waiters() []Party { return waiters(&b.ref) }
