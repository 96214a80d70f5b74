package multiproc

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/multiproc-go/multiproc/internal/family"
)

// startMessage is what a child must know before it can read its argument.
type startMessage struct {
	Self       Info
	Parent     Info
	Invitation family.Invitation
	Grace      time.Duration
	Limits     Limits
}

// A start message has an encoding of its own, its fields in their order. A child that
// needs no other then does not prepare the one for arguments, which takes it longer than
// to join the family.
func (m *startMessage) append(b []byte) []byte {
	for _, i := range []Info{m.Self, m.Parent} {
		b = appendText(appendText(b, i.Name), i.Entry)
		b = binary.AppendVarint(b, int64(i.Pid))
		b = binary.AppendUvarint(b, uint64(i.ID))
		b = append(b, 0)
		if i.Daemon {
			b[len(b)-1] = 1
		}
	}
	b = append(b, m.Invitation.Family[:]...)
	b = binary.AppendUvarint(b, uint64(m.Invitation.ID))
	b = binary.AppendUvarint(b, m.Invitation.Started)
	b = binary.AppendVarint(b, int64(m.Grace))
	b = binary.AppendUvarint(b, m.Limits.Memory)
	b = binary.AppendUvarint(b, m.Limits.OpenFiles)
	b = binary.AppendUvarint(b, m.Limits.CPU)
	return binary.AppendVarint(b, m.Limits.Core)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

var errStartMessage = errors.New("the start message is broken")

// parse is the inverse of append.
func (m *startMessage) parse(b []byte) error {
	r := messageReader{rest: b}
	for _, i := range []*Info{&m.Self, &m.Parent} {
		i.Name, i.Entry = string(r.bytes(r.unsigned())), string(r.bytes(r.unsigned()))
		i.Pid, i.ID = int(r.signed()), uint32(r.unsigned())
		i.Daemon = r.unsigned() == 1
	}
	copy(m.Invitation.Family[:], r.bytes(uint64(len(m.Invitation.Family))))
	m.Invitation.ID, m.Invitation.Started = uint32(r.unsigned()), r.unsigned()
	m.Grace = time.Duration(r.signed())
	m.Limits = Limits{Memory: r.unsigned(), OpenFiles: r.unsigned(), CPU: r.unsigned(), Core: r.signed()}
	if r.broken || len(r.rest) > 0 {
		return errStartMessage
	}
	return nil
}

// messageReader takes one value after the other from rest. Once broken it returns zeros.
type messageReader struct {
	rest   []byte
	broken bool
}

func (r *messageReader) bytes(n uint64) []byte {
	if r.broken = r.broken || n > uint64(len(r.rest)); r.broken {
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *messageReader) unsigned() uint64 {
	v, n := binary.Uvarint(r.rest)
	r.skip(n)
	return v
}

func (r *messageReader) signed() int64 {
	v, n := binary.Varint(r.rest)
	r.skip(n)
	return v
}

// skip skips a number of n bytes, which is less than one if there was none.
func (r *messageReader) skip(n int) {
	r.broken = r.broken || n < 1
	r.bytes(uint64(max(n, 0)))
}
