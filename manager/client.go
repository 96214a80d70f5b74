package manager

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

// Defaults of [DialOptions].
const (
	// DefaultMaxCalls is how many calls of one Client may be under way at once.
	DefaultMaxCalls = 1024
	// DefaultMaxIdle is how many connections a Client keeps for later calls.
	DefaultMaxIdle = 16
)

// DialOptions are those of a [Client]. Authkey has to be set; of the rest the zero values are good.
type DialOptions struct {
	// Authkey is the secret of the server. One without bytes is an error, unless
	// EmptyAuthkey is set too.
	Authkey      []byte
	EmptyAuthkey bool
	// ForbidMD5 refuses servers that know nothing but HMAC-MD5: CPython up to 3.11.
	ForbidMD5 bool
	// HandshakeTimeout is how long the proof of the key may take; 0 is
	// conn.DefaultHandshakeTimeout.
	HandshakeTimeout time.Duration
	// MaxMessage is the limit of a reply, in bytes; 0 is conn.DefaultMaxMessage.
	MaxMessage int64
	// Decode limits what becomes of a reply. Its zero fields have the defaults of pickle.Limits, but for Bytes,
	// which then is MaxMessage.
	Decode pickle.Limits

	// MaxCalls is how many calls may be under way at once, each of which has a
	// connection to itself; one more waits for one of them. 0 is DefaultMaxCalls.
	MaxCalls int
	// MaxIdle is how many connections are kept for later calls; 0 is DefaultMaxIdle.
	MaxIdle int
}

// checked returns the options with defaults in place of zeros.
func (o DialOptions) checked() (DialOptions, error) {
	switch {
	case len(o.Authkey) == 0 && !o.EmptyAuthkey:
		return o, ErrEmptyKey
	case o.MaxCalls < 0 || o.MaxIdle < 0:
		return o, errors.New("manager: negative MaxCalls or MaxIdle")
	}
	o.Authkey = append([]byte{}, o.Authkey...) // the caller may wipe its own; never nil
	if o.MaxCalls == 0 {
		o.MaxCalls = DefaultMaxCalls
	}
	if o.MaxIdle == 0 {
		o.MaxIdle = DefaultMaxIdle
	}
	return o, nil
}

func (o *DialOptions) conn() conn.Options {
	return conn.Options{
		Authkey:          o.Authkey,
		ForbidMD5:        o.ForbidMD5,
		HandshakeTimeout: o.HandshakeTimeout,
		MaxMessage:       o.MaxMessage,
	}
}

// A Client is this process's way to the server of a manager: ours, or one of CPython. Its
// methods, and those of all proxies, may be called by any number of goroutines; each
// call that is under way has a connection to itself.
//
// A Client is a handle: it may be part of the argument of an entry. The child then has a
// Client of its own for the same server; so have proxies in arguments. Of the DialOptions it has the key and ForbidMD5, and the defaults
// of all others.
type Client struct{ *clientState }

// clientState is what the copies of a Client have in common.
type clientState struct {
	s      *session
	user   bool // of a session that others have too
	closed atomic.Bool
	forget runtime.Cleanup
}

// sharedClient makes a Client of a session that has not been dialed for it.
func sharedClient(s *session) *Client {
	c := &clientState{s: s, user: true}
	s.retain()
	c.forget = runtime.AddCleanup(c, (*session).leave, s)
	return &Client{c}
}

// Dial connects to a server. Networks and addresses are those of conn.Dial: "unix" with a
// path or, on Linux, a name that begins with @; "tcp" with host:port.
//
// The error wraps [ErrAuthentication] if the keys differ, [ErrGone] and what net.Dial
// returns if there is nobody, or is that of ctx. Later connections are opened when calls need them.
func Dial(ctx context.Context, network, address string, o DialOptions) (*Client, error) {
	o, err := o.checked()
	if err != nil {
		return nil, err
	}
	s := newSession(network, address, o)
	if err := s.open(ctx); err != nil {
		s.end()
		return nil, err
	}
	return &Client{&clientState{s: s}}, nil
}

// Close gives back the references that the proxies of this Client hold, as far as the
// server can be reached, and closes the connections: calls that are under way fail with
// [ErrClosed]. If [Start] has returned the Client, it also ends the server, and waits for that;
// the error is then why the server has not ended well. A second Close does nothing.
func (c *Client) Close() error {
	if c == nil || c.clientState == nil || c.closed.Swap(true) {
		return nil
	}
	if c.user {
		c.forget.Stop()
		c.s.leave()
		return nil
	}
	return c.s.close()
}

