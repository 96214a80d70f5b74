package multiproc

import (
	"os"

	"github.com/multiproc-go/multiproc/internal/handoff"
)

// A File carries a descriptor to another process: an open file, a listener or a
// connection, anywhere in the argument or the result of an entry.
//
//	type job struct {
//		Requests *multiproc.File
//		Log      *multiproc.File
//	}
//
//	var serve = multiproc.Proc("serve", func(ctx context.Context, j job) error {
//		ln, err := multiproc.Take(j.Requests, net.FileListener)
//		…
//	})
//
//	serve.Start(ctx, job{multiproc.NewFile(ln), multiproc.NewFile(logFile)})
//
// Each side has a descriptor of its own and closes its own. The sender's is
// duplicated when the argument is encoded, by Start; what is sent does not change when
// the sender closes or replaces its own afterwards. Where Start fails, or the child dies, no
// duplicate stays behind. What is open is one thing all the same, as after dup(2): files
// share their position, listeners the queue of connections, and a connection ends when
// the last process has closed it.
//
// The receiver takes out what has come, once, by [File.File] or [Take]; it then belongs
// to the receiver as if it had opened it. A File in an argument that is not taken out is closed when the entry returns. One in
// a result is the business of whoever asked for the result; where nobody can ask, as with
// the function [Start] and in a [Group], it is closed when the process has ended. A File
// that has arrived can be sent on until it is taken out. All descriptors are closed on exec.
//
// A File travels in arguments and results alone. Any other encoding of one, as by
// encoding/json, is an error. In goroutine mode all is as between processes, on
// Unix systems; on others descriptors cannot be duplicated, and sending one
// is [errors.ErrUnsupported].
//
// The methods may be called by several goroutines at once. The zero File, and a copy
// of one, is of no use.
type File struct {
	d handoff.Descriptor
}

// NewFile returns a File for x: an [*os.File], a listener, connection or packet connection
// of package net, or whatever else has a SyscallConn method, as of [syscall.Conn], or a
// method File() (*os.File, error). The File refers to x and owns nothing; it may be sent any
// number of times while x is open. Whether x has a descriptor that can be sent is
// found out by Start, whose error names the field.
//
// A connection of package crypto/tls has none: its keys would not travel. Send the
// connection below it before it has spoken.
func NewFile(x any) *File {
	f := &File{}
	f.d.Lend(x)
	return f
}

// File takes out an open file. In the process that made f with NewFile it returns a
// duplicate instead, as often as it is called, and so does [Take].
//
// After Close, and after the descriptor was taken out, the error is [os.ErrClosed]. Upon any
// error f is as it was.
func (f *File) File() (*os.File, error) { return f.d.Take("open") }

// Take takes out of f what open makes of its file: with [net.FileListener],
// [net.FileConn] and [net.FilePacketConn] a listener or a connection,
//
//	ln, err := multiproc.Take(j.Requests, net.FileListener)
//
// The file is open's to use and not to keep, for Take closes it. (As the functions of
// package net have it. They are not methods of File because that would import net into
// every program: with it often comes the C library, and children that start slower by
// a third.) For the rest it is as [File.File]. To close a listener on a Unix socket
// that was made so does not remove its path, which is left to who has made the socket.
func Take[T any](f *File, open func(*os.File) (T, error)) (T, error) {
	var made T
	err := f.d.Use("open", func(file *os.File) (err error) {
		made, err = open(file)
		return err
	})
	return made, err
}

// Close closes a descriptor that has arrived and was not taken out; a File of NewFile
// forgets what it refers to, which stays open. A closed File cannot be used or sent. To
// close it again, or after its descriptor was taken out, does nothing.
func (f *File) Close() error { return f.d.Close() }

// Name is the path of a file, as [os.File.Name] is, or the address of a socket; it
// travels too.
func (f *File) Name() string { return f.d.Name() }

// HandOff is for multiproc, which calls it where an argument or a result is encoded or
// decoded.
func (f *File) HandOff() *handoff.Descriptor { return &f.d }

// MarshalBinary fails for all but the copies that multiproc makes of an argument or a
// result.
func (f *File) MarshalBinary() ([]byte, error) { return f.d.MarshalBinary() }

// UnmarshalBinary undoes MarshalBinary.
func (f *File) UnmarshalBinary(b []byte) error { return f.d.UnmarshalBinary(b) }

// MarshalText always fails, so that encoding/json and others do.
func (f *File) MarshalText() ([]byte, error) { return f.d.MarshalText() }

// UnmarshalText always fails.
func (f *File) UnmarshalText(b []byte) error { return f.d.UnmarshalText(b) }
