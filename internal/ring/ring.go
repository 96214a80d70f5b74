package ring

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
	"github.com/multiproc-go/multiproc/internal/race"
)

var (
	// ErrEmpty is returned where there is no message and the caller does not wait.
	ErrEmpty = errors.New("multiproc: queue is empty")
	// ErrFull is returned where there is no room and the caller does not wait.
	ErrFull = errors.New("multiproc: queue is full")
	// ErrDrained is returned where there is no message and no more will come.
	ErrDrained = errors.New("multiproc: queue is closed for Put")
	// ErrTooLarge is returned for a message that the ring can never hold.
	ErrTooLarge = errors.New("multiproc: message exceeds the queue's byte budget")
	// ErrCorrupt is returned where shared memory holds what no ring of ours writes.
	ErrCorrupt = errors.New("multiproc: queue is corrupt")
)

// Varying is the Size of messages that vary in size.
const Varying = -1

// MaxSlot is the largest Size that lies in slots.
const MaxSlot = 2048

// maxInline is the largest message that lies in a ring of messages that vary in size.
const maxInline = 2048

// Config says what a ring holds. Sizes must be valid: package queue checks what users say.
type Config struct {
	Kind     uint32
	Type     uint32 // signature of the element type
	Size     int    // of a message, or Varying
	Capacity int    // messages
	Budget   int64  // bytes of large messages
	Leases   int    // messages that may be held at a time
	Bigs     int    // large messages at a time
	// Spin is how long, at least, one looks for what he waits for before he sleeps: whole microseconds. 0 is a
	// little, negative not at all.
	Spin time.Duration
}

// Ring is one process's access to a ring. Its methods may be called by all goroutines.
type Ring struct {
	ref family.Ref
	env *lock.Env
	me  lease.ID // 0 in goroutine mode: whoever the context says
	q   *layout.Queue

	put, get lock.Place
	geometry
	spin time.Duration // see Config

	putPace, getPace *pace
	usual            *atomic.Uint32 // how many bytes the last message of the ring had that GetBytes took
	slab             *slab
}

// geometry is what a ring is made of. It is read once: any process of the family can overwrite it.
type geometry struct {
	stride    uint64
	mask      uint32 // of slots or words
	capacity  uint32
	leases    uint32
	bigs      uint32
	leaseRoom uint64
	inline    uint64
	budget    uint64

	cellsAt, roomsAt, ringAt, bytes uint64 // into the payload
}

func (g *geometry) place() {
	g.cellsAt = headBytes
	g.roomsAt = g.cellsAt + uint64(g.leases+g.bigs)*cellBytes
	g.ringAt = (g.roomsAt+uint64(g.leases)*g.leaseRoom+63)&^63 + headBytes%64
	unit := g.stride
	if unit == 0 {
		unit = 8
	}
	g.bytes = g.ringAt + (uint64(g.mask)+1)*unit
}

// measure turns a Config into a geometry.
func measure(c Config) geometry {
	g := geometry{capacity: uint32(c.Capacity), leases: uint32(c.Leases), budget: uint64(c.Budget)}
	if c.Size != Varying {
		g.stride = max(uint64(c.Size)+7, 8) &^ 7
		g.mask = uint32(1)<<bits.Len32(g.capacity-1) - 1
		g.inline = uint64(c.Size)
		g.leaseRoom = g.stride
		g.place()
		return g
	}
	// A ring for small messages: a quarter of a KiB for each on average, within the budget.
	ring := uint64(1) << bits.Len64(uint64(c.Capacity)*256-1)
	ring = min(max(ring, 4<<10), max(uint64(1)<<(bits.Len64(g.budget|1)-1), 4<<10), 1<<30)
	g.mask = uint32(ring/8) - 1
	g.inline = min(maxInline, ring/4)
	g.leaseRoom = g.inline
	g.bigs = uint32(c.Bigs)
	g.place()
	return g
}

