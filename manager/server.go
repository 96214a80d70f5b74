package manager

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/multiproc-go/multiproc/conn"
	"github.com/multiproc-go/multiproc/manager/internal/state"
	"github.com/multiproc-go/multiproc/manager/internal/wire"
)

// A Server holds shared objects: the dicts, lists, values and so on that clients create in it, in Go
// by [Dial] and in any Python from 3.8 by SyncManager. The protocol is CPython's own.
//
// Whoever has the key may use and change every object, and stop the server; see
// PROTOCOL.md for what that means. The state lives in memory and ends with the Server.
//
// How it stops:
//
//	serving   Addr can be dialed. Ends by Shutdown, Close, the end of Serve's context, a client's shutdown request, or a defect
//	stopping  nothing is accepted; calls that have begun go on; what waits for other clients is cut off
//	stopped   all connections are closed, and objects of user types too
type Server struct {
	o        Options
	log      *slog.Logger
	listener *conn.Listener
	types    map[string]*UserType
	peers    peers
	codecs   sync.Pool // of *codec
	aheads   sync.Pool // of *[]byte: replies that wait for others
	unread   unread
	heavy    chan struct{} // has a token for each large request that is being decoded
	threads  atomic.Int64  // of connections that have one of their own

	ctx    context.Context // of calls of user types; ends when they must
	cancel context.CancelFunc

	conns sync.WaitGroup // connections, and what watches over clients' processes
	calls sync.WaitGroup // calls of user types, which may go on as long as they like

	stop     sync.Once
	stopping chan struct{} // closed when it begins
	stopped  chan struct{} // closed when all has ended

	// mu protects the state and what goes with it: who gets replies, and the user types' objects.
	mu      sync.Mutex
	state   machine
	started time.Time // logical time 0
	index   uint64    // commands so far
	timer   *time.Timer
	armed   time.Duration // when the timer fires; never, if it is 0
	ended   bool          // nothing is accepted, and nothing ticks
	last    state.Client
	conn    map[state.Client]*client
	objects map[string]object
	defect  error // of the state: it executes nothing any more

	segments segments
}

// A machine is a state.State, or what a test puts in its place.
type machine interface {
	Apply(index uint64, c *state.Command) (replies []state.Reply, freed []string)
	Deadline() (at time.Duration, ok bool)
}

// An object is what the server keeps of one of a user type. As long as its constructor runs, it is the zero value.
type object struct {
	of    *UserType // nil: being made
	value reflect.Value
}

// NewServer listens, and so can clients already connect; they are served once [Server.Serve]
// runs. Errors are those of conn.Listen and of options that make no sense, such as ErrEmptyKey.
func NewServer(o Options) (*Server, error) {
	return newServer(o, func(o state.Options) machine { return state.New(o) })
}

