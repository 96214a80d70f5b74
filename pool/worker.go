package pool

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/multiproc-go/multiproc"
	"github.com/multiproc-go/multiproc/internal/crashpoint"
	"github.com/multiproc-go/multiproc/internal/entry"
	"github.com/multiproc-go/multiproc/internal/family"
	"github.com/multiproc-go/multiproc/queue"
	"github.com/multiproc-go/multiproc/shm"
)

// A lane is what a worker and its owner share.
type lane struct {
	Number uint64
	Tasks  *queue.Queue[[]byte] // the owner puts, the worker takes; the owner may take back
	Inbox  *inbox               // all workers put, the owner takes

	// Log holds the records of tasks that have ended and were not sent yet: the first Logged bytes. Begun is the number of the task
	// that was begun last. They tell the owner of a dead worker which task it died of.
	Log    *shm.Array[byte]
	Logged *shm.Value[uint64]
	Begun  *shm.Value[uint64]

	Init    string // entry
	InitArg []byte
}

const (
	logBytes = 64 << 10
	// sendAt is how many bytes of records are sent without waiting for more.
	sendAt = 16 << 10
	// sendAfter is how long a record waits for others at most, about.
	sendAfter = time.Millisecond
)

// worker is what every worker process runs.
var worker = multiproc.Proc("multiproc/pool.worker", work)

// labour is a worker as it sees itself.
type labour struct {
	lane
	means   entry.Means
	member  *family.Member
	entries map[string]entry.Func

	mu     sync.Mutex // protects the rest
	log    []byte     // the lane's Log
	logged int
	last   uint64    // the number of its last record
	since  time.Time // of the last message, or when it was last idle
	timer  *time.Timer
	armed  bool
	err    error // of sending
}

func work(ctx context.Context, l lane) error {
	means, _ := entry.Provided() // which runs entries, and so this
	m, err := means.Member(ctx)
	if err != nil {
		return err
	}
	w := &labour{lane: l, means: means, member: m, entries: map[string]entry.Func{}, log: l.Log.Slice()}
	w.timer = time.AfterFunc(time.Hour, w.sendInTime)
	defer w.end()
	if l.Init != "" {
		fn, err := w.find(l.Init)
		if err == nil {
			_, err = fn(ctx, m, l.InitArg, nil)
		}
		if err != nil {
			return err
		}
	}
	ready := append(w.head(0), kindReady)
	if err := l.Inbox.put(ctx, ready); err != nil {
		return gone(ctx, err)
	}
	for {
		b, err := l.Tasks.Get(ctx)
		if err != nil {
			return gone(ctx, err)
		}
		if err := w.run(ctx, b); err != nil {
			return gone(ctx, err)
		}
	}
}

// gone is why a worker ends by itself: nil if it was told to.
func gone(ctx context.Context, err error) error {
	if errors.Is(err, queue.ErrClosed) || ctx.Err() != nil {
		return nil
	}
	return err
}

func (w *labour) find(name string) (entry.Func, error) {
	fn := w.entries[name]
	if fn == nil {
		if fn = w.means.Lookup(name); fn == nil {
			return nil, fmt.Errorf("%w: %q; is it declared in a package variable?", multiproc.ErrUnknownEntry, name)
		}
		w.entries[name] = fn
	}
	return fn, nil
}

// run runs the tasks of one message, until ctx ends. A panic of a task is not held up: it ends this process.
func (w *labour) run(ctx context.Context, b []byte) error {
	r := reader{rest: b}
	name := string(r.bytes())
	number, count := r.number(), r.number()
	fn, unknown := w.find(name)
	if now := time.Now(); w.idle() {
		w.since = now
	}
	var body []byte
	done, calm := ctx.Done(), context.WithoutCancel(ctx) // what was done is told
	for ; count > 0 && !isClosed(done); count, number = count-1, number+1 {
		arg := r.bytes()
		if r.broken {
			return errMessage
		}
		w.Begun.Store(number)
		crashpoint.At("pool.begun")
		err, kind := unknown, byte(kindResult)
		if err == nil {
			body, err = sized(body[:0], func(b []byte) ([]byte, error) { return fn(ctx, w.member, arg, b) })
		}
		crashpoint.At("pool.ran")
		if err != nil {
			kind, body = kindFailed, appendFailure(body[:0], err)
		}
		if err := w.add(calm, number, kind, body, count > 1); err != nil {
			return err
		}
		crashpoint.At("pool.logged")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.Tasks.Len() > 0 && ctx.Err() == nil {
		w.arm()
		return nil // with more to come, one message for all
	}
	return w.send(calm)
}

func (w *labour) idle() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.logged == 0
}