// Address returns the network and the address of the server, as for [Dial].
func (c *Client) Address() (network, address string) { return c.s.network, c.s.address }

// Authkey returns the secret of the server, for other programs that shall connect to it. Tell
// it over a pipe or a file that nobody else can read: command lines and
// environments are open to many.
func (c *Client) Authkey() []byte { return append([]byte{}, c.s.o.Authkey...) }

// IsPython reports whether the server is CPython's, which lacks what [errors.ErrUnsupported] is
// returned for.
func (c *Client) IsPython() bool { return !c.s.kind().ours }

// Process returns the server's process, if [Start] has returned this Client, or nil.
func (c *Client) Process() *multiproc.Process {
	if c.s.server == nil {
		return nil
	}
	return c.s.server.process
}

// String names the server. It does no I/O.
func (c *Client) String() string {
	if c == nil || c.clientState == nil {
		return "manager: no server"
	}
	return "manager at " + c.s.place()
}

// Create makes an object of a type that the server has registered under a name, and returns
// a proxy for it. The types of Python have constructors of their own, as [NewDict]; see [AsDict] for
// registered types that are such.
func (c *Client) Create(ctx context.Context, typeid string, args ...any) (*Proxy, error) {
	return c.CreateWith(ctx, typeid, args, nil)
}

// CreateWith is Create with keyword arguments.
func (c *Client) CreateWith(ctx context.Context, typeid string, args []any, kwargs map[string]any) (*Proxy, error) {
	graphs, err := graphsOf(args)
	if err != nil {
		return nil, &CallError{Type: typeid, Method: "create", Server: c.s.place(), Err: err}
	}
	words, err := graphOfKwargs(kwargs)
	if err != nil {
		return nil, &CallError{Type: typeid, Method: "create", Server: c.s.place(), Err: err}
	}
	h, err := c.s.create(ctx, typeid, graphs, words)
	if err != nil {
		return nil, err
	}
	return &Proxy{base{h}}, nil
}

// Shutdown asks the server to end, as Python's manager.shutdown. Others' calls that are under way fail.
func (c *Client) Shutdown(ctx context.Context) error {
	_, err := c.s.serve(ctx, wire.FuncShutdown)
	return err
}

// Objects returns how many objects of the server are referred to.
func (c *Client) Objects(ctx context.Context) (int, error) {
	v, err := c.s.serve(ctx, wire.FuncCount)
	if err != nil {
		return 0, err
	}
	return fromGraph[int](v)
}

// Debug returns what the server tells of its objects: for people.
func (c *Client) Debug(ctx context.Context) (string, error) {
	v, err := c.s.serve(ctx, wire.FuncDebug)
	if err != nil {
		return "", err
	}
	return fromGraph[string](v)
}

// MarshalBinary encodes the Client, its secret included, for another process of the family.
func (c *Client) MarshalBinary() ([]byte, error) {
	if c == nil || c.clientState == nil {
		return nil, errNoObject
	}
	return appendHandle(handle{session: c.s.key(), server: c.s.kind()})
}

// UnmarshalBinary makes c a Client of the server that b tells. It connects when it is used.
func (c *Client) UnmarshalBinary(b []byte) error {
	h, err := parseHandle(b)
	if err != nil {
		return err
	}
	if h.ident != "" {
		return fmt.Errorf("%w: it names an object", ErrHandle)
	}
	s := known.of(h.session)
	s.learn(h.server)
	*c = *sharedClient(s)
	return nil
}

// BindMember marks a Client as a handle; multiproc calls it where an argument arrives in
// goroutine mode.
func (c *Client) BindMember(*family.Member) {}

// MarshalText always fails: the secret of the server would be in the text.
func (c *Client) MarshalText() ([]byte, error) { return nil, errText }

// UnmarshalText always fails.
func (c *Client) UnmarshalText([]byte) error { return errText }

var errText = errors.New("manager: a proxy travels in arguments of entries and in other objects, not as text")

// place is the server's address for people.
func (s *session) place() string { return s.network + ":" + s.address }

// tokenAddress is the server's address as it stands in proxies. Python compares it letter by
// letter with what the server itself says, which for TCP is never a name.
func tokenAddress(remote net.Addr, network, address string) any {
	if network == "unix" {
		return wire.Address(&net.UnixAddr{Name: address, Net: network})
	}
	return wire.Address(remote)
}
