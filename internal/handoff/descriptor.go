package handoff

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"sync"
	"syscall"

	"github.com/multiproc-go/multiproc/internal/sys"
)

// A Carrier is a pointer type that carries a descriptor in an argument or a result:
// *multiproc.File. It also forwards the encoding methods of what it carries.
type Carrier interface {
	HandOff() *Descriptor
}

// A Mover is a Carrier that two processes must not have at once: *conn.Conn. What is sent leaves this process.
type Mover interface {
	Carrier
	// Depart keeps everybody from using it until Departed says whether it has gone. It returns what has to travel
	// beside the descriptor, which the receiver finds in [Descriptor.Luggage]. An error says why it cannot go now.
	Depart() (luggage []byte, err error)
	Departed(gone bool)
	// Close closes what has become of a descriptor that has arrived.
	io.Closer
}

// A Descriptor is what a multiproc.File is made of, or a connection that travels.
//
//	state      | it has              | made by                       | goes to
//	-----------+---------------------+-------------------------------+---------------
//	empty      | nothing             | new(File)                     | lent, travelling
//	lent       | what it was made of | Lend                          | closed
//	travelling | an index and a name | Encode's copy, UnmarshalBinary| arrived (Decode)
//	arrived    | a file of its own   | Decode                        | taken, closed
//	taken      | nothing             | Take, Use                     |
//	closed     | nothing             | Close                         |
//
// Only a lent or arrived one can be duplicated, taken out, or sent.
type Descriptor struct {
	mu    sync.Mutex // protects the rest
	state descriptorState
	from  any      // lent
	file  *os.File // arrived
	index int      // travelling: of Payload.Files
	name  string   // in every state but empty
	extra []byte   // travelling and arrived: a Mover's luggage
}

type descriptorState uint8

const (
	empty descriptorState = iota
	lent
	travelling
	arrived
	taken
	closed
)

var (
	errEmpty        = errors.New("it is a zero value, which stands for no descriptor")
	errNoDescriptor = errors.New("it has no descriptor")
	errMoves        = errors.New("two processes cannot have it: it travels itself, not as a File")
	errTaken        = Because("it was taken out already", os.ErrClosed)
	errOutside      = errors.New("multiproc: a descriptor travels in the argument or the result of an entry, not in another encoding")
)

// Lend makes an empty d refer to x; it owns nothing. What x must be is said at
// duplicate, and that it is, is found out there.
func (d *Descriptor) Lend(x any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if v := reflect.ValueOf(x); v.Kind() == reflect.Pointer && v.IsNil() {
		x = nil // an error that was overlooked
	}
	d.state, d.from, d.name = lent, x, nameOf(x)
}

// Name is for people: the path of a file, the address of a socket.
func (d *Descriptor) Name() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.name
}

// Arrived reports whether d has come from another process and was not taken out or closed.
func (d *Descriptor) Arrived() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state == arrived
}

// Luggage is what a [Mover] has sent beside its descriptor. It may be anything that a process of the family can send.
func (d *Descriptor) Luggage() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.extra
}

// Take returns a file that belongs to the caller: if d has arrived its own, so that d
// is taken out, and otherwise a duplicate.
func (d *Descriptor) Take(op string) (*os.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.file; d.state == arrived && f.Name() == d.name {
		d.file, d.state = nil, taken
		return f, nil
	}
	// The file that SCM_RIGHTS has made of an arrived one has no name.
	f, err := d.duplicateLocked()
	if err != nil {
		return nil, d.failLocked(op, err)
	}
	if d.state == arrived {
		d.file.Close()
		d.file, d.state = nil, taken
	}
	return f, nil
}

// Use calls fn with a file that lasts until fn returns. If fn returns nil, it has made
// something of its own of it, and an arrived d is taken out; otherwise d is unchanged.
func (d *Descriptor) Use(op string, fn func(*os.File) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.file
	if d.state != arrived {
		var err error
		if f, err = d.duplicateLocked(); err != nil {
			return d.failLocked(op, err)
		}
		defer f.Close()
	}
	if err := fn(f); err != nil {
		return d.failLocked(op, err)
	}
	if d.state == arrived {
		f.Close()
		d.file, d.state = nil, taken
	}
	return nil
}

