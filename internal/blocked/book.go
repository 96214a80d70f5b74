package blocked

import (
	"context"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/memory"
	"github.com/multiproc-go/multiproc/internal/sys"
)

// On is what somebody waits for: a block, its generation, and its kind with the flags of [layout.Wait].What. The zero On
// is nothing that is recorded.
type On struct {
	Object uint64
	Gen    uint32
	What   uint32
}

// Kind is the kind of the block.
func (o On) Kind() uint32 { return o.What & layout.WaitKind }

// isLock reports whether somebody holds what is waited for: only such waits are looked at.
func (o On) isLock() bool {
	switch o.Kind() {
	case layout.KindMutex, layout.KindReentrant, layout.KindOnce, layout.KindRWMutex:
		return true
	case layout.KindSemaphore:
		return o.What&layout.WaitUnowned == 0
	}
	return false
}

// A Caller is one goroutine that waits and is to be told from the others of its process.
type Caller struct {
	Goroutine uint64
	GiveUp    func() // makes it stop waiting; nil if that cannot be asked of it
}

type callerKey struct{}

// NewContext says that c waits under ctx.
func NewContext(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// Book is what the goroutines of this process wait for.
type Book struct {
	mem   *memory.Memory
	table *lease.Table
	base  uint64 // the monotonic clock when the book was made
	made  time.Time

	// MakeRoom gets a block of [layout.Waits] for a row that has none, and stores its offset there. It must not wait.
	MakeRoom func(me lease.ID) error
	// Look looks at waits that have lasted for long. It is called by one goroutine at a time.
	Look func(due []Due)

	patience atomic.Int64 // how long a wait lasts before it is looked at

	mu    sync.Mutex // guards the rest
	waits map[key]*Wait
	pages map[uint32]*page // by row
	spare []*Wait
	timer *time.Timer
	rings uint64 // when the timer will, 0 if it does not run

	// Where there is no room it is looked for again after delay, which grows; memory not before nextRoom.
	delay    time.Duration
	nextRoom uint64
}

// key is what the goroutines have in common that share a record.
type key struct {
	me        lease.ID
	on        On
	goroutine uint64
}

// page is a block of records that a member of this process writes.
type page struct {
	me   lease.ID
	list *layout.Waits
	used uint32 // records, a bit each
}

// Wait is one thing that goroutines of this process wait for.
type Wait struct {
	book   *Book
	key    key
	caller *Caller
	count  uint32
	since  uint64
	note   *layout.Wait // nil if there is no room for it
	index  int          // of note

	// What was seen last. Who writes it stands first in line for the lock and holds mu.
	holder      lease.ID
	ticket      uint32
	holderSince uint64

	due  uint64 // when it is to be looked at, or never
	memo any    // what was found then
}

// New makes the book of a process.
func New(mem *memory.Memory, table *lease.Table) *Book {
	b := &Book{mem: mem, table: table, base: sys.Monotonic(), made: time.Now(), waits: make(map[key]*Wait), pages: make(map[uint32]*page), delay: retry}
	b.SetPatience(patience())
	return b
}

// Now is the time on the clock of the records. It spares the system call.
func (b *Book) Now() uint64 { return b.base + uint64(time.Since(b.made)) }

// Begin says that the caller is going to wait, for the process me; the caller calls End afterwards. A nil Book and an On that is
// nothing record nothing. If checked, the [Caller] in ctx has a record of its own.
func (b *Book) Begin(ctx context.Context, me lease.ID, on On, checked bool) *Wait {
	if b == nil || on.What == 0 {
		return nil
	}
	k, c := key{me: me, on: on}, (*Caller)(nil)
	if checked {
		if c, _ = ctx.Value(callerKey{}).(*Caller); c != nil {
			k.goroutine = c.Goroutine
		}
		if c != nil && c.GiveUp == nil {
			k.on.What |= layout.WaitFirm
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.waits[k]
	if w == nil {
		w = b.fresh()
		now := b.Now()
		w.key, w.caller, w.since, w.due = k, c, now, never
		b.waits[k] = w
		b.write(w)
		if on.isLock() {
			w.due = now + uint64(b.Patience())
			b.wakeAt(w.due)
		}
	}
	w.count++
	switch {
	case w.note == nil:
		b.unnoted(me, 1)
		b.wakeAt(b.Now() + uint64(b.delay))
	case w.owned():
		w.note.Count.Store(w.count)
	}
	return w
}

// owned reports whether the record is ours still. In goroutine mode a goroutine may wait on when its member is dead and
// another one has its row.
func (w *Wait) owned() bool { return w.note.Owner.Load() == uint32(w.key.me) }

// unnoted counts goroutines that wait without a record.
func (b *Book) unnoted(me lease.ID, n uint32) {
	if b.table.State(me) == lease.Alive {
		b.table.Row(me).Unnoted.Add(n)
	}
}

// fresh is called with mu held, as all that follows.
func (b *Book) fresh() *Wait {
	if n := len(b.spare); n > 0 {
		w := b.spare[n-1]
		b.spare = b.spare[:n-1]
		return w
	}
	return &Wait{book: b}
}

// End says that one goroutine less waits.
func (w *Wait) End() {
	if w == nil {
		return
	}
	b := w.book
	b.mu.Lock()
	defer b.mu.Unlock()
	w.count--
	switch {
	case w.note == nil:
		b.unnoted(w.key.me, ^uint32(0))
	case !w.owned():
	case w.count == 0:
		w.note.Owner.Store(0)
		b.pages[w.key.me.Slot()].used &^= 1 << w.index
	default:
		w.note.Count.Store(w.count)
	}
	if w.count == 0 {
		delete(b.waits, w.key)
		*w = Wait{book: b}
		if len(b.spare) < 64 {
			b.spare = append(b.spare, w)
		}
	}
}

// Saw notes who holds the lock that w waits for.
func (w *Wait) Saw(holder lease.ID, ticket uint32) {
	if w == nil || w.holder == holder && w.ticket == ticket {
		return
	}
	b := w.book
	b.mu.Lock()
	defer b.mu.Unlock()
	w.holder, w.ticket, w.holderSince = holder, ticket, b.Now()
	if n := w.note; n != nil && w.owned() {
		turn := n.Turn.Load()
		n.Turn.Store(turn + 1)
		n.Holder.Store(uint32(holder))
		n.Ticket.Store(ticket)
		n.HolderSince.Store(w.holderSince)
		n.Turn.Store(turn + 2)
	}
}

// write makes the record of w, if there is room.
func (b *Book) write(w *Wait) {
	if b.table.State(w.key.me) != lease.Alive {
		return
	}
	p := b.pageOf(w.key.me)
	if p == nil {
		return
	}
	i := bits.TrailingZeros32(^p.used)
	if i >= layout.WaitsMost {
		return
	}
	p.used |= 1 << i
	n := &p.list.List[i]
	turn := n.Turn.Load()
	n.Turn.Store(turn + 1)
	crashpoint.At("blocked.writing")
	n.Object.Store(w.key.on.Object)
	n.Gen.Store(w.key.on.Gen)
	n.What.Store(w.key.on.What)
	n.Since.Store(w.since)
	n.Goroutine.Store(w.key.goroutine)
	n.Holder.Store(uint32(w.holder))
	n.Ticket.Store(w.ticket)
	n.HolderSince.Store(w.holderSince)
	n.Count.Store(w.count)
	n.Owner.Store(uint32(w.key.me))
	n.Turn.Store(turn + 2)
	crashpoint.At("blocked.written")
	w.note, w.index = n, i
}

// pageOf is where me writes, nil if there is no room for that now.
func (b *Book) pageOf(me lease.ID) *page {
	slot := me.Slot()
	p := b.pages[slot]
	if p != nil && p.me == me {
		return p
	}
	list := b.list(slot)
	if list == nil {
		if now := b.Now(); now < b.nextRoom || b.MakeRoom == nil || b.MakeRoom(me) != nil {
			b.nextRoom = max(b.nextRoom, now+uint64(b.delay))
			return nil
		}
		crashpoint.At("blocked.room")
		if list = b.list(slot); list == nil {
			return nil
		}
	}
	// What a former process of this row has left, or whatever else was in this memory.
	for i := range list.List {
		n := &list.List[i]
		n.Owner.Store(0)
		n.Turn.Store(n.Turn.Load() &^ 1)
	}
	p = &page{me: me, list: list}
	b.pages[slot] = p
	return p
}
