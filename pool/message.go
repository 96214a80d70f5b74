package pool

import (
	"encoding/binary"
	"errors"

	"github.com/multiproc-go/multiproc/internal/handoff"
)

// Tasks to a worker travel as
//
//	name | number of the first | count | count × argument
//
// and their results as
//
//	worker | nanoseconds since it was last idle, or since its last message | records
//
// where a record is
//
//	kind | number of the task | result or error
//
// without the number where it is that of the record before plus one. // Numbers are varints, and what varies in length has its length before it. The tasks of one worker have numbers that go up
// by one, in the order in which it runs them and sends what comes of them.
const (
	kindResult = iota
	kindNext   // a result of the next task
	kindFailed // a text, and the names of the sentinels
	kindReady  // the worker has been set up; there is no task, and no number
	kindDead   // the owner's note to itself, without a number either: the worker was waited for
)

var errMessage = errors.New("pool: a message is broken: a process of the family has overwritten it")

func appendBytes[T ~string | ~[]byte](b []byte, v T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(v))), v...)
}

func appendFailure(b []byte, err error) []byte {
	w := handoff.EncodeError(err)
	return appendBytes(appendBytes(b, w.Text), w.Names)
}

// reader takes one value after the other from rest. Once broken it returns zeros.
type reader struct {
	rest   []byte
	broken bool
}

func (r *reader) number() uint64 {
	if len(r.rest) == 0 || r.rest[0] >= 0x80 {
		return r.long()
	}
	v := r.rest[0]
	r.rest = r.rest[1:]
	return uint64(v)
}

// long is number where that is not one byte.
func (r *reader) long() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.broken, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) bytes() []byte {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.broken, r.rest = true, nil
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// failure reads what appendFailure has written.
func (r *reader) failure() error {
	w := handoff.WireError{Text: string(r.bytes())}
	w.Names = string(r.bytes())
	return w
}
