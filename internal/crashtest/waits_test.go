package crashtest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/family"
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

// aimAtUnwritten gives the next process a row that nobody has recorded a wait in, and so has no memory for it yet.
func aimAtUnwritten(m *family.Member) {
	for slot := uint32(1); slot < 4000; slot++ {
		if m.Table.Word(slot) == 0 && m.Table.Row(lease.ID(slot)).Blocked.Load() == 0 {
			m.Table.AimAt(slot)
			return
		}
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
			aimAtUnwritten(m)
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

// TestKillRecordingPermits: the same of one that waits for a permit, first or behind another. The permit goes to who lives.
func TestKillRecordingPermits(t *testing.T) {
	m := needProcess(t)
	for _, point := range []string{"blocked.room", "blocked.writing", "blocked.written", "sema.sleep"} {
		for _, behind := range []bool{false, true} {
			if behind && point == "sema.sleep" {
				continue // only the first comes there
			}
			t.Run(fmt.Sprintf("%s/behind=%v", point, behind), func(t *testing.T) {
				s, err := psync.NewSemaphore(1)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				held, err := s.Acquire(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				got := make(chan error, 1)
				if behind {
					go func() {
						p, err := s.Acquire(t.Context())
						if err == nil {
							p.Release()
						}
						got <- err
					}()
					eventually(t, func() error {
						if n := len(s.Waiters()); n != 1 {
							return fmt.Errorf("%d wait", n)
						}
						return nil
					})
				} else {
					got <- nil
				}
				aimAtUnwritten(m)
				victim, err := multiproc.Start(t.Context(), semaPlay.With(semaPlayer{S: s, Do: "wait", Death: death{point, 1, 0}}))
				if err != nil {
					t.Fatal(err)
				}
				killed(t, victim)
				for _, p := range s.Waiters() {
					if !behind || p.Name != "main" || p.Count != 1 {
						t.Errorf("%+v waits", p)
					}
				}
				if list := s.Holders(); len(list) != 1 || list[0].Name != "main" || list[0].Count != 1 {
					t.Errorf("the holders are %+v", list)
				}
				held.Release()
				if err := <-got; err != nil {
					t.Error(err)
				}
				p, err := s.Acquire(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				nobody(t, "waiters at the end", s.Waiters())
				p.Release()
				nobody(t, "holders at the end", s.Holders())
			})
		}
	}
}
