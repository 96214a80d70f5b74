package pool

import (
	"fmt"
	"runtime"
	"time"

	"github.com/multiproc-go/multiproc"
)

// Options of a pool. The zero value is good.
type Options struct {
	// Workers is how many processes work; 0 is one for each CPU that Go uses.
	Workers int

	// Name is for people: the workers are called Name-1, Name-2 and so on. "" is "pool".
	Name string

	// Init is run in each worker before its first task, as entry.With(argument); its result is dropped. [New] fails if it does.
	// It may take its time; no task is handed to a worker before that, and one that hangs in it keeps its place until the pool ends.
	Init multiproc.Task

	// MaxTasksPerWorker is how many tasks a worker runs before it ends and another takes its place; 0 is any number.
	MaxTasksPerWorker int

	// TaskTimeout is how long one task may run. Then its worker is killed, and the error is [ErrTimeout]. 0 is for ever.
	TaskTimeout time.Duration

	// Retry is how many times a task is run again whose worker was killed or exited under it. An error, a panic and a
	// timeout are the task's own, and final.
	Retry int

	// Chunk is how many tasks of one Map are handed to a worker at a time. 0 leaves it to the pool, which measures how long they
	// take: one at a time of tasks that take a millisecond or more.
	Chunk int

	// Spares are workers, beyond Workers, that are started ahead and do nothing until they replace one that has ended: a spare takes the next
	// task a millisecond or two after a death, a process that has yet to be started needs some more. 0 is none as long as no worker has
	// ended, and one from then on; negative is none ever.
	Spares int

	// Bytes bounds the memory of arguments and, again, of results that are under way, and so the size of one; 0 is 64 MiB. It is taken as
	// it is needed.
	Bytes int64

	// Worker are options of the worker processes: directory, environment, limits, and Grace, which also is what a running task has
	// left when it is cancelled. Name and Daemon are the pool's: all workers are daemons.
	Worker multiproc.Options

	// Progress, if not nil, is called with what Stats returns when that has changed, ten times a second at most, one call at a
	// time, and once more when the pool has ended.
	Progress func(Stats)
}

// maxWorkers bounds Workers and Spares together: the family has room for some thousand processes.
const maxWorkers = 1000

// settle fills in what is 0.
func (o Options) settle() (Options, error) {
	for _, f := range []struct {
		name   string
		v, max int64
	}{
		{"Workers", int64(o.Workers), maxWorkers}, {"Spares", int64(max(o.Spares, 0)), maxWorkers},
		{"MaxTasksPerWorker", int64(o.MaxTasksPerWorker), 1 << 40}, {"TaskTimeout", int64(o.TaskTimeout), 1<<63 - 1},
		{"Retry", int64(o.Retry), 1 << 30}, {"Chunk", int64(o.Chunk), maxChunk}, {"Bytes", o.Bytes, 1<<63 - 1},
	} {
		if f.v < 0 || f.v > f.max {
			return o, fmt.Errorf("pool: Options.%s is %d: it must be at least 0 and at most %d", f.name, f.v, f.max)
		}
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Bytes == 0 {
		o.Bytes = 64 << 20
	}
	if o.Name == "" {
		o.Name = "pool"
	}
	if o.Worker.Name != "" || o.Worker.Daemon {
		return o, fmt.Errorf("pool: Options.Worker: Name and Daemon are the pool's to say")
	}
	return o, nil
}
