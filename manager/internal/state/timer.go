package state

import (
	"container/heap"
	"time"
)

// timer is when something is due: the end of an object's grace, or of a call's patience.
type timer struct {
	at    time.Duration
	order uint64 // of those that are due at once
	index int    // in its heap

	sh *shared
	w  *waiter
}

// timers are a heap.
type timers []*timer

func (t timers) Len() int { return len(t) }

func (t timers) Less(i, j int) bool {
	return t[i].at < t[j].at || t[i].at == t[j].at && t[i].order < t[j].order
}

func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].index, t[j].index = i, j
}

// Push and Pop are for package heap.
func (t *timers) Push(x any) {
	x.(*timer).index = len(*t)
	*t = append(*t, x.(*timer))
}

// Pop is for package heap.
func (t *timers) Pop() any {
	n := len(*t) - 1
	last := (*t)[n]
	(*t)[n] = nil
	*t = (*t)[:n]
	return last
}

// due returns the next timer that is due, which stays.
func (t timers) due(now time.Duration) *timer {
	if len(t) == 0 || t[0].at > now {
		return nil
	}
	return t[0]
}

func (t *timers) add(x *timer) { heap.Push(t, x) }

func (t *timers) drop(x *timer) { heap.Remove(t, x.index) }

// later returns now+d, or the end of time.
func later(now, d time.Duration) time.Duration {
	if at := now + d; at >= now {
		return at
	}
	return 1<<63 - 1
}

func (s *State) startTimer(sh *shared) {
	sh.timer = &timer{at: later(s.now, s.options.Grace), order: sh.number, sh: sh}
	s.graces.add(sh.timer)
}

func (s *State) dropTimer(sh *shared) {
	if sh.timer != nil {
		s.graces.drop(sh.timer)
		sh.timer = nil
	}
}

// touch lets an object's grace begin anew.
func (s *State) touch(sh *shared) {
	if sh.timer != nil {
		sh.timer.at = later(s.now, s.options.Grace)
		heap.Fix(&s.graces, sh.timer.index)
	}
}