// Close closes what d owns. One that was taken out or closed stays as it is.
func (d *Descriptor) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var err error
	switch d.state {
	case taken, closed:
		return nil
	case arrived:
		err = d.file.Close()
	}
	d.state, d.from, d.file = closed, nil, nil
	return err
}

// MarshalBinary succeeds for the copies that Encode makes, and for no other.
func (d *Descriptor) MarshalBinary() ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state != travelling {
		return nil, errOutside
	}
	b := binary.AppendUvarint(nil, uint64(d.index))
	b = append(binary.AppendUvarint(b, uint64(len(d.name))), d.name...)
	return append(b, d.extra...), nil
}

// UnmarshalBinary undoes MarshalBinary. What comes of it is of use to Decode alone.
func (d *Descriptor) UnmarshalBinary(b []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	index, n := binary.Uvarint(b)
	if d.state != empty || n <= 0 || index > maxFiles {
		return errOutside
	}
	b = b[n:]
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return errOutside
	}
	b = b[n:]
	d.state, d.index, d.name, d.extra = travelling, int(index), string(b[:length]), bytes.Clone(b[length:])
	return nil
}

// MarshalText always fails. Without it, encoding/json would find nothing to object to.
func (d *Descriptor) MarshalText() ([]byte, error) { return nil, errOutside }

// UnmarshalText always fails.
func (d *Descriptor) UnmarshalText([]byte) error { return errOutside }

// send makes a duplicate to travel as the index-th descriptor, with luggage, and makes to, which is
// empty, refer to it.
func (d *Descriptor) send(to *Descriptor, index int, luggage []byte) (*os.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := d.duplicateLocked()
	if err != nil {
		return nil, err
	}
	to.state, to.index, to.name, to.extra = travelling, index, d.name, luggage
	return f, nil
}

// arrive makes a travelling d the owner of f.
func (d *Descriptor) arrive(f *os.File) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state, d.file = arrived, f
}

// route returns what a travelling d refers to.
func (d *Descriptor) route() (index int, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.index, d.state == travelling
}

func (d *Descriptor) duplicateLocked() (*os.File, error) {
	switch d.state {
	case lent:
		return duplicate(d.from, d.name)
	case arrived:
		return duplicate(d.file, d.name)
	case travelling:
		return nil, errOutside
	case taken:
		return nil, errTaken
	case closed:
		return nil, os.ErrClosed
	}
	return nil, errEmpty
}

func (d *Descriptor) failLocked(op string, err error) error {
	return &os.PathError{Op: op, Path: d.name, Err: err}
}

// duplicate returns a file of its own for the descriptor of x: a Carrier, a
// syscall.Conn, or what has a File method as those of package net.
func duplicate(x any, name string) (*os.File, error) {
	switch x := x.(type) {
	case Mover:
		return nil, errMoves
	case Carrier:
		d := x.HandOff()
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.duplicateLocked()
	case syscall.Conn:
		// Not by a File method, where there is one: its file becomes blocking when
		// somebody asks for its Fd, and all that share the descriptor with it.
		raw, err := x.SyscallConn()
		if err != nil {
			return nil, err
		}
		var fd int
		if raw.Control(func(own uintptr) { fd, err = sys.Duplicate(int(own)) }) != nil {
			return nil, os.ErrClosed // the poller has errors of its own for it
		}
		if err != nil {
			return nil, err
		}
		return os.NewFile(uintptr(fd), name), nil
	case interface{ File() (*os.File, error) }:
		f, err := x.File()
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return duplicate(f, name)
	}
	return nil, fmt.Errorf("%T: %w", x, errNoDescriptor)
}

func nameOf(x any) string {
	switch x := x.(type) {
	case nil:
		return "nil"
	case Carrier:
		return x.HandOff().Name()
	case interface{ Name() string }:
		return x.Name()
	}
	// Not by the interfaces of package net: whoever imports it gets the C library too,
	// where there is one, and starts slower by a third.
	for _, method := range []reflect.Value{
		reflect.ValueOf(x).MethodByName("Addr"), reflect.ValueOf(x).MethodByName("LocalAddr"),
	} {
		if !method.IsValid() || method.Type().NumIn() != 0 || method.Type().NumOut() != 1 {
			continue
		}
		if a, ok := method.Call(nil)[0].Interface().(interface{ Network() string }); ok {
			return fmt.Sprint(a.Network(), " ", a)
		}
	}
	return fmt.Sprintf("%T", x)
}
