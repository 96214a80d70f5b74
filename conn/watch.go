package conn

import (
	"context"
	"net"
	"sync"
	"time"
)

// A watch makes the end of a context interrupt one direction of a connection, by a
// deadline that has passed. Fields are written with mu; whoever has the direction's turn
// reads them without.
//
// To register with a context costs three allocations. A context that never ends costs
// nothing, and one that is used twice in a row, as by a server's loop, stays registered. One that
// is used once is left at once: it mostly ends soon, and would interrupt nobody at a price.
type watch struct {
	reads bool // which direction

	mu    sync.Mutex
	done  <-chan struct{} // whose end interrupts; nil if none is registered
	stop  func() bool     // ends the registration
	last  <-chan struct{} // what was registered by the operation before
	fired bool            // the deadline of the stream has passed because of done
	user  time.Time       // the deadline that was asked for
}

// longAgo is a deadline that has passed.
func longAgo() time.Time { return time.Unix(1, 0) }

func (w *watch) enter(ctx context.Context, f *Framed) error {
	done := ctx.Done()
	if done == nil && w.done == nil {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if done == w.done {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dropLocked(f)
	if done != nil {
		w.done = done
		w.stop = context.AfterFunc(ctx, func() { w.interrupt(f, done) })
	}
	return nil
}

func (w *watch) leave(f *Framed) {
	if w.done == nil {
		return
	}
	again := w.last == w.done
	if again && !f.closed.Load() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = w.done
	w.dropLocked(f)
}

// interrupt runs when the context of done has ended.
func (w *watch) interrupt(f *Framed, done <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.done == done {
		w.fired = true
		w.set(f.NetConn(), longAgo())
	}
}

func (w *watch) dropLocked(f *Framed) {
	if w.stop != nil {
		w.stop()
	}
	w.done, w.stop = nil, nil
	if w.fired {
		w.fired = false
		w.set(f.NetConn(), w.user)
	}
}

// forget ends the registration for good: the connection is closed.
func (w *watch) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stop != nil {
		w.stop()
	}
}

func (w *watch) setUser(f *Framed, t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.user = t
	if w.fired {
		return nil // dropLocked will set it
	}
	return w.set(f.NetConn(), t)
}

// moved carries the deadline over to a stream that is new.
func (w *watch) moved(f *Framed) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.fired && !w.user.IsZero() {
		w.set(f.NetConn(), w.user)
	}
}

func (w *watch) set(c net.Conn, t time.Time) error {
	if w.reads {
		return c.SetReadDeadline(t)
	}
	return c.SetWriteDeadline(t)
}