func newServer(o Options, newMachine func(state.Options) machine) (*Server, error) {
	o, err := o.checked()
	if err != nil {
		return nil, err
	}
	s := &Server{
		o: o, log: o.Logger,
		types:    make(map[string]*UserType),
		codecs:   sync.Pool{New: newCodec},
		aheads:   sync.Pool{New: func() any { return new([]byte) }},
		unread:   unread{limit: o.MaxUnread},
		heavy:    make(chan struct{}, runtime.GOMAXPROCS(0)),
		stopping: make(chan struct{}),
		stopped:  make(chan struct{}),
		started:  time.Now(),
		conn:     make(map[state.Client]*client),
		objects:  make(map[string]object),
	}
	foreign := make(map[string][]string)
	for _, u := range o.Types {
		switch {
		case u.name == "":
			return nil, errors.New("manager: a UserType was not made by Type")
		case slices.Contains(ownTypes(), u.name):
			return nil, fmt.Errorf("manager: the server has a type %q of its own", u.name)
		case s.types[u.name] != nil:
			return nil, fmt.Errorf("manager: there are two types %q", u.name)
		}
		s.types[u.name] = &u
		foreign[u.name] = u.exposed
	}
	s.listener, err = conn.Listen(o.Network, o.Address, o.listenOptions())
	if err != nil {
		return nil, fmt.Errorf("manager: %w", err)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.state = newMachine(state.Options{
		Address:        wire.Address(s.Addr()),
		Foreign:        foreign,
		FirstIdent:     firstIdent(),
		Grace:          o.Grace,
		ReleaseDead:    o.ReleaseDead,
		MaxObjects:     o.MaxObjects,
		MaxObjectBytes: o.MaxObjectBytes,
		MaxBytes:       o.MaxBytes,
		MaxReply:       o.MaxReply,
	})
	s.timer = time.AfterFunc(time.Hour, s.tick)
	s.timer.Stop()
	return s, nil
}

// ownTypes are the names of Python's types. Whether the server has them yet or not, its clients take them for those.
func ownTypes() []string {
	return strings.Fields("dict list set Namespace Value Array Iterator AsyncResult Pool Queue JoinableQueue " +
		"Lock RLock Semaphore BoundedSemaphore Condition Event Barrier")
}

// firstIdent draws the ident of the first object. A proxy from another server, or from
// one that had this address before, is then not taken for one of ours.
func firstIdent() uint64 {
	var b [8]byte
	rand.Read(b[:])                                     // never fails
	return 1<<44 | binary.LittleEndian.Uint64(b[:])>>20 // of 44 bits: 12 hex digits, as in Python
}

// Addr returns the address that clients dial.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Authkey returns the key, which clients need too.
func (s *Server) Authkey() []byte { return bytes.Clone(s.o.Authkey) }

// Serve serves clients until the server stops. The error is nil after [Server.Shutdown], [Server.Close]
// or a client's shutdown request, and otherwise what ended the listening. The end of
// ctx is a Close, and its error is returned. When Serve returns, the server has stopped.
//
// A panic in the code that keeps the objects is a defect of this package, after which nobody knows what they are: the server executes
// nothing more, logs it, stops as by Shutdown, and Serve returns an error with the panic. Panics of user types are errors of their calls.
func (s *Server) Serve(ctx context.Context) error {
	for {
		f, err := s.listener.Accept(ctx)
		if err == nil {
			s.admit(f)
			continue
		}
		select {
		case <-s.stopping:
			<-s.stopped
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.defect
		default:
		}
		if ctx.Err() == nil {
			err = fmt.Errorf("manager: %w", err)
		}
		s.Close()
		return err
	}
}

// admit gives a connection, whose other end has the key, a goroutine.
func (s *Server) admit(f *conn.Framed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
		f.Close()
	case len(s.conn) >= s.o.MaxConnections:
		s.log.Warn("manager: too many connections", "limit", s.o.MaxConnections, "remote", f.RemoteAddr())
		f.Close()
	default:
		s.last++
		c := &client{s: s, f: f, id: s.last}
		s.conn[c.id] = c
		s.conns.Go(c.serve)
	}
}

// Shutdown stops the server in good order: nothing is accepted any more, requests that have
// come are answered, and then all connections are closed. Calls that wait for other clients, as for a lock, are not
// answered. It waits for the others, calls of user types included, until ctx ends, and then closes as
// Close does; it returns the error of ctx if that has cut something off.
func (s *Server) Shutdown(ctx context.Context) error {
	s.beginStop()
	done := make(chan struct{})
	go func() {
		s.conns.Wait()
		s.calls.Wait()
		close(done)
	}()
	select {
	case <-done:
		return s.finish()
	case <-ctx.Done():
		var cut error
		if s.busy() {
			cut = ctx.Err()
		}
		return errors.Join(cut, s.Close())
	}
}

// Close stops the server at once: connections are closed, and the contexts of the calls of user types
// end; it does not wait for those calls. The socket's file is removed. A second Close waits for the first.
func (s *Server) Close() error {
	s.beginStop()
	s.cancel()
	s.mu.Lock()
	for _, c := range s.conn {
		c.f.Close()
	}
	s.mu.Unlock()
	s.conns.Wait()
	return s.finish()
}

// busy reports whether a request is being executed, or answered, or is under way to a user type.
func (s *Server) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conn {
		if c.busy() {
			return true
		}
	}
	return false
}

// beginStop makes the server accept nothing and close what is idle. It may be called again.
func (s *Server) beginStop() {
	s.unlinkSegments()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.ended = true
	close(s.stopping)
	s.timer.Stop()
	for _, c := range s.conn {
		c.stop()
	}
	s.peers.close()
	s.conns.Go(func() { s.listener.Close() }) // it waits for handshakes, which it ends; finish has the error
}

// finish is what comes last, when all connections are closed.
func (s *Server) finish() error {
	s.stop.Do(func() {
		s.cancel()
		s.mu.Lock()
		left := s.objects
		s.objects = make(map[string]object)
		s.mu.Unlock()
		for _, o := range left {
			if o.of != nil {
				s.drop(o)
			}
		}
		close(s.stopped)
	})
	<-s.stopped
	if err := s.listener.Close(); err != nil {
		return fmt.Errorf("manager: %w", err)
	}
	return nil
}
