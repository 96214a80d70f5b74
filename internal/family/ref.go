package family

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"sync/atomic"
	"unsafe"

	"github.com/multiproc-go/multiproc/internal/blocked"
	"github.com/multiproc-go/multiproc/internal/layout"
	"github.com/multiproc-go/multiproc/internal/lease"
	"github.com/multiproc-go/multiproc/internal/lock"
)

// Ref names a block of the arena as one member sees it: where, which generation,
// and what it must hold. The zero Ref names nothing.
type Ref struct {
	Member *Member
	Off    uint64
	Gen    uint32
	block  *layout.Block
}

// Shape is what a block must hold for a handle to it to be believed.
type Shape struct {
	Kind  uint32
	Type  uint32 // signature of the element type; 0 where there is none
	Bytes uint64 // of payload, at least
}

// Name is what people call the kind.
func (s Shape) Name() string { return kindNames[s.Kind] }

var kindNames = map[uint32]string{
	layout.KindMutex: "mutex", layout.KindValue: "value", layout.KindArray: "array",
	layout.KindEvent: "event", layout.KindCond: "cond", layout.KindCondNode: "cond's node", layout.KindBarrier: "barrier",
	layout.KindQueue: "queue", layout.KindJoinable: "joinable-queue", layout.KindMessage: "message",
	layout.KindRWMutex: "rwmutex", layout.KindSemaphore: "semaphore", layout.KindReentrant: "reentrant-mutex", layout.KindOnce: "once",
	layout.KindWaits: "record of waits",
}

// NewRef allocates a block of zeros for this process.
func NewRef(s Shape) (Ref, error) {
	m, err := Current()
	if err != nil {
		return Ref{}, err
	}
	off, err := m.Arena.Alloc(s.Bytes, s.Kind, m.steward())
	if err != nil {
		return Ref{}, err
	}
	r := Ref{Member: m, Off: off, block: m.Arena.Block(off)}
	r.Gen = r.block.Generation.Load()
	track(r, s)
	return r, nil
}

// Place is where a lock at the given distance into the payload lies.
func (r *Ref) Place(l *layout.Lock, at uint64) lock.Place {
	return lock.Place{Lock: l, Off: r.payloadAt(at), Block: r.block, Gen: r.Gen}
}

// On is how it is recorded who waits for the object, which is of that kind.
func (r *Ref) On(kind uint32) blocked.On { return blocked.On{Object: r.Off, Gen: r.Gen, What: kind} }

// Block is the header of the block.
func (r *Ref) Block() *layout.Block { return r.block }

// PayloadAt is the offset of the block's payload.
func (r *Ref) PayloadAt() uint64 { return r.Off + layout.BlockHeader }

// Payload is the address of the block's payload.
func (r *Ref) Payload() unsafe.Pointer { return r.Member.Arena.Payload(r.Off) }

// Bytes is how much payload was asked for.
func (r *Ref) Bytes() uint64 { return r.block.Bytes }

// RefAt is the block of generation gen at off, if it is what s says: for what one object
// knows of another.
func (m *Member) RefAt(off uint64, gen uint32, s Shape) (Ref, error) {
	switch ok, stale := m.Arena.Valid(off, gen, s.Kind, s.Bytes); {
	case stale:
		return Ref{}, &HandleError{Kind: kindNames[s.Kind], Err: ErrClosed}
	case !ok:
		return Ref{}, &HandleError{kindNames[s.Kind], "no such block", ErrHandle}
	}
	return Ref{Member: m, Off: off, Gen: gen, block: m.Arena.Block(off)}, nil
}

// Live reports whether the block has not been closed.
func (r *Ref) Live() bool { return r.block != nil && r.block.Generation.Load() == r.Gen }

// Generation is the word that changes when the block is closed.
func (r *Ref) Generation() *atomic.Uint32 { return &r.block.Generation }

// Bind makes r the handle of another member of this process.
func (r *Ref) Bind(m *Member) {
	if r.Member != nil {
		r.Member = m
	}
}

// Equal reports whether two handles name the same object.
func (r *Ref) Equal(o *Ref) bool { return r.Off == o.Off && r.Gen == o.Gen && r.block == o.block }

// Close frees the block for all, after last if that is not nil. The second Close, by
// whoever, is ErrClosed.
func (r *Ref) Close(last func()) error {
	if r.block == nil {
		return ErrClosed
	}
	err := r.Member.Arena.Free(r.Off, r.Gen, r.Member.steward(), last)
	if err == nil {
		untrack(*r)
	}
	return err
}

// Forget says that somebody has closed the block, though it is freed later.
func (r *Ref) Forget() { untrack(*r) }

