package manager

import (
	"crypto/rand"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"time"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/pickle"
)

// Defaults of Options.
const (
	// DefaultMaxMessage is the size of a request that a server takes at most.
	DefaultMaxMessage = 64 << 20
	// DefaultMaxConnections is how many authenticated connections a server has at most.
	DefaultMaxConnections = 16 << 10
	// DefaultGrace is how long an object that nobody refers to is kept.
	DefaultGrace = 10 * time.Second
)

// Options of a [Server]. The zero value is good: a Unix socket in a private directory, with
// a random key, both to be asked of the Server.
type Options struct {
	// Network is "unix", "tcp", "tcp4" or "tcp6"; empty is "unix".
	Network string
	// Address is that of conn.Listen. Empty is, for "unix", a new socket in a directory
	// that only this user may enter, and for "tcp" a free port of 127.0.0.1.
	Address string
	// SocketMode is the permissions of a Unix socket; 0 is 0600.
	SocketMode fs.FileMode
	// ReplaceDead removes the Unix socket of a server that has died. Without it the
	// address stays in use, as in Python.
	ReplaceDead bool

	// Authkey is the secret of the server and its clients; nil is a random one of 32 bytes, see
	// [Server.Authkey]. One without bytes is an error, unless EmptyAuthkey is set too:
	// it keeps out only those who do not try it.
	Authkey      []byte
	EmptyAuthkey bool
	// ForbidMD5 refuses clients that know nothing but HMAC-MD5: CPython up to 3.11.
	ForbidMD5 bool

	// HandshakeTimeout is how long a client may take to prove that it has the key;
	// 0 is conn.DefaultHandshakeTimeout.
	HandshakeTimeout time.Duration
	// MaxPending is how many connections may be doing so; the oldest makes way for one more.
	// 0 is conn.DefaultMaxPending.
	MaxPending int
	// MaxConnections is how many connections may have proved it. One more is closed at once.
	// 0 is DefaultMaxConnections.
	MaxConnections int
	// MaxMessage is the limit of a request, in bytes; 0 is DefaultMaxMessage.
	MaxMessage int64
	// Decode limits what becomes of a request. Its zero fields have the defaults of pickle.Limits;
	// Bytes is MaxMessage, whatever it says.
	Decode pickle.Limits
	// MaxObjects is how many objects there may be at once; 0 is 1 Mi. MaxObjectBytes is about how
	// much memory the contents of one may take, 0 is 256 MiB, and MaxBytes that of all
	// together, 0 is 1 GiB. MaxReply is the size of a reply; 0 is 256 MiB. Below 0 is no limit. A call that would go
	// beyond raises MemoryError and changes nothing.
	MaxObjects     int64
	MaxObjectBytes int64
	MaxBytes       int64
	MaxReply       int64
	// MaxUnread is how many bytes of large replies, of 256 KiB and more, may be on their way to clients that have not taken them yet: beyond it
	// the client that has taken its time for longest is closed. 0 is 1 GiB, below 0 is no limit.
	MaxUnread int64

	// Grace is how long an object that nobody refers to any more is kept, for references that are
	// under way from one process to another. 0 is DefaultGrace, below 0 is none, as in Python.
	Grace time.Duration
	// ReleaseDead has the end of a process release the Locks, and the permits of Semaphores, that it holds by the methods of
	// Python; over TCP, the end of the connection. Python does not say whose they are, and a child may acquire for
	// its parent: so the default is as in Python, where they stay held. What belongs to somebody is released in any case: an RLock, a
	// Condition, and all that a Client of ours has locked.
	ReleaseDead bool
	// RefuseShutdown has the server refuse the shutdown that a client asks for.
	RefuseShutdown bool
	// BusyThreads is how many connections may have a thread each that waits for the next
	// request, which makes the way of a small request about half as long. Busy connections get
	// them, first come, first served. 0 is four per processor, below 0 is none.
	BusyThreads int

	// Types are the user types that clients may create, besides Python's; see [Type].
	Types []UserType
	// Logger is told what cannot be returned to anybody. Nil is nobody.
	Logger *slog.Logger
}

