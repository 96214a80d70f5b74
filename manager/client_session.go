package manager

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
	"github.com/multiproc-go/multiproc/pickle"
)

// A session is all that proxies of one server have in common: a pool of connections, and the
// references.
type session struct {
	network, address string
	o                DialOptions
	server           *started // if Start has made the session
	shared           bool     // it is or was in the table known
	users            int      // if it is shared; known.mu

	peer    atomic.Pointer[serverKind] // nil until open
	finding chan struct{}              // holds a token while somebody finds it out

	links   links
	refs    refs
	flights flights
	garbage garbage
	// closing is set before what the session refers to is given back: an object that the server
	// does not know any more is then not its fault.
	closing atomic.Bool
}

// flights are the proxies that are on their way to other processes; see proxy_handle.go.
type flights struct {
	turn  sync.Mutex
	dict  *hold // nil before the first
	count uint64
	made  atomic.Bool // there is or was one
}

func newSession(network, address string, o DialOptions) *session {
	s := &session{network: network, address: address, o: o, finding: make(chan struct{}, 1)}
	s.links.init(o)
	s.refs.init(s)
	return s
}

// serverKind is what a client has to know of a server.
type serverKind struct {
	ours    bool // it is ours, and knows more than CPython's
	direct  bool // connections for calls also take what is for the server itself
	address any  // of the server, in tokens; nil in a serverKind that nobody has found out
}

// kind is what is known of the server: nothing before open.
func (s *session) kind() serverKind {
	if k := s.peer.Load(); k != nil {
		return *k
	}
	return serverKind{}
}

// learn takes over what another process has found out.
func (s *session) learn(k serverKind) {
	if k.address != nil {
		s.peer.CompareAndSwap(nil, &k)
	}
}

// open makes the first connection, if there was none: it proves the key, and finds out what the
// server is.
func (s *session) open(ctx context.Context) error {
	if s.peer.Load() != nil {
		return nil
	}
	select {
	case s.finding <- struct{}{}:
		defer func() { <-s.finding }()
	case <-ctx.Done():
		return s.failed(ctx, "", "connect", unsent(ctx.Err()))
	}
	if s.peer.Load() != nil {
		return nil
	}
	l, err := s.links.take(ctx, s)
	if err != nil {
		return s.failed(ctx, "", "connect", unsent(err))
	}
	// CPython's server has nothing under its own ident that can be called, and says so with a
	// traceback of its own kind.
	err = l.call(ctx, s, wire.ServerIdent, wire.FuncCount, nil, nil)
	kind, result, remote := l.kind, l.result, l.f.RemoteAddr()
	s.links.put(l, err == nil)
	if err != nil {
		return s.failed(ctx, "", "connect", err)
	}
	_, isCount := result.(int64)
	text, _ := result.(string)
	k := serverKind{direct: kind == wire.KindReturn && isCount, address: tokenAddress(remote, s.network, s.address)}
	k.ours = k.direct || kind == wire.KindTraceback && wire.IsOurTraceback(text)
	s.peer.Store(&k)
	return nil
}

// dial opens a connection for calls.
func (s *session) dial(ctx context.Context) (*conn.Framed, error) {
	f, err := conn.Dial(ctx, s.network, s.address, s.o.conn())
	if err == nil {
		return f, nil
	}
	if errors.Is(err, conn.ErrAuthentication) || ctx.Err() != nil {
		return nil, err
	}
	return nil, &goneError{err}
}

// call runs a method. Results are graphs, with proxies in them that are counted.
func (s *session) call(ctx context.Context, r *ref, method string, args []any, kwargs *pickle.Dict) (any, error) {
	for again := true; ; again = false {
		l, err := s.links.take(ctx, s)
		if err != nil {
			return nil, s.failed(ctx, r.typeid, method, unsent(err))
		}
		err = l.call(ctx, s, r.ident, method, args, kwargs)
		if err != nil {
			s.links.put(l, isHarmless(err))
			// An idle connection may be one to a server that has ended meanwhile. Nothing of
			// the call has reached anybody.
			if errors.Is(err, errUnsent) && !isHarmless(err) && l.calls > 0 && again && ctx.Err() == nil {
				s.links.drain()
				continue
			}
			return nil, s.failed(ctx, r.typeid, method, err)
		}
		kind, result, fresh := l.kind, l.result, l.fresh
		l.fresh = nil
		s.links.put(l, true)
		return s.settle(ctx, r, method, kind, result, fresh)
	}
}

// settle makes of a reply what the caller gets.
func (s *session) settle(ctx context.Context, r *ref, method, kind string, result any, fresh []*Proxy) (any, error) {
	for i, p := range fresh {
		if err := p.h.claim(ctx); err != nil {
			for _, p := range fresh[:i] {
				p.h.release()
			}
			return nil, s.failed(ctx, r.typeid, method, fmt.Errorf("a proxy in the result: %w", err))
		}
	}
	switch kind {
	case wire.KindReturn:
		return result, nil
	case wire.KindProxy:
		exposed, t, err := wire.ParseProxyResult(result)
		if err != nil {
			return nil, s.failed(ctx, r.typeid, method, err)
		}
		// The server has counted it for us already.
		return &Proxy{base{s.adopt(t.Type, t.Ident, classOf(t.Type, exposed), exposed)}}, nil
	case wire.KindError:
		return nil, exceptionOf(result)
	}
	err := remoteError(kind, result.(string), r.ident)
	if s.closing.Load() && errors.Is(err, ErrNoObject) {
		err = s.failed(ctx, r.typeid, method, ErrClosed)
	}
	return nil, err
}

