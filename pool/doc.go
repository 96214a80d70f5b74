// Package pool runs entries on worker processes that live longer than one task, as Python's multiprocessing.Pool does, and loses no task when a
// worker dies.
//
// # Usage
//
// The entry that starts a process with [multiproc.Start] serves a pool as well.
//
//	var square = multiproc.Func("square", func(ctx context.Context, n int) (int, error) { return n * n, nil })
//
//	p, err := pool.New(ctx, pool.Options{})
//	…
//	defer p.Terminate()
//	squares, err := pool.Map(ctx, p, square, []int{1, 2, 3})
//
// [Map] takes a slice and returns one. [MapSeq] and [MapUnordered] take and yield sequences of any length in constant memory, in order or as the results come. [Submit] hands in
// one task and returns a [Future]; [First] waits for the first of several. [Pool.Close] finishes what was taken, [Pool.Cancel] drops what was not
// begun, [Pool.Terminate] kills; [Pool.Wait] waits for the end. Workers are daemons: a program that leaves Main ends them.
//
// Arguments and results travel as those of processes do, handles of shared memory, locks and queues included, but for a multiproc.File: descriptors do not pass through
// shared memory, and a type with one is refused.
//
// A task's context is its worker's. It ends when the task is cancelled, and with the pool. [multiproc.Self] tells a task which worker it is in.
//
// # Concurrency
//
// All functions and methods may be called by several goroutines at once. Calls of Map share the workers in turns. What was done before a task was handed in
// happens before it runs; what it did happens before its result is returned.
//
// # Crash behaviour
//
// A worker that is killed, exits or panics while it runs a task fails that task alone, with a [*WorkerError] that tells which worker died and how, or with Options.Retry the task is run
// again; locks that it held are Abandoned. Tasks that it had done are done, tasks that waited behind it go to others, and another worker takes its
// place. No task runs twice unless Retry says so. A task that outlasts Options.TaskTimeout is killed with its worker. An error, or a result that cannot be
// encoded, is that task's error, and its worker goes on.
//
// When the pool's own process dies, its workers are orphans: their contexts end, and they exit within their grace time.
//
// # Limits
//
// A task that was handed to a worker as part of a chunk (Options.Chunk) is not given to another while the worker lives. One argument or result is no larger
// than Options.Bytes.
package pool