// keyBytes is the size of a random key, as in Python.
const keyBytes = 32

// checked returns the options with defaults in place of zeros.
func (o Options) checked() (Options, error) {
	switch {
	case o.Authkey == nil && o.EmptyAuthkey:
		o.Authkey = []byte{}
	case o.Authkey == nil:
		o.Authkey = make([]byte, keyBytes)
		rand.Read(o.Authkey) // never fails
	case len(o.Authkey) == 0 && !o.EmptyAuthkey:
		return o, ErrEmptyKey
	case len(o.Authkey) > 0 && o.EmptyAuthkey:
		return o, fmt.Errorf("manager: EmptyAuthkey is set, and Authkey has %d bytes", len(o.Authkey))
	}
	if o.Network == "" {
		o.Network = "unix"
	}
	if o.Address == "" && o.Network != "unix" {
		o.Address = "127.0.0.1:0"
		if o.Network == "tcp6" {
			o.Address = "[::1]:0"
		}
	}
	for name, n := range map[string]int64{
		"HandshakeTimeout": int64(o.HandshakeTimeout), "MaxPending": int64(o.MaxPending), "MaxConnections": int64(o.MaxConnections),
		"MaxMessage": o.MaxMessage,
	} {
		if n < 0 {
			return o, fmt.Errorf("manager: option %s is negative", name)
		}
	}
	if o.MaxMessage == 0 {
		o.MaxMessage = DefaultMaxMessage
	}
	o.Decode.Bytes = o.MaxMessage
	if o.Decode.Memory == 0 {
		o.Decode.Memory = max(256<<20, 4*o.MaxMessage)
	}
	if o.MaxUnread == 0 {
		o.MaxUnread = 1 << 30
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = DefaultMaxConnections
	}
	switch {
	case o.Grace == 0:
		o.Grace = DefaultGrace
	case o.Grace < 0:
		o.Grace = 0
	}
	switch {
	case o.BusyThreads == 0:
		o.BusyThreads = 4 * runtime.GOMAXPROCS(0)
	case o.BusyThreads < 0:
		o.BusyThreads = 0
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// listenOptions is what of the options package conn has to know.
func (o *Options) listenOptions() conn.Options {
	return conn.Options{
		Authkey:          o.Authkey,
		ForbidMD5:        o.ForbidMD5,
		HandshakeTimeout: o.HandshakeTimeout,
		MaxMessage:       o.MaxMessage,
		Logger:           o.Logger,
		MaxPending:       o.MaxPending,
		SocketMode:       o.SocketMode,
		ReplaceDead:      o.ReplaceDead,
	}
}

// ParseAddress reads an address as people write it: PATH or unix:PATH, @NAME for an abstract
// socket, HOST:PORT or tcp:HOST:PORT. What has a slash or no colon is a path. The error wraps [ErrAddress].
func ParseAddress(text string) (network, address string, err error) {
	prefix, rest, marked := strings.Cut(text, ":")
	switch {
	case marked && (prefix == "unix" || prefix == "tcp"):
		network, address = prefix, rest
	case !marked, strings.HasPrefix(text, "@"), strings.Contains(text, "/"):
		network, address = "unix", text
	default:
		network, address = "tcp", text
	}
	if address == "" || address == "@" {
		return "", "", fmt.Errorf("%w: %q", ErrAddress, text)
	}
	if network == "tcp" {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return "", "", fmt.Errorf("%w: %q is neither a path nor HOST:PORT: %w", ErrAddress, text, err)
		}
	}
	return network, address, nil
}

// FormatAddress writes an address for people, Python and [ParseAddress]: PATH, @NAME or HOST:PORT, and with unix: or
// tcp: in front only if it could be misunderstood.
func FormatAddress(a net.Addr) string {
	network, text := a.Network(), a.String()
	if n, same, err := ParseAddress(text); err == nil && n == network && same == text {
		return text
	}
	return network + ":" + text
}
