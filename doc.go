// Package multiproc starts processes that run Go functions, as Python's
// multiprocessing does for Python.
//
// # Usage
//
// A child process runs an entry: a function with a name, declared in a package
// variable. Its argument and its result are encoded; shared state is reached
// through handles in the argument, such as those of the packages shm, psync, queue and
// manager. Package pool runs entries on processes that live longer than one call.
//
//	var square = multiproc.Func("square", func(ctx context.Context, n int) (int, error) {
//		return n * n, nil
//	})
//
//	func main() { multiproc.Main(run) }
//
//	func run(ctx context.Context) error {
//		call, err := square.Start(ctx, 7)
//		if err != nil {
//			return err
//		}
//		n, err := call.Result(ctx)
//		…
//	}
//
// Go cannot fork, so a child is the same program, executed anew. It initializes
// its packages, enters main, and there [Main] (or [Init], in a program with a main
// function of its own and in TestMain) finds out that this is a child, runs
// the entry and exits. So: declare entries in package variables or init functions,
// call Main or Init first in main, and expect no variable that the parent has set
// since to be set in a child. os.Args are the parent's; the argument itself
// never appears in the command line or the environment.
//
// A type that would lose something on its way is refused when the entry is
// declared: unexported fields, functions, channels, interfaces. Open files, listeners
// and connections travel as a [File].
//
// A [Group] starts several children and waits for them. [Call], [Process] and the
// error types tell what became of one. A child is either waited for by its parent,
// at the latest when the parent ends, or a daemon, which the parent then ends.
//
// In goroutine mode ([Goroutines], or MULTIPROC_MODE=goroutines in the
// environment) entries run as goroutines of one process, with the same encoding and
// the same rules. It serves debugging and the race detector, and systems other
// than Linux. Which member of the family runs a piece of code is then known by its
// context alone: pass on the one that the entry was given. The calling
// process's own os.Exit, panics in other goroutines, its directory,
// environment and standard files are everybody's there.
//
// # Concurrency
//
// All functions and methods may be called by several goroutines at once, but for
// declarations and the first Main or Init, which belong into the initialization.
// What was done before Start happens before the entry runs, and what the entry did happens
// before Wait and Result return.
//
// # Crash behaviour
//
// A child that panics, exits, or is killed is reported as just that by Wait: the
// errors are types of their own. Once Wait has returned and [Process.Done] is
// closed, the family knows of the death: locks that the child held are Abandoned.
//
// No child outlives its ancestors by more than its grace time. When any ancestor dies, in
// whatever way, the contexts of all that descend from it end at the same moment,
// with the cause [ErrParentDied]; one that is still there after its grace time exits
// with code 3. A child whose context the parent ends is killed after the grace time.
// An execve by a child counts as its death for the locks; Wait then tells how the
// executed program ended.
//
// When the root panics, calls os.Exit or is killed, exit functions do not run, and
// the children are orphans.
//
// # Limits
//
// A child process is recognized only in its parent's pid namespace. The parent
// keeps three descriptors and two goroutines for each live child.
// Arguments and results are held in memory as a whole. SIGTERM kills a child that
// is too young to listen. What travels in a [File] counts against the limits of open
// files of both processes.
//
// # Testing
//
// Call Init in TestMain; then a test binary is a root like any other, and its tests
// can start the entries of the package:
//
//	func TestMain(m *testing.M) {
//		multiproc.Init()
//		os.Exit(m.Run())
//	}
package multiproc
