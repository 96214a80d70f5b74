package multiproc

import (
	"log/slog"
	"os"
	"time"

	"github.com/multiproc-go/multiproc/internal/family"
)

// Mode is what children are.
type Mode int

const (
	// Auto is what the environment variable MULTIPROC_MODE says, "processes" or
	// "goroutines"; without it, Processes on Linux and Goroutines elsewhere.
	Auto Mode = iota
	// Processes are real ones, and an error from Start where there are none.
	Processes
	// Goroutines run in this process, as Python's multiprocessing.dummy does.
	Goroutines
)

func (m Mode) String() string {
	switch m {
	case Auto:
		return "auto"
	case Processes:
		return "processes"
	case Goroutines:
		return "goroutines"
	}
	return "unknown mode"
}

// Config is the settings of a program, given once, by [Config.Main] or
// [Config.Init]. Its zero value is what Main and Init use.
type Config struct {
	Mode Mode

	// ArenaLimit is how large the family's shared memory may grow, in bytes.
	// Zero leaves it to the machine.
	ArenaLimit int64

	// Grace is how long a child whose context has ended may take to end before
	// it is killed; 5 seconds if zero, no time at all if negative.
	Grace time.Duration

	// Logger gets debug records of starts, exits, kills and orphans, and a warning for each deadlock that psync
	// has found; without it, those go to slog.Default().
	Logger *slog.Logger
}

// Options are those of one child. The zero value is a non-daemon that inherits
// everything but its standard input.
type Options struct {
	// Name is for people and logs. By default it is the entry's, numbered.
	Name string

	// Daemon makes a child that its parent ends, when the parent itself ends,
	// in place of waiting for it. Unlike Python's, a daemon may have children;
	// it treats them, when it ends, as any parent does.
	Daemon bool

	// Dir is the working directory; the parent's by default.
	Dir string

	// Env is the environment; the parent's if nil.
	Env []string

	// Stdin is empty if nil. Stdout and Stderr are the parent's if nil. The
	// child gets the files themselves; nothing is copied in between.
	Stdin, Stdout, Stderr *os.File

	// Grace is as in Config, which also is its default.
	Grace time.Duration

	Limits Limits
}

// Limits are resource limits that a child process sets on itself before its
// entry runs. A zero leaves what the parent has.
type Limits struct {
	// Memory is how many bytes of address space the child may add to what it
	// has when it begins (RLIMIT_AS, counted from there: the family's shared
	// memory and Go's runtime already reserve much). A Go program that needs more
	// dies with "out of memory" and exit code 2.
	Memory uint64

	// OpenFiles is the number of descriptors (RLIMIT_NOFILE).
	OpenFiles uint64

	// CPU is the processor time that the child may use, in seconds (RLIMIT_CPU).
	// After it the child's context ends with ErrCPULimit; after one second more
	// the kernel kills it.
	CPU uint64

	// Core is the size of a core dump in bytes (RLIMIT_CORE); negative for none.
	Core int64
}

// DefaultGrace is the grace time where neither Config nor Options say otherwise.
const DefaultGrace = 5 * time.Second

func (o Options) grace() time.Duration {
	switch {
	case o.Grace != 0:
		return max(o.Grace, 0)
	case config.Grace != 0:
		return max(config.Grace, 0)
	}
	return DefaultGrace
}

// needsProcess names the first option that means nothing in goroutine mode.
func (o Options) needsProcess() string {
	switch {
	case o.Dir != "":
		return "Dir"
	case o.Env != nil:
		return "Env"
	case o.Stdin != nil:
		return "Stdin"
	case o.Stdout != nil:
		return "Stdout"
	case o.Stderr != nil:
		return "Stderr"
	case o.Limits != Limits{}:
		return "Limits"
	}
	return ""
}

// config is the program's, written by the first Init, before there are others to
// read it.
var config Config

// configureFamily passes on what the family must know before its first use.
func (c Config) configureFamily() {
	if c.Mode == Auto && c.ArenaLimit == 0 || c.Mode == Processes && !haveProcesses {
		return // nothing to say, or Start will say it
	}
	mode, err := family.Processes, error(nil)
	switch c.Mode {
	case Auto:
		mode, err = family.DefaultMode()
	case Goroutines:
		mode = family.Goroutines
	}
	if err == nil {
		err = family.Configure(family.Config{Mode: mode, ArenaLimit: c.ArenaLimit})
	}
	if err != nil {
		panic(err)
	}
}

func note(msg string, args ...any) {
	if config.Logger != nil {
		config.Logger.Debug("multiproc: "+msg, args...)
	}
}
