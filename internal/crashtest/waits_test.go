package crashtest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/psync"
)

// waitsAlone sees that p and nobody else is recorded as waiting for the lock, once.
func (s *scene) waitsAlone(a actor) {
	s.t.Helper()
	eventually(s.t, func() error {
		list := s.mu.Waiters()
		if len(list) != 1 || list[0].Pid != a.Pid() || list[0].ID != a.id.Load() || list[0].Count != 1 || list[0].Entry != "play" {
			return fmt.Errorf("the waiters are %+v; want %v alone", list, a)
		}
		return nil
	})
}

func nobody(t *testing.T, what string, list []psync.Party) {
	t.Helper()
	if len(list) != 0 {
		t.Errorf("%s: %+v", what, list)
	}
}

// TestKillRecording: a process dies while it records that it waits. It is no waiter, and the next process of its row,
// which gets its memory, is none before it waits, and then one.
func TestKillRecording(t *testing.T) {
	m := needProcess(t)
	for _, point := range []string{"blocked.room", "blocked.writing", "blocked.written", "lock.sleep"} {
		t.Run(point, func(t *testing.T) {
			s := newScene(t)
			g := s.lock()
			victim := s.enter(player{Death: death{point, 1, 0}})
			killed(t, victim.Process)
			nobody(t, "waiters", s.mu.Waiters())
			dead := lease.ID(victim.id.Load())
			eventually(t, func() error {
				if m.Table.Word(dead.Slot()) != 0 {
					return errors.New("the row is not free yet")
				}
				return nil
			})
			m.Table.AimAt(dead.Slot())
			heir := s.enter(player{})
			s.waitsAlone(heir)
			if id := lease.ID(heir.id.Load()); id.Slot() != dead.Slot() || id == dead {
				t.Errorf("%v did not get the row of %v", id, dead)
			}
			if list := s.mu.Holders(); len(list) != 1 || list[0].Name != "main" {
				t.Errorf("the holders are %+v", list)
			}
			g.Unlock()
			s.gets(heir, holding)
			nobody(t, "waiters at the end", s.mu.Waiters())
			nobody(t, "holders at the end", s.mu.Holders())
			nobody(t, "unrecorded", psync.Unrecorded())
		})
	}
}

// TestKillRecorded: a process dies that holds a lock, and one that waits for it. Both are off the lists at once.
func TestKillRecorded(t *testing.T) {
	s := newScene(t)
	holder := s.enter(player{})
	reach(t, holder.stage, holding)
	victim := s.enter(player{})
	s.waitsAlone(victim)
	eventually(t, func() error {
		if list := s.mu.Holders(); len(list) != 1 || list[0].ID != holder.id.Load() || list[0].Since.IsZero() {
			return fmt.Errorf("the holders are %+v", list)
		}
		return nil
	})
	victim.Kill()
	killed(t, victim.Process)
	nobody(t, "waiters", s.mu.Waiters())
	holder.Kill()
	killed(t, holder.Process)
	nobody(t, "holders", s.mu.Holders())
}