// New makes a ring in the arena of this process's family.
func New(c Config) (*Ring, error) {
	g := measure(c)
	ref, err := family.NewRef(family.Shape{Kind: c.Kind, Type: c.Type, Bytes: g.bytes})
	if err != nil {
		return nil, err
	}
	r := &Ring{geometry: g, putPace: new(pace), getPace: new(pace), usual: new(atomic.Uint32), slab: new(slab)}
	r.bind(ref)
	q := r.q
	q.Type, q.Stride, q.Slots, q.Capacity = c.Type, uint32(g.stride), g.mask+1, g.capacity
	q.Leases, q.Bigs, q.LeaseRoom, q.Inline, q.Budget = g.leases, g.bigs, uint32(g.leaseRoom), uint32(g.inline), g.budget
	r.setSpin(min(c.Spin, maxSpin))
	// Where the bells begin to count is no secret, but what lies here next shall not look like them.
	q.GetBell.Store(rand.Uint32() &^ bellSleeps)
	q.PutBell.Store(rand.Uint32() &^ bellSleeps)
	q.JoinBell.Store(rand.Uint32() &^ bellSleeps)
	return r, nil
}

// bind makes r the access of the member that ref belongs to.
func (r *Ring) bind(ref family.Ref) {
	r.ref = ref
	r.env = &ref.Member.Env
	r.me = 0
	if ref.Member.Mode() == family.Processes {
		r.me = ref.ID()
	}
	r.setHead()
	r.put = ref.Place(&r.q.Put.Lock, putLockAt)
	r.get = ref.Place(&r.q.Get.Lock, getLockAt)
}

// BoundTo is the access of another member of this process.
func (r *Ring) BoundTo(m *family.Member) *Ring {
	o, ref := *r, r.ref
	ref.Bind(m)
	o.bind(ref)
	return &o
}

func shape(c Config) family.Shape { return family.Shape{Kind: c.Kind, Type: c.Type, Bytes: headBytes} }

// AppendBinary appends the form in which a handle to r travels.
func (r *Ring) AppendBinary(b []byte, c Config) ([]byte, error) {
	return r.ref.AppendBinary(b, shape(c))
}

// AppendText appends the same as one word of ASCII.
func (r *Ring) AppendText(b []byte, c Config) ([]byte, error) { return r.ref.AppendText(b, shape(c)) }

// Decode makes the ring that b names, of the kind, type and size that c says. It believes nothing in b, and
// nothing in the block.
func Decode(b []byte, c Config, how func([]byte, family.Shape) (family.Ref, error)) (*Ring, error) {
	ref, err := how(b, shape(c))
	if err != nil {
		return nil, err
	}
	r := &Ring{putPace: new(pace), getPace: new(pace), usual: new(atomic.Uint32), slab: new(slab)}
	r.bind(ref)
	q, g := r.q, &r.geometry
	typ, slots := q.Type, q.Slots
	r.readSpin()
	g.stride, g.mask, g.capacity = uint64(q.Stride), slots-1, q.Capacity
	g.leases, g.bigs, g.leaseRoom, g.inline, g.budget = q.Leases, q.Bigs, uint64(q.LeaseRoom), uint64(q.Inline), q.Budget
	bad := func(reason string) (*Ring, error) {
		return nil, &family.HandleError{Kind: "queue", Reason: reason, Err: family.ErrHandle}
	}
	switch {
	case !ref.Live(): // and so what was read may be another object's
		return nil, &family.HandleError{Kind: "queue", Err: family.ErrClosed}
	case typ != c.Type || (c.Size == Varying) != (g.stride == 0) || c.Size != Varying && uint64(c.Size) != g.inline:
		return nil, &family.HandleError{Kind: "queue", Reason: "its element type is another", Err: family.ErrKind}
	case slots == 0 || slots&(slots-1) != 0, g.capacity == 0 || g.capacity > math.MaxInt32,
		g.leases > maxCells || g.bigs > maxCells, g.leaseRoom < g.inline, g.inline > maxInline,
		g.stride != 0 && (g.capacity > slots || g.stride < g.inline || g.stride%8 != 0),
		g.stride == 0 && (slots < 512 || g.inline > uint64(slots)*2):
		return bad("its measures do not fit together")
	}
	if g.place(); g.bytes > ref.Bytes() {
		return bad("longer than its block")
	}
	return r, nil
}