// add writes a record to the log, and sends it if it is time. With more to come, it sees to it that it does not wait for long.
func (w *labour) add(ctx context.Context, number uint64, kind byte, body []byte, more bool) error {
	w.mu.Lock()
	err := w.addLocked(ctx, number, kind, body)
	if more {
		w.arm()
	}
	w.mu.Unlock() // no defer: this is most of what a short task costs
	return err
}

func (w *labour) addLocked(ctx context.Context, number uint64, kind byte, body []byte) error {
	n := 1 + binary.MaxVarintLen64 + len(body)
	if w.logged+n > len(w.log) {
		if err := w.send(ctx); err != nil {
			return err
		}
	}
	if n > len(w.log) {
		// The message is its own log.
		return w.put(ctx, number, append(binary.AppendUvarint(append(w.head(w.busy()), kind), number), body...))
	}
	to := w.log[w.logged:]
	k := 1
	if to[0] = kind; w.logged > 0 && kind == kindResult && number == w.last+1 {
		to[0] = kindNext
	} else {
		k += binary.PutUvarint(to[1:], number)
	}
	k += copy(to[k:], body)
	w.last = number
	w.logged += k
	w.Logged.Store(uint64(w.logged)) // the task counts as done
	if w.logged >= sendAt {
		return w.send(ctx)
	}
	return w.err
}

// arm sets the timer. It is called with mu held.
func (w *labour) arm() {
	if !w.armed && w.logged > 0 {
		w.armed = true
		w.timer.Reset(sendAfter)
	}
}

// end sees to it that nothing is written to the lane any more: when a worker that is a goroutine has ended, its owner reads it, and frees it.
func (w *labour) end() {
	w.timer.Stop()
	w.mu.Lock() // until sendInTime, if it runs, has returned
	defer w.mu.Unlock()
	w.err = queue.ErrClosed
}

// sendInTime sends what waits while a task takes longer.
func (w *labour) sendInTime() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed = false
	if err := w.send(context.Background()); err != nil {
		w.err = err
	}
}

// send sends the log and empties it. If the process dies in between, the owner has the records twice. It is called with mu held.
func (w *labour) send(ctx context.Context) error {
	if w.logged == 0 || w.err != nil {
		return w.err
	}
	if err := w.Inbox.put(ctx, append(w.head(w.busy()), w.log[:w.logged]...)); err != nil {
		return err
	}
	crashpoint.At("pool.sent")
	w.logged = 0
	w.Logged.Store(0)
	return nil
}

// put sends one record that is too large for the log; if it is too large for the queue as well, an error in its place.
func (w *labour) put(ctx context.Context, number uint64, b []byte) error {
	err := w.Inbox.put(ctx, b)
	if err == nil || errors.Is(err, queue.ErrClosed) {
		return err
	}
	failed := binary.AppendUvarint(append(w.head(0), kindFailed), number)
	return w.Inbox.put(ctx, appendFailure(failed, fmt.Errorf("pool: the result: %w", err)))
}

// busy is how long the worker has worked since it was last asked.
func (w *labour) busy() time.Duration {
	now := time.Now()
	d := now.Sub(w.since)
	w.since = now
	return d
}

// head is how a message begins.
func (w *labour) head(busy time.Duration) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(nil, w.Number), uint64(max(busy, 0)))
}
