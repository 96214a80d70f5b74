package state

import (
	"encoding/binary"
	"slices"

	"github.com/multiproc-go/multiproc/pickle"
)

// snapshotVersion changes with the format.
const snapshotVersion = 1

// AppendSnapshot appends all of the state to dst: the same bytes for the same commands. Its format is not for others.
func (s *State) AppendSnapshot(dst []byte) []byte {
	w := snapshot{dst}
	w.number(snapshotVersion)
	w.number(s.index)
	w.number(uint64(s.now))
	w.number(s.next)
	w.number(s.waits)
	w.number(uint64(s.bytes))

	clients := make([]*client, 0, len(s.clients))
	for _, c := range s.clients {
		clients = append(clients, c)
	}
	slices.SortFunc(clients, func(a, b *client) int {
		if a.id < b.id {
			return -1
		}
		return 1
	})
	w.number(uint64(len(clients)))
	for _, c := range clients {
		w.client(c)
	}

	objects := make(map[*shared]struct{}, len(s.objects))
	for _, sh := range s.objects {
		objects[sh] = struct{}{}
	}
	w.number(uint64(len(objects)))
	for _, sh := range sorted(objects) {
		w.object(sh)
	}
	return w.dst
}

// snapshot writes one.
type snapshot struct{ dst []byte }

func (w *snapshot) number(n uint64) { w.dst = binary.AppendUvarint(w.dst, n) }

func (w *snapshot) text(s string) {
	w.number(uint64(len(s)))
	w.dst = append(w.dst, s...)
}

func (w *snapshot) flag(b bool) {
	if b {
		w.number(1)
		return
	}
	w.number(0)
}

func (w *snapshot) party(p party) {
	if p.client != nil {
		w.number(uint64(p.client.id))
	} else {
		w.number(0)
	}
	w.number(uint64(p.holder))
}

func (w *snapshot) timer(t *timer) {
	if t == nil {
		w.number(0)
		return
	}
	w.number(uint64(t.at) + 1)
}

func (w *snapshot) client(c *client) {
	w.number(uint64(c.id))
	w.number(uint64(c.holder))
	w.number(uint64(len(c.used)))
	for _, sh := range sorted(c.used) {
		w.number(sh.number)
	}
	w.number(uint64(len(c.taken)))
	for _, t := range c.taken {
		w.number(t.request)
		w.number(t.sh.number)
		w.number(t.number)
		if _, ofSemaphore := t.item.(party); !ofSemaphore {
			w.value(t.item)
		}
	}
	w.number(uint64(len(c.waiting)))
	for _, x := range c.waiting {
		w.number(x.seq)
		w.number(x.request)
		w.number(uint64(x.protocol))
		w.number(uint64(x.holder))
		w.number(x.sh.number)
		w.text(x.method)
		w.timer(x.timer)
	}
}

func (w *snapshot) object(sh *shared) {
	w.number(sh.number)
	w.text(sh.kind.typeid)
	w.number(uint64(sh.bytes))
	w.number(uint64(len(sh.users)))
	w.number(uint64(len(sh.counts)))
	for _, h := range sh.counts {
		w.number(uint64(h.holder))
		w.number(uint64(h.n))
	}
	w.number(uint64(sh.calls))
	w.number(uint64(sh.nested))
	w.timer(sh.timer)
	w.number(uint64(len(sh.in)))
	for _, inner := range sorted(sh.in) {
		w.number(inner.number)
		w.number(uint64(sh.in[inner]))
	}
	switch obj := sh.obj.(type) {
	case nil:
	case snapshotter:
		w.dst = obj.appendState(w.dst)
	default:
		w.value(obj.value())
	}
}

// value writes a graph. What cannot be pickled, since a client put something odd into it, is known by its repr.
func (w *snapshot) value(v any) {
	encoder := pickle.Encoder{Protocol: highest, Limits: pickle.Limits{Depth: -1, Output: -1, Nodes: -1}}
	data, err := encoder.Append(nil, v)
	if err != nil {
		data = append([]byte(err.Error()), pickle.Repr(v)...)
	}
	w.text(string(data))
}

// appendState says what the iterator is over and how far it has come.
func (it *iterator) appendState(dst []byte) []byte {
	w := snapshot{dst}
	w.text(it.class)
	w.number(0)
	if it.over != nil {
		w.number(it.over.number)
	}
	w.number(uint64(it.position))
	w.number(uint64(it.size + 1))
	w.number(uint64(it.remaining))
	w.value(&pickle.List{Items: it.items})
	return w.dst
}
