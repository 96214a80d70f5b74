package manager

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/pickle"
)

// An Entry is a server that can be started in a child process, with options that cannot be sent to
// one: user types, a logger. Declare it in a package variable, as all entries.
type Entry struct {
	e    *multiproc.Entry[serverJob, multiproc.None]
	name string
}

// Declare declares a server by a name that is unique among the entries of the program. The function
// runs in the server's process and says what it is.
//
//	var shop = manager.Declare("shop", func(ctx context.Context) (manager.Options, error) {
//		return manager.Options{Types: []manager.UserType{manager.Type("Counter", newCounter)}}, nil
//	})
//
//	c, err := shop.Start(ctx)
func Declare(name string, options func(context.Context) (Options, error)) *Entry {
	run := func(ctx context.Context, j serverJob) error {
		o, err := options(ctx)
		if err != nil {
			return err
		}
		return j.serve(ctx, o)
	}
	return &Entry{multiproc.Proc(name, run), name}
}

// plain is the server that Start starts.
var plain = &Entry{multiproc.Proc("multiproc/manager", func(ctx context.Context, j serverJob) error {
	o, err := receiveOptions(j.Options)
	if err != nil {
		return err
	}
	return j.serve(ctx, o)
}), "manager"}

// serverJob is the argument of a server. Its type is looked at when a program begins that imports
// this package, so that it has few fields.
type serverJob struct {
	Ready   *multiproc.File // a pipe, on which the server tells where it is
	Options []byte          // of Start
}

// send encodes the options that travel: all but Types and Logger.
func (o *Options) send() ([]byte, error) {
	sent := pickle.NewDict()
	fields := reflect.ValueOf(o).Elem()
	for i := range fields.NumField() {
		name := fields.Type().Field(i).Name
		if name == "Types" || name == "Logger" {
			continue
		}
		graph, err := pickle.FromGo(fields.Field(i).Interface())
		if err == nil {
			err = sent.Set(name, graph)
		}
		if err != nil {
			return nil, err
		}
	}
	return pickle.Append(nil, sent, pickle.DefaultProtocol)
}

func receiveOptions(sent []byte) (o Options, err error) {
	err = pickle.Unmarshal(sent, &o)
	return o, err
}

// Start starts a server in a child process and connects to it. It is Python's Manager(): a
// Unix socket in a private directory and a random key, unless the options say otherwise.
//
// The server ends when the Client is closed, when ctx ends, or with this process. It is a
// daemon: leaving multiproc.Main ends it after the children that are not. The program must have called
// multiproc.Main or multiproc.Init; in goroutine mode the server is a goroutine, with a socket all the
// same. Its key goes to the child over an inherited descriptor.
//
// Options.Types and Options.Logger cannot be sent to another process; for them see [Declare].
func Start(ctx context.Context, o Options) (*Client, error) {
	if o.Types != nil || o.Logger != nil {
		return nil, errors.New("manager: Start: Options.Types and Options.Logger do not travel to another process: see Declare")
	}
	sent, err := o.send()
	if err != nil {
		return nil, fmt.Errorf("manager: Start: %w", err)
	}
	return plain.start(ctx, serverJob{Options: sent})
}

// Start starts the server and connects to it, as the function [Start].
func (e *Entry) Start(ctx context.Context) (*Client, error) { return e.start(ctx, serverJob{}) }

func (e *Entry) start(ctx context.Context, j serverJob) (*Client, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("manager: Start: %w", err)
	}
	defer r.Close()
	j.Ready = multiproc.NewFile(w)
	life, end := context.WithCancel(ctx)
	call, err := e.e.StartWith(life, j, multiproc.Options{Name: e.name, Daemon: true})
	w.Close() // so that r ends when the server does
	if err != nil {
		end()
		return nil, fmt.Errorf("manager: Start: %w", err)
	}
	st := &started{process: call.Process, end: end, ended: make(chan struct{})}
	at, err := receiveReady(ctx, r)
	if at.private {
		st.socket = at.address
	}
	go st.watch()
	if err != nil {
		return nil, fmt.Errorf("manager: Start: %w", errors.Join(err, st.stop()))
	}
	o, _ := DialOptions{Authkey: at.authkey, EmptyAuthkey: true}.checked() // there is a key
	s := newSession(at.network, at.address, o)
	s.server = st
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return &Client{&clientState{s: s}}, nil
}

// started is a server that this process has started.
type started struct {
	process *multiproc.Process
	end     context.CancelFunc
	socket  string        // in a directory of its own; or ""
	ended   chan struct{} // closed when the process is gone, and its socket too
}

// watch lasts as long as the server, and removes what one has left that was killed.
func (st *started) watch() {
	<-st.process.Done()
	st.end()
	if st.socket != "" {
		_ = os.Remove(st.socket) // mostly it is gone already
		_ = os.Remove(filepath.Dir(st.socket))
	}
	close(st.ended)
}

// stopTimeout is how long stop waits beyond the grace time of the process.
const stopTimeout = 10 * time.Second

// stop ends the server and waits for it. A second call returns the same.
func (st *started) stop() error {
	st.end()
	ctx, cancel := context.WithTimeout(context.Background(), multiproc.DefaultGrace+stopTimeout)
	defer cancel()
	err := st.process.Wait(ctx)
	if ctx.Err() == nil {
		<-st.ended
	}
	if err != nil {
		return fmt.Errorf("manager: the server: %w", err)
	}
	return nil
}

// serve is the life of a server.
func (j *serverJob) serve(ctx context.Context, o Options) error {
	ready, err := j.Ready.File()
	if err != nil {
		return err
	}
	s, err := NewServer(o)
	if err != nil {
		ready.Close()
		return err
	}
	err = sendReady(ready, whereabouts{
		network: s.Addr().Network(), address: s.Addr().String(), authkey: s.Authkey(),
		private: (o.Network == "" || o.Network == "unix") && o.Address == "",
	})
	if err != nil {
		return errors.Join(err, s.Close())
	}
	if err := s.Serve(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// whereabouts are what a client of a server has to know.
type whereabouts struct {
	network, address string
	authkey          []byte
	private          bool // the socket's directory is the server's own
}

// maxReady bounds what is read of a server that has just been started: it is ours.
const maxReady = 1 << 20

func sendReady(to *os.File, w whereabouts) error {
	defer to.Close()
	msg, err := pickle.Append(nil, pickle.NewTuple(w.network, w.address, pickle.Bytes(w.authkey), w.private), pickle.DefaultProtocol)
	if err == nil {
		_, err = to.Write(msg)
	}
	return err
}

// receiveReady waits for what the server tells. One that fails before tells nothing.
func receiveReady(ctx context.Context, from *os.File) (w whereabouts, err error) {
	stop := context.AfterFunc(ctx, func() { _ = from.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	msg, err := io.ReadAll(io.LimitReader(from, maxReady))
	if ctx.Err() != nil {
		return w, ctx.Err()
	}
	if err != nil {
		return w, err
	}
	if len(msg) == 0 {
		return w, errStillborn
	}
	graph, err := pickle.Decode(msg)
	if err != nil {
		return w, err
	}
	if parts, ok := graph.(*pickle.Tuple); ok && len(parts.Items) == 4 {
		network, ok1 := parts.Items[0].(string)
		address, ok2 := parts.Items[1].(string)
		authkey, ok3 := parts.Items[2].(pickle.Bytes)
		private, ok4 := parts.Items[3].(bool)
		if ok1 && ok2 && ok3 && ok4 {
			return whereabouts{network, address, []byte(authkey), private}, nil
		}
	}
	return w, errStillborn
}

var errStillborn = errors.New("the server has not begun to serve")
