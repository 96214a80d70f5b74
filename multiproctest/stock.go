package multiproctest

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
)

// A finding is one thing that exists.
type finding struct {
	kind string
	key  string // tells it from others of its kind, for as long as it exists
	text string // for people
}

// stock is what there is, at one moment.
type stock []finding

func takeStock() stock {
	s := systemStock()
	s = append(s, goroutines()...)
	s = append(s, members()...)
	same := make(map[string]int)
	for _, text := range family.Unclosed() {
		same[text]++
		s = append(s, finding{"not closed", fmt.Sprint(same[text], text), text})
	}
	return s
}

// beyond is what is in s and not in before, and no other program's.
func (s stock) beyond(before stock) []finding {
	type id struct{ kind, key string }
	known := make(map[id]bool)
	for _, f := range before {
		known[id{f.kind, f.key}] = true
	}
	more := slices.DeleteFunc(slices.Clone(s), func(f finding) bool { return known[id{f.kind, f.key}] || foreign(f) })
	slices.SortFunc(more, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.text, b.text))
	})
	return more
}

// everlasting are functions whose goroutine, once started, never ends, and why.
var everlasting = map[string]string{
	"os/signal.loop": "signal.Notify starts it once for the process",
}

// goroutines are all but the caller's. Their numbers are never used again.
func goroutines() []finding {
	buf := make([]byte, 1<<20)
	for runtime.Stack(buf, true) == len(buf) {
		buf = make([]byte, 2*len(buf))
	}
	buf = buf[:runtime.Stack(buf, true)]
	stacks := strings.Split(strings.TrimSpace(string(buf)), "\n\n")
	var list []finding
	for _, stack := range stacks[1:] {
		head, _, _ := strings.Cut(stack, " [")
		if !isEverlasting(stack) {
			list = append(list, finding{"goroutine", head, stack})
		}
	}
	return list
}

func isEverlasting(stack string) bool {
	for fn := range everlasting {
		if strings.Contains(stack, "\n"+fn+"(") {
			return true
		}
	}
	return false
}

// members are those of the family that live, but for this process.
func members() []finding {
	m, err := family.Current()
	if err != nil {
		return nil
	}
	var list []finding
	for slot := uint32(1); slot < layout.Slots; slot++ {
		row := m.Table.Slot(slot)
		id := lease.ID((slot | row.Generation.Load()<<layout.SlotBits) & layout.LockOwner)
		if id != m.ID() && m.Table.State(id) == lease.Alive {
			text := fmt.Sprintf("%v, pid %d, child of %v", id, row.Pid.Load(), lease.ID(row.Parent.Load()))
			list = append(list, finding{"member of the family", id.String(), text})
		}
	}
	return list
}
