// Package mark is how a process knows that multiproc started it.
//
// A child re-executes the program of its parent. It inherits a socket, the control
// stream, and one environment variable, the mark. But environment and descriptors
// are also inherited by all sorts of processes that are nobody's child: a
// program that a child's init function runs, a shell, another build of
// this program, and that before the child had a chance to remove them. Taking
// one of those for a child would run an entry where the user expected a program; the
// reverse would run the whole program again inside each child.
//
// # Usage
//
// The parent makes a mark with [NewMark], puts its [Mark.Env] into the child's
// environment and one end of a socket pair at its descriptor, starts the child, and sends
// [SendHello] as the first thing on the other end. The child calls [Inherited]
// before it does anything else.
//
// # How it decides
//
// A process is a child when all of this holds:
//
//   - the variable is there and well-formed;
//   - /proc/self/exe is the file that the mark names;
//   - the descriptor it names is a Unix stream socket;
//   - the hello that waits there has the mark's nonce and this process's pid.
//
// The hello is looked at without being consumed, so a foreign process that asks takes
// nothing from the child that it belongs to. The pid settles it: only the process that the
// parent started has it. A process waits for the hello only if its
// own parent made the socket: otherwise it would wait for ever for a hello that the real
// child has consumed long ago.
//
// # Crash behaviour
//
// When the parent dies before its hello is out, the child finds the stream
// closed: [ErrOrphan], upon which it should exit. When it dies later, the child is
// a child, and learns of the death from the family's process table.
//
// # Limits
//
// Linux only; elsewhere no process is a child. The parent must know the child's pid
// as the child itself sees it, so a child in a pid namespace of its own is not
// recognized. When a child's init function starts this same program, and the
// parent dies before that second process has looked, it takes itself for the orphan.
//
// # Testing
//
// The tests start real processes: the test binary itself, in the parts of child,
// grandchild, orphan and stranger.
package mark
