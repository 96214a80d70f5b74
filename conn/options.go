package conn

import (
	"bytes"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"time"
)

// Defaults and limits.
const (
	// DefaultMaxMessage is the largest message that Recv takes if nothing else is said.
	DefaultMaxMessage = 256 << 20
	// NoLimit as a limit of messages is none, but for the memory.
	NoLimit = math.MaxInt64
	// DefaultHandshakeTimeout is how long a whole handshake may take.
	DefaultHandshakeTimeout = 5 * time.Second
	// DefaultMaxPending is how many connections of a Listener may be in their handshake.
	DefaultMaxPending = 1024
)

// Options of [Listen] and [Dial]. Either Authkey or NoAuthentication has to be set;
// of the rest the zero values are good.
type Options struct {
	// Authkey is the secret that both ends must have. One of length 0 is a key
	// like others, as in Python; it keeps out only those who do not try it.
	Authkey []byte
	// NoAuthentication is the choice to have no handshake. Authkey must then be nil.
	NoAuthentication bool
	// ForbidMD5 refuses CPython up to 3.11, which knows nothing but HMAC-MD5.
	ForbidMD5 bool
	// HandshakeTimeout is how long the whole handshake may take, however many bytes
	// of it come; 0 is DefaultHandshakeTimeout.
	HandshakeTimeout time.Duration
	// MaxMessage is the limit of Recv and RecvAppend; 0 is DefaultMaxMessage.
	MaxMessage int64
	// Logger is told what cannot be returned to anybody: handshakes that failed, and
	// why nothing is accepted for a while. Nil is nobody.
	Logger *slog.Logger

	// MaxPending is, for Listen, how many connections may be in their handshake; 0 is
	// DefaultMaxPending. The oldest makes way for one more. As many may be through it
	// and wait for Accept; then others wait in the system's queue.
	MaxPending int
	// SocketMode is, for Listen, the permissions of a Unix socket; 0 is 0600.
	SocketMode fs.FileMode
	// ReplaceDead makes Listen remove the Unix socket of a server that has died. Without
	// it, as in Python, the address stays in use. A socket younger than a second, which another may
	// have made and not listen on yet, is let grow old first.
	ReplaceDead bool
}

// checked returns the options with the defaults filled in, or why they make no sense.
func (o Options) checked() (Options, error) {
	switch {
	case o.Authkey == nil && !o.NoAuthentication:
		return o, ErrNoKey
	case o.Authkey != nil && o.NoAuthentication:
		return o, fmt.Errorf("conn: both Authkey and NoAuthentication are set")
	case o.HandshakeTimeout < 0 || o.MaxMessage < 0 || o.MaxPending < 0:
		return o, fmt.Errorf("conn: negative HandshakeTimeout, MaxMessage or MaxPending")
	case o.SocketMode&^fs.ModePerm != 0:
		return o, fmt.Errorf("conn: SocketMode %v has more than permissions", o.SocketMode)
	}
	o.Authkey = bytes.Clone(o.Authkey) // the caller may wipe its own
	if o.HandshakeTimeout == 0 {
		o.HandshakeTimeout = DefaultHandshakeTimeout
	}
	if o.MaxMessage == 0 {
		o.MaxMessage = DefaultMaxMessage
	}
	if o.MaxPending == 0 {
		o.MaxPending = DefaultMaxPending
	}
	if o.SocketMode == 0 {
		o.SocketMode = 0o600
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// handshake is what the options say of it.
func (o *Options) handshake(role Role) Handshake {
	return Handshake{Key: o.Authkey, Role: role, ForbidMD5: o.ForbidMD5}
}
