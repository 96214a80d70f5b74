// Package conn has pipes between processes of a family, connections that carry whole messages and whose two ends have proved to
// each other that they share a key, and a way to wait for many things at once. Connections speak the protocol of CPython's
// multiprocessing.connection: each end may be a Go program or a Python one.
//
// # Usage
//
//	l, err := conn.Listen("unix", "", conn.Options{Authkey: key})
//	…
//	for {
//		f, err := l.Accept(ctx) // authenticated
//		if err != nil {
//			return err
//		}
//		go serve(f)
//	}
//
// and in another program, which has been told l.Addr() and the key:
//
//	f, err := conn.Dial(ctx, "unix", address, conn.Options{Authkey: key})
//	…
//	err = f.Send(ctx, request)
//	answer, err := f.Recv(ctx)
//
// In Python the same is
//
//	with multiprocessing.connection.Client(address, authkey=key) as c:
//	    c.send_bytes(request)
//	    answer = c.recv_bytes()
//
// [NewFramed] makes a [Framed] of any stream, and [Authenticate] or its halves [Challenge] and
// [Answer] run the handshake on it.
//
// A [Pipe] is for a process and its child, or two of its children. Its ends are typed, and travel in arguments:
//
//	ours, theirs, err := conn.Pipe[request, answer]()
//	…
//	worker.Start(ctx, job{Pipe: theirs}) // from now on it is the worker's
//	err = ours.Send(ctx, request{…})
//	a, err := ours.Recv(ctx) // io.EOF if the worker has died
//
// [Select] waits for several of them, and for queues, events and ends of processes, at a time.
//
// # Concurrency
//
// All methods may be called by any goroutines. On one connection one goroutine sends while another
// receives; of several that send each message stays whole, and of several that receive each
// gets whole messages. A Send does not say that the message was received.
//
// A context that ends a Recv loses nothing, wherever in a message it waited. One that ends a Send in
// the middle of its message leaves a connection on which nothing more can be sent.
//
// A wait goes through Go's poller, as that of every Go socket, and costs about what it costs
// with a net.Conn. [Framed.Block] is for connections on which that is too much.
//
// # Crash behaviour
//
// An end of a pipe is one process's at a time, so that its death is the end for the other side, at once and whoever else lives.
//
// The death of the other end's process is the end of the stream: io.EOF between messages, a
// [FrameError] with io.ErrUnexpectedEOF inside one. A message that was cut off is never given
// out. The socket's file of a listener that was killed remains: one that this package
// chose the path of is removed by a later Listen, another's by Listen with
// ReplaceDead.
//
// # Security
//
// The handshake is mutual: neither end accepts one who has not the key. It proves that both
// have the key and nothing else. What follows is neither encrypted nor signed, and
// someone between the ends, who can pass on the handshake, can change it: use Unix sockets, or TCP
// over a network that you trust. The key of length 0 is a key that everybody has.
//
// Whoever connects may know nothing of the key and mean harm:
//
//   - before the handshake is over, messages are limited to 256 bytes, the whole of it to
//     HandshakeTimeout however slowly bytes come, and such connections to MaxPending, of
//     which the oldest makes way. They delay nobody else;
//   - no memory is allocated for what is only announced: a buffer grows as bytes arrive;
//   - answers are compared in constant time, and a refusal says nothing more;
//   - an end does not answer challenges that an end of its own role has made. This keeps
//     someone without the key from having one client answer for another. CPython's ends
//     do not know each other's challenges, and can be used so;
//   - old versions of Python prove the key by HMAC-MD5. ForbidMD5 refuses them.
//
// A Unix socket's file is readable and writable by its owner alone, and one without a given path lies in a
// directory that nobody else may enter. Abstract sockets have no permissions.
//
// # Limits
//
// A message may have up to 256 MiB unless SetMaxMessage or MaxMessage say otherwise. One that
// is larger stays where it is, and can be received with a higher limit. On the wire, messages of
// 2 GiB and more have a longer header; CPython has it since 3.8.
//
// # Differences from Python
//
//   - Without a key, Listen and Dial fail unless the options say NoAuthentication.
//   - A key of length 0 is a key at both ends. The Listener of CPython up to 3.12 takes
//     it for none, and its Client does not.
//   - Lengths below -1 are an error; CPython takes them for 0.
//   - A message that is too large, or does not fit into the buffer, is not lost, and the connection
//     goes on.
//   - A Listener runs any number of handshakes at once. One in Python stops at the
//     first client that is silent.
//   - A reset by the other end is io.EOF, as every other death.
//   - An end of a pipe moves to the process that it is passed to, where Python's is duplicated.
//   - Addresses of Listen and Dial have the form of package net: @name is an abstract socket.
//
// # Testing
//
// The tests run against every CPython of 3.8, 3.11 and 3.13 that they find, in both roles.
package conn