const (
	maxSpin = 1000 * time.Second
	noSpin  = ^uint32(0)
)

func (r *Ring) setSpin(d time.Duration) {
	r.q.Spin = uint32(d / time.Microsecond)
	if d < 0 {
		r.q.Spin = noSpin
	}
	r.readSpin()
}

func (r *Ring) readSpin() {
	r.spin = -1
	if s := r.q.Spin; s != noSpin {
		r.spin = min(time.Duration(s)*time.Microsecond, maxSpin)
	}
}

// maxCells bounds Leases and Bigs each.
const maxCells = 1 << 16

// Me is the process as which ctx's code acts on r.
func (r *Ring) Me(ctx context.Context) lease.ID {
	if r.me != 0 {
		return r.me
	}
	if !r.ref.Live() {
		return 0
	}
	return r.ref.Member.As(ctx)
}

// Live reports whether the ring has not been closed.
func (r *Ring) Live() bool { return r.ref.Live() }

// Member is the process whose access r is.
func (r *Ring) Member() *family.Member { return r.ref.Member }

// Equal reports whether both lead to the same ring.
func (r *Ring) Equal(o *Ring) bool { return r.ref.Equal(&o.ref) }

// Name is for people.
func (r *Ring) Name() string { return fmt.Sprintf("queue@%#x", r.ref.Off) }

// Cap is the number of messages that the ring can hold.
func (r *Ring) Cap() int { return int(r.capacity) }

// Budget is how many bytes large messages may take.
func (r *Ring) Budget() int64 { return int64(r.budget) }

// Len is the number of messages that can be taken now. Those that somebody holds are not counted.
func (r *Ring) Len() int {
	if !r.ref.Live() {
		return 0
	}
	head := r.q.Head.Load() // before Tail, which is never behind it
	n := min(count(r.q.Tail.Load())-count(head), r.capacity)
	return int(n + min(returned(r.q), r.leases+r.bigs))
}

// A position is a count of messages and, in the lower half, of words: see [layout.Queue].

func count(pos uint64) uint32 { return uint32(pos >> 32) }

func move(pos uint64, messages, words uint32) uint64 {
	return uint64(count(pos)+messages)<<32 | uint64(uint32(pos)+words)
}

// lock takes the lock of a side and repairs what its last holder may have died of.
func (r *Ring) lock(ctx context.Context, p *lock.Place, me lease.ID) error {
	took := p.Take(me)
	if took && p.Live() {
		return nil
	}
	return r.lockSlow(ctx, p, me, took)
}

// lockSlow is lock where took is not enough, or the lock was not to be had at once.
func (r *Ring) lockSlow(ctx context.Context, p *lock.Place, me lease.ID, took bool) error {
	if took {
		return r.env.Return(p, me) // in the last moment: the block is another object's
	}
	if err := r.env.Acquire(ctx, p, me); err != nil {
		return err
	}
	if lock.Abandoned(p.Lock) {
		r.repair(p)
		lock.Repaired(p.Lock, me)
	}
	return nil
}

// unlock gives the lock of a side back.
func (r *Ring) unlock(p *lock.Place, me lease.ID) {
	if !race.Enabled && p.Lock.Word.CompareAndSwap(uint32(me), 0) {
		return
	}
	r.env.Release(p, me)
}

// repair makes whole what a dead holder of a side's lock has left. Positions need nothing.
func (r *Ring) repair(p *lock.Place) {
	if p == &r.put {
		r.repairPut()
	} else {
		r.repairGet()
	}
}
