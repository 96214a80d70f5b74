// Package manager shares dicts, lists and other objects between processes that need not be of one
// program, nor of one language: it is the Manager of Python's multiprocessing, and speaks its protocol. A server holds the
// objects; clients in Go and in any Python from 3.8 use them through proxies.
//
// # Usage
//
// [Start] starts a server in a child process, as Python's Manager() does. [Dial] connects to one that is there
// already, ours or one of CPython; [NewServer] is a server in this process.
//
//	func run(ctx context.Context) error {
//		m, err := manager.Start(ctx, manager.Options{})
//		if err != nil {
//			return err
//		}
//		defer m.Close()
//		stock, err := manager.NewDict[string, int](ctx, m)
//		…
//		err = stock.Set(ctx, "apples", 3)
//		n, err := stock.Update(ctx, "apples", func(n int, _ bool) (int, error) { return n - 1, nil })
//		for item, err := range stock.All(ctx) {
//			…
//		}
//	}
//
// [Mutex], [ReentrantMutex], [RWMutex], [Semaphore], [Cond], [Event], [Barrier], [Queue] and [Counter] are for processes that wait for each other, of one
// machine or of several; within one family packages psync and queue need no server. Their methods have the names that they have there. What differs:
// all but Unlock, Release and Abandoned ask the server, and so have a context and an error; one with Try in its name returns
// whether there was something to be had, and an error; a panic under a Do abandons nothing; and a Wait at a Barrier that is given up breaks it.
//
// Every call that asks the server may fail with a [*CallError], if it did not get there or its reply was lost; an [*Exception], which the method
// has raised; or a [*RemoteError], with which the server refuses it.
//
// [Dict], [List], [Set], [Namespace], [Value] and [Array] have the methods of Python's objects under names of Go. They are
// typed on this side only: what is in the server has Python's types, by pickle.FromGo and pickle.ToGo. Where a type
// is any, ints come as int64 or *big.Int, and containers as values of package pickle. [Proxy] is an object of
// any type, whose methods [Proxy.Call] calls by name: what a program in Python has registered, or a
// user type of ours ([Type], [Declare]).
//
// Proxies are handles. In the argument of an entry they lead to the same objects in the child, which connects by
// itself. As values of other proxies they nest: a change of what was got from a Dict[string, *List[int]] is a change for
// all, where one of a slice in a dict is not.
//
// A program in Python connects to a server of ours by SyncManager(address, authkey).connect(), and a Client to a
// manager in Python by the address and the authkey of that.
//
// # Concurrency
//
// All methods may be called by any number of goroutines. A call has a connection to itself while it lasts; connections
// are kept and used again. A server executes one method after another: each is one step for all clients.
//
// What depends on what was read before is more than one step. [Dict.Update] and [Dict.CompareAndSwap], and
// those of the other types, are for that; they need a server of ours, and a server of CPython makes them
// [errors.ErrUnsupported]. Update calls its function again when somebody was faster.
//
// What was done before a call happens before the method executes, and the method before the call returns. Values that
// were set are copies; proxies among them are not.
//
// # Crash behaviour
//
// A call that cannot reach the server, or whose server dies, fails with [ErrGone]; there is nothing to wait for, except
// for the context, on another machine that does not answer. When the context of a call ends, its connection is
// closed, and a server of ours withdraws a call that waits there. But error means "did not happen" within one machine's
// memory only: a call whose error says [CallError].Sent may have been executed, and only the reply was lost.
//
// The objects end with their server. A server of [Start] ends with its Client, with the context of Start, and at the
// latest with the process that started it, its socket removed. One that was killed leaves nothing behind either.
//
// An object lives while somebody refers to it; see [Proxy]. Our servers know the processes at the other ends of their
// Unix sockets, and drop the references of those that die. A proxy in an argument keeps its object alive on the
// way, also if the sender closes its own at once; only the end of the sending process, or its Client's Close, before
// the child has begun leaves it to the server's Options.Grace. CPython's servers keep references of
// processes that were killed for ever, and so do ours over TCP.
//
// What a [Guard] or a [Permit] holds is given up when its process dies, or its connection ends, and in goroutine mode when the entry ends with whose
// context it was taken: the next [Mutex.Lock] finds it Abandoned. An
// item of a [Queue] that was sent, and not received, goes back.
//
// # Limits
//
// A guard keeps a connection, and counts as one of DialOptions.MaxCalls, until it is given back.
//
// A container comes as a whole, or by All of a List in pieces; a reply larger than DialOptions.MaxMessage is an error.
// Each call costs a round trip, of some microseconds over a Unix socket, and in a [Batch] of many about an eighth of that; with CPython's servers, making an object or
// a first reference to a nested one costs a connection more.
//
// Python orders no maps of Go: a dict made of one has its keys sorted if they can be. CPython takes a proxy for
// one of its own only if it names the address as the server itself does: for a server that listens on all
// addresses it works, but by a detour. An AutoProxy inside of another object is beyond CPython 3.8.
//
// In goroutine mode Start needs a Unix system, since the server tells its address over a descriptor.
//
// # Security
//
// Whoever has the key may do everything, as in Python, except to run code: unlike Python's, neither side ever executes
// anything that a pickle says. Keys are drawn by chance, sockets of Start are for this user alone, and the key reaches the
// child and other members of the family over inherited descriptors, never by command line or environment. A
// proxy in an argument has the key with it; in a container it has not. Connections are authenticated, but not
// encrypted: over a network, use a tunnel. A container may have proxies in it that name another server: who reads
// them connects there, and proves the key without telling it.
//
// # Testing
//
// [Start] works in tests whose TestMain calls multiproc.Init. [NewServer] needs no process at all. The tests run one
// suite over servers of ours and of several versions of CPython; without a python3 they say what they have not run.
package manager