// ID is the member's.
func (r *Ref) ID() lease.ID { return r.Member.id }

// A handle on its way is
//
//	version 1 | kind | 2 zeros | family 16 | offset 8 | generation 4 | type 4 | CRC-32C 4
//
// little endian. As text it is the kind's name, a colon, and that in base64.
const (
	refVersion = 1
	refBytes   = 40
)

// crcTable is CRC-32C by half bytes. What hash/crc32 prepares, for megabytes, takes longer
// than all the handles of a child.
var crcTable = [16]uint32{
	0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
	0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
}

func checksum(b []byte) uint32 {
	crc := ^uint32(0)
	for _, x := range b {
		crc ^= uint32(x)
		crc = crc>>4 ^ crcTable[crc&15]
		crc = crc>>4 ^ crcTable[crc&15]
	}
	return ^crc
}

// HandleError tells why bytes or text were not taken for a handle.
type HandleError struct {
	Kind   string // what was wanted: "mutex"
	Reason string // "" or more than Err says
	Err    error  // ErrHandle, ErrForeign, ErrKind, ErrClosed or the family's own error
}

func (e *HandleError) Error() string {
	s := "multiproc: " + e.Kind + " handle: " + strings.TrimPrefix(e.Err.Error(), "multiproc: ")
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	return s
}

func (e *HandleError) Unwrap() error { return e.Err }

// AppendBinary appends the form in which a handle travels.
func (r *Ref) AppendBinary(b []byte, s Shape) ([]byte, error) {
	if !r.Live() {
		return nil, &HandleError{Kind: kindNames[s.Kind], Err: ErrClosed}
	}
	start := len(b)
	b = append(b, refVersion, byte(s.Kind), 0, 0)
	fam := r.Member.mem.Header().Family
	b = append(b, fam[:]...)
	b = binary.LittleEndian.AppendUint64(b, r.Off)
	b = binary.LittleEndian.AppendUint32(b, r.Gen)
	b = binary.LittleEndian.AppendUint32(b, s.Type)
	return binary.LittleEndian.AppendUint32(b, checksum(b[start:])), nil
}

// AppendText appends the same as one word of ASCII.
func (r *Ref) AppendText(b []byte, s Shape) ([]byte, error) {
	raw, err := r.AppendBinary(nil, s)
	if err != nil {
		return nil, err
	}
	b = append(b, kindNames[s.Kind]+":"...)
	return base64.RawURLEncoding.AppendEncode(b, raw), nil
}

// DecodeBinary makes the handle that b names, for this process. It believes nothing
// in b.
func DecodeBinary(b []byte, s Shape) (Ref, error) {
	fail := func(err error, format string, args ...any) (Ref, error) {
		return Ref{}, &HandleError{kindNames[s.Kind], fmt.Sprintf(format, args...), err}
	}
	if len(b) != refBytes {
		return fail(ErrHandle, "%d bytes, want %d", len(b), refBytes)
	}
	if sum := binary.LittleEndian.Uint32(b[refBytes-4:]); sum != checksum(b[:refBytes-4]) {
		return fail(ErrHandle, "wrong checksum")
	}
	if b[0] != refVersion || b[2] != 0 || b[3] != 0 {
		return fail(ErrHandle, "version %d", b[0])
	}
	if kind := uint32(b[1]); kind != s.Kind {
		return fail(ErrKind, "it names a %s", kindNames[kind])
	}
	m, err := Current()
	if err != nil {
		return fail(err, "")
	}
	if [16]byte(b[4:20]) != m.mem.Header().Family {
		return fail(ErrForeign, "")
	}
	if binary.LittleEndian.Uint32(b[32:]) != s.Type {
		return fail(ErrKind, "its element type is another")
	}
	return m.RefAt(binary.LittleEndian.Uint64(b[20:]), binary.LittleEndian.Uint32(b[28:]), s)
}

// DecodeText makes the handle that text names.
func DecodeText(text []byte, s Shape) (Ref, error) {
	name := kindNames[s.Kind]
	rest, ok := strings.CutPrefix(string(text), name+":")
	if !ok {
		return Ref{}, &HandleError{name, fmt.Sprintf("the text does not begin with %q", name+":"), ErrHandle}
	}
	if i := strings.IndexAny(rest, "\r\n"); i >= 0 { // which base64 would pass over
		return Ref{}, &HandleError{name, "a line break in the text", ErrHandle}
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(rest)
	if err != nil {
		return Ref{}, &HandleError{name, err.Error(), ErrHandle}
	}
	return DecodeBinary(b, s)
}

func (r *Ref) payloadAt(at uint64) uint64 { return r.Off + layout.BlockHeader + at }