// serve runs a function of the server itself.
func (s *session) serve(ctx context.Context, function string, args ...any) (any, error) {
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	return s.serveWith(ctx, function, args, nil)
}

func (s *session) serveWith(ctx context.Context, function string, args []any, kwargs *pickle.Dict) (any, error) {
	if s.kind().direct && function != wire.FuncShutdown {
		return s.call(ctx, &ref{ident: wire.ServerIdent, typeid: "server"}, function, args, kwargs)
	}
	// CPython has a connection for each of these.
	f, err := s.dial(ctx)
	if err != nil {
		return nil, s.failed(ctx, "server", function, unsent(err))
	}
	l := &link{f: f}
	l.prepare(s)
	defer l.close()
	if !s.links.lend(l) {
		return nil, s.failed(ctx, "server", function, ErrClosed)
	}
	defer s.links.forget(l)
	if err := l.call(ctx, s, "", function, args, kwargs); err != nil {
		return nil, s.failed(ctx, "server", function, err)
	}
	return s.settle(ctx, &ref{typeid: "server"}, function, l.kind, l.result, l.fresh)
}

// create makes an object.
func (s *session) create(ctx context.Context, typeid string, args []any, kwargs *pickle.Dict) (*hold, error) {
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	all := append(make([]any, 0, len(args)+1), any(typeid))
	result, err := s.serveWith(ctx, wire.FuncCreate, append(all, args...), kwargs)
	if err != nil {
		return nil, err
	}
	ident, exposed, err := wire.ParseCreated(result)
	if err != nil {
		return nil, s.failed(ctx, typeid, wire.FuncCreate, err)
	}
	return s.adopt(typeid, ident, classOf(typeid, exposed), exposed), nil
}

// end closes the connections; close does so too, and gives the references back before.
func (s *session) end() { s.links.close() }

// closeTimeout bounds how long Close tries to give references back.
const closeTimeout = time.Second

func (s *session) close() error {
	s.closing.Store(true)
	if s.server != nil {
		s.end()
		return s.server.stop()
	}
	if s.links.isClosed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	s.refs.releaseAll(ctx)
	s.end()
	return nil
}

// at returns the session for an address in a proxy: s itself, if it is that of its server.
func (s *session) at(address any) *session {
	network, at, err := wire.NetAddress(address)
	if err != nil || network == s.network && at == s.address || samePlace(address, s.kind().address) {
		return s
	}
	return known.of(sessionKey{network, at, string(s.o.Authkey), s.o.ForbidMD5})
}

// samePlace reports whether two addresses in tokens may be those of one server. One that
// listens on all addresses of its machine says so in place of an address.
func samePlace(a, b any) bool {
	x, ok1 := a.(*pickle.Tuple)
	y, ok2 := b.(*pickle.Tuple)
	if !ok1 || !ok2 {
		return a == b
	}
	host, _ := x.Items[0].(string)
	return x.Items[1] == y.Items[1] && (x.Items[0] == y.Items[0] || host == "0.0.0.0" || host == "::" || host == "localhost")
}

// key names the server in the table of known ones, and in handles.
func (s *session) key() sessionKey {
	return sessionKey{s.network, s.address, string(s.o.Authkey), s.o.ForbidMD5}
}

// sessionKey is all that another process needs to make a session of its own.
type sessionKey struct {
	network, address, authkey string
	forbidMD5                 bool
}

// knownSessions are the servers that handles which have arrived in this process lead to: a process
// has one pool of connections for a server, and not one for each handle.
type knownSessions struct {
	mu    sync.Mutex
	byKey map[sessionKey]*session
}

var known knownSessions

// of returns the session for a key. It keeps no connections while it has no users.
func (k *knownSessions) of(key sessionKey) *session {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.byKey[key]
	if s == nil {
		o := DialOptions{Authkey: []byte(key.authkey), EmptyAuthkey: true, ForbidMD5: key.forbidMD5}
		o, _ = o.checked() // there is a key
		s = newSession(key.network, key.address, o)
		s.shared = true
		s.links.rest(true)
		if k.byKey == nil {
			k.byKey = make(map[sessionKey]*session)
		}
		k.byKey[key] = s
	}
	return s
}

// retain adds a user: a proxy, or a Client.
func (s *session) retain() {
	if !s.shared {
		return
	}
	known.mu.Lock()
	defer known.mu.Unlock()
	if s.users++; s.users == 1 {
		s.links.rest(false)
	}
}

// leave takes a user away. Without any the session keeps no connections; who still has it may go on.
func (s *session) leave() {
	if !s.shared {
		return
	}
	known.mu.Lock()
	defer known.mu.Unlock()
	if s.users--; s.users > 0 {
		return
	}
	s.links.rest(true)
	// One with a dict of flights stays known: the next session would make another dict.
	if known.byKey[s.key()] == s && !s.flights.made.Load() {
		delete(known.byKey, s.key())
	}
}

// clientName is what this process is called in the server.
func clientName() string { return fmt.Sprintf("Go-%d", os.Getpid()) }
