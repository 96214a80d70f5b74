package lease

import (
	"encoding/binary"
	"os"
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/multiproc-go/multiproc/internal/layout"
)

// TextBytes is how much of a name the table holds.
const TextBytes = layout.TextWords * 8

// Who is a process of the table, for people.
type Who struct {
	ID          ID
	Pid         int    // 0 if it has not registered yet
	Name, Entry string // cut to TextBytes
}

// Describe says how the process id is called, and in which entry it runs. It is called by that process.
func (t *Table) Describe(id ID, name, entry string) {
	row := t.Row(id)
	write(&row.Name, name)
	write(&row.Entry, entry)
}

// Who tells who id is. It is false if that process is not alive.
func (t *Table) Who(id ID) (Who, bool) {
	if id == 0 || t.State(id) != Alive {
		return Who{}, false
	}
	row := t.Row(id)
	w := Who{ID: id, Pid: int(row.Pid.Load()), Name: read(&row.Name), Entry: read(&row.Entry)}
	if t.local {
		w.Pid = os.Getpid()
	}
	return w, t.State(id) == Alive // else it may have been another's name
}

// Living calls f for every process that lives.
func (t *Table) Living(f func(id ID)) {
	t.live(func(slot uint32) { f(t.id(slot)) })
}

type text = [layout.TextWords]atomic.Uint64

func write(to *text, s string) {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "?"), "?")
	if len(s) > TextBytes {
		const more = "…"
		n := TextBytes - len(more)
		for !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n] + more
	}
	var b [TextBytes]byte
	copy(b[:], s)
	for i := range to {
		to[i].Store(binary.LittleEndian.Uint64(b[i*8:]))
	}
}

// read believes nothing: what it returns can be printed.
func read(from *text) string {
	var b [TextBytes]byte
	for i := range from {
		binary.LittleEndian.PutUint64(b[i*8:], from[i].Load())
	}
	s, _, _ := strings.Cut(string(b[:]), "\x00")
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
