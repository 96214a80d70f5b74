package conn

import (
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/multiproc-go/multiproc/internal/handoff"
)

// Errors of a connection.
var (
	// ErrClosed is returned by everything that is used after Close, and by what was
	// waiting when Close was called.
	ErrClosed = handoff.Sentinel("conn: closed")
	// ErrTooLarge is returned when a message is announced that is larger than the
	// limit. None of it was read: it may be received with a higher limit.
	ErrTooLarge = handoff.Sentinel("conn: message larger than the limit")
	// ErrLength is returned when the announced length is no length: the other end
	// speaks something else, or the stream is out of step. Nothing can follow but Close.
	ErrLength = handoff.Sentinel("conn: malformed length")
	// ErrCut is returned by Send when an earlier one ended in the middle of its
	// message. Nothing can be sent any more.
	ErrCut = handoff.Sentinel("conn: an earlier message was cut off")
	// ErrInterrupted is returned by a connection in the mode of [Framed.Block] after
	// a context or a deadline has ended a wait: that ends the connection.
	ErrInterrupted = handoff.Sentinel("conn: ended by an interrupted wait")
)

// Errors of the ends of a [Pipe], beside those of a connection.
var (
	// ErrMoved is returned by an end that has moved to another process.
	ErrMoved = handoff.Sentinel("conn: this end of the pipe has moved to another process")
	// ErrInUse is returned by Start, wrapped, when an end is to move that somebody sends, receives or waits with, or
	// that stands in two places of the argument.
	ErrInUse = handoff.Sentinel("conn: this end of the pipe is in use")
)

// A TypeError names the part of a message type that cannot travel.
type TypeError = handoff.TypeError

// A ValueError names the part of a message that cannot travel, although its type can.
type ValueError = handoff.ValueError

// A DecodeError tells why a message could not be decoded: the other side has sent something else, or a handle in it is not
// valid here any more.
type DecodeError = handoff.DecodeError

// Errors of listening and dialing.
var (
	// ErrAuthentication is returned when the two ends do not have the same key, or
	// when the other end does not keep to the protocol that proves it. It is wrapped in
	// an [AuthenticationError].
	ErrAuthentication = handoff.Sentinel("conn: authentication failed")
	// ErrNoKey is returned by Listen and Dial when the options have neither a key nor
	// say that there is to be none.
	ErrNoKey = handoff.Sentinel("conn: no Authkey, and NoAuthentication is not set")
	// ErrAddress is returned when a network or an address cannot be listened on.
	ErrAddress = handoff.Sentinel("conn: unsupported network or address")
)

// A FrameError tells what is wrong with a message, or with the way it came. Err is
// [ErrTooLarge], [ErrLength], [ErrCut], io.ErrShortBuffer when the buffer given to
// RecvInto or RecvBytesInto was too small, or io.ErrUnexpectedEOF when the stream ended in the message.
type FrameError struct {
	Op    string // "send" or "recv"
	Size  uint64 // of the message, as announced; 0 if that is not known
	Limit int64  // what it may be at most, if it is larger
	Err   error
}

func (e *FrameError) Error() string {
	switch {
	case e.Err == ErrTooLarge || e.Err == io.ErrShortBuffer:
		return fmt.Sprintf("conn: %s: message of %d bytes, limit %d: %v", e.Op, e.Size, e.Limit, e.Err)
	case e.Size > 0:
		return fmt.Sprintf("conn: %s: message of %d bytes: %v", e.Op, e.Size, e.Err)
	}
	return fmt.Sprintf("conn: %s: %v", e.Op, e.Err)
}

func (e *FrameError) Unwrap() error { return e.Err }

// An AuthenticationError tells why a handshake has failed. It wraps [ErrAuthentication].
type AuthenticationError struct {
	Reason string
}

func (e *AuthenticationError) Error() string { return "conn: authentication failed: " + e.Reason }

func (e *AuthenticationError) Unwrap() error { return ErrAuthentication }

// gone reports whether err is what the system says, in place of the end of the stream, when
// the other end died with our data unread.
func gone(err error) bool { return errors.Is(err, syscall.ECONNRESET) }
